"""A clinic's picture archive that speaks DICOMweb: how things are named there, where it may stand, what it is asked.

Source: DICOM PS3.18 §10.4 (Retrieve), PS3.5 §9.1 (UIDs).
"""

import hashlib
import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol
from urllib.parse import SplitResult, urlsplit

from pydantic import StringConstraints

from core.errors import Conflict, Fault, Gone, Invalid, NotFound, Unavailable

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]
"""Digits and dots. A part may begin with 0, which the standard forbids and devices do."""
LARGEST_INSTANCE = 512 * 1024**2
LONGEST_ADDRESS = 500
RETRY_SECONDS = 30
_ADDRESS_PARTS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
# An address of the second kind stands for one of the first that we do not see: 6to4, Teredo, NAT64.
_TUNNELS = tuple(ipaddress.ip_network(net) for net in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48"))


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
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise _refused("not-an-address") from None
    schemes = {"https", "http"} if plain_http else {"https"}
    if parts.scheme not in schemes:
        raise _refused("not-https")
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if not is_whole or address != plain or "@" in parts.netloc or not _is_spelt(parts):
        raise _refused("not-an-address")
    if not address.isascii() or ".." in parts.path or len(address) > LONGEST_ADDRESS:
        raise _refused("not-an-address")
    return address


def _is_spelt(parts: SplitResult) -> bool:
    """Of letters of an address only; a number of IPv6 stands in brackets."""
    return bool(_HOST.fullmatch(parts.netloc)) and set(parts.path) <= _ADDRESS_PARTS


def host_of(address: str) -> str:
    return (urlsplit(address).hostname or "").lower()


def _refused(code: str) -> AddressRefused:
    return AddressRefused(Fault("/address", code))


def may_be_called(host: str, numbers: Collection[str], private_hosts: Collection[str]) -> bool:
    """Whether a host whose name leads to these IP addresses may be called.

    All of them must be public: of a private, loopback, link-local or reserved one nobody outside may make us ask.
    Hosts that the operator named are let through.
    """
    return host.lower() in private_hosts or (bool(numbers) and all(_is_public(each) for each in numbers))


def _is_public(number: str) -> bool:
    try:
        found = ipaddress.ip_address(number.partition("%")[0])
    except ValueError:
        return False
    inner = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    found = inner or found
    if found.is_multicast or found.is_reserved or any(found in net for net in _TUNNELS if net.version == found.version):
        return False
    # Python calls site-local addresses (RFC 3879: no longer given, still in use) global.
    return found.is_global and not (isinstance(found, ipaddress.IPv6Address) and found.is_site_local)


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
