"""A clinic's picture archive that speaks DICOMweb: how things are named there, where it may stand, what it is asked.

Source: DICOM PS3.18 §10.4 (Retrieve), PS3.5 §9.1 (UIDs).
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import StringConstraints

from core.errors import Conflict, Fault, Gone, Invalid, NotFound, Unavailable
from core.outside import address_fault

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]
"""Digits and dots. A part may begin with 0, which the standard forbids and devices do."""
LARGEST_INSTANCE = 512 * 1024**2
RETRY_SECONDS = 30


class SignIn(StrEnum):
    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"


class Trouble(StrEnum):
    """Why an archive gave nothing."""

    UNREACHABLE = "unreachable"
    """It does not answer, too slowly, or that it cannot now."""
    ADDRESS_REFUSED = "address-refused"
    """Its name leads to an address that is nobody's to call from here."""
    SIGN_IN_REFUSED = "sign-in-refused"
    ODD_ANSWER = "odd-answer"
    """No WADO-RS: a redirect, another type, torn pieces, several instances, more than `LARGEST_INSTANCE`."""


class ArchiveUnreachable(Unavailable):
    """The archive gives nothing now: it is down, or not set up so that it lets us in."""

    slug = "dicomweb-unreachable"

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(retry_after_seconds=RETRY_SECONDS)
        self.trouble = trouble


class InstanceGone(NotFound):
    """The archive has no such instance."""

    slug = "dicomweb-instance-gone"


class InstanceChanged(Conflict):
    """Under this name the archive gives another file than the one that was looked into."""

    slug = "dicomweb-instance-changed"


class SourceEnded(Gone):
    """The clinic does not use this archive any more."""

    slug = "dicomweb-source-ended"


class AddressRefused(Invalid):
    """No address where an archive may stand."""

    slug = "dicomweb-address-refused"


@dataclass(frozen=True, slots=True)
class Instance:
    """How a DICOM instance is named; `frame` from 1, None: the one that stands for all."""

    study_uid: str
    series_uid: str
    instance_uid: str
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """Where an archive answers and how it lets us in. `secret`: the password, or the token."""

    address: str
    sign_in: SignIn = SignIn.NONE
    user_name: str = ""
    secret: str = field(default="", repr=False)


class Archive(Protocol):
    """Fetches what a clinic's archive keeps."""

    async def fetch(self, server: Server, instance: Instance, path: Path) -> str:
        """Write the whole instance, as a DICOM file, into `path`; its SHA-256 in hex.

        Raises `InstanceGone`, `ArchiveUnreachable`; what then lies at `path` is worth nothing.
        """
        ...

    async def check(self, address: str) -> None:
        """Whether its name leads where we may call. Raises `AddressRefused`, `ArchiveUnreachable`."""
        ...

    async def close(self) -> None: ...


def instance_address(base: str, instance: Instance) -> str:
    """The address of a whole instance (PS3.18 §10.4.1.1.1)."""
    study, series = f"studies/{instance.study_uid}", f"series/{instance.series_uid}"
    return f"{base.rstrip('/')}/{study}/{series}/instances/{instance.instance_uid}"


def file_of(sha256: str, frame: int | None) -> str:
    """What a picture's files are kept under: two frames of one instance are two pictures, each with its previews."""
    return sha256 if frame is None else hashlib.sha256(f"{sha256} frame {frame}".encode()).hexdigest()


def checked_address(address: str, *, plain_http: bool = False) -> str:
    """`address` itself where it may be the root of an archive: https, a host, a path, and nothing else.

    Raises `AddressRefused`.
    """
    if fault := address_fault(address, plain_http=plain_http):
        raise AddressRefused(Fault("/address", fault))
    return address


def check_sign_in(server: Server) -> None:
    """Each way needs its own. Raises `Invalid`."""
    needs = {
        SignIn.NONE: (False, False), SignIn.BASIC: (True, True), SignIn.BEARER: (False, True),
    }[server.sign_in]  # fmt: skip
    given = (bool(server.user_name), bool(server.secret))
    names = ("/user_name", "/secret")
    faults = [
        Fault(name, "missing" if need else "not-used")
        for name, need, is_given in zip(names, needs, given, strict=True)
        if need != is_given
    ]
    if ":" in server.user_name:  # RFC 7617 §2: what stands before the first colon is the name
        faults.append(Fault("/user_name", "holds-a-colon"))
    if faults:
        raise Invalid(*faults)
