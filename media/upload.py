"""What an upload may be: its announced facts, its parts, how long it may take, and how much a clinic may keep."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from core.errors import Conflict, Fault, Invalid, TooLarge
from media.kinds import LARGEST_UPLOAD, MediaType, PictureKind, PictureTooLarge
from media.storage import Span

PART_BYTES = 8 * 1024 * 1024
"""S3 takes no part below 5 MiB but the last; eight are a minute of a poor line."""
UPLOAD_LIFE = timedelta(hours=24)
MOST_OF_ACCOUNT = 100
"""Uploads that one patient's account begins for one record within `UPLOAD_LIFE`."""
ADDRESS_SECONDS = 3600
"""How long a signed address takes a part: who is slower asks for the upload again and gets new ones."""


class UploadState(StrEnum):
    OPEN = "open"
    """Parts are missing, or it was not said that it is complete."""
    COMPLETE = "complete"
    """All bytes are here; what becomes of the picture stands in its own state."""


class PatientQuotaReached(Conflict):
    slug = "media-quota-of-patient"


class ClinicQuotaReached(Conflict):
    slug = "media-quota-of-clinic"


class UploadIncomplete(Conflict):
    """Said to be complete while parts are missing or have another size."""

    slug = "upload-incomplete"


class PartTooShort(Conflict):
    """A part ended before all of its bytes were here."""

    slug = "part-too-short"

    def __init__(self, expected_bytes: int) -> None:
        super().__init__()
        self.expected_bytes = expected_bytes


class PartTooLong(TooLarge):
    """A part that does not end where it should."""

    slug = "part-too-long"

    def __init__(self, expected_bytes: int) -> None:
        super().__init__()
        self.expected_bytes = expected_bytes


class UploadOver(Conflict):
    """It is complete already: parts are taken no more."""

    slug = "upload-over"


@dataclass(frozen=True, slots=True)
class Announced:
    """What the sender says of a file before a byte of it is here; `sha256` in hex."""

    kind: PictureKind
    media_type: MediaType
    size_bytes: int
    sha256: str
    taken_on: date | None = None
    released: bool = False
    private: bool = False
    teeth: tuple[str, ...] = ()

    @property
    def told_hash(self) -> str:
        return told_hash(self.kind, self.taken_on, self.teeth, released=self.released, private=self.private)


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes that may be kept of one patient and of one clinic; files on their way count as what they announced."""

    patient_bytes: int
    clinic_bytes: int


USUAL_QUOTA = Quota(patient_bytes=20 * 1024**3, clinic_bytes=5 * 1024**4)


@dataclass(frozen=True, slots=True)
class Used:
    """Bytes that are kept already, and announced."""

    patient_bytes: int
    clinic_bytes: int


@dataclass(frozen=True, slots=True)
class ExternalName:
    """How a clinic's own system names a picture."""

    source: str
    external_id: str


def told_hash(kind: str, taken_on: date | None, teeth: Iterable[str], *, released: bool, private: bool) -> str:
    """What a clinic's own system said of a picture: telling the same again undoes nothing that staff did since."""
    told = [kind, taken_on.isoformat() if taken_on else None, sorted(teeth), released, private]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def check_quota(used: Used, size_bytes: int, quota: Quota) -> None:
    """Raises `PatientQuotaReached`, `ClinicQuotaReached`."""
    if used.patient_bytes + size_bytes > quota.patient_bytes:
        raise PatientQuotaReached
    if used.clinic_bytes + size_bytes > quota.clinic_bytes:
        raise ClinicQuotaReached


def check_size(size_bytes: int) -> None:
    """Raises `Invalid` for a file without bytes, `PictureTooLarge`."""
    if size_bytes < 1:
        raise Invalid(Fault("/size_bytes", "greater-than-equal"))
    if size_bytes > LARGEST_UPLOAD:
        raise PictureTooLarge


def parts_of(size_bytes: int, part_bytes: int = PART_BYTES) -> list[Span]:
    """The spans of the parts of a file, in order; part `n` of the API is the span `n - 1`."""
    starts = range(0, max(size_bytes, 1), part_bytes)
    return [Span(start, min(start + part_bytes, size_bytes) - 1) for start in starts]


def is_whole(received: dict[int, int], size_bytes: int, part_bytes: int) -> bool:
    """Whether these parts (size in bytes by number) are all of the file, each of its size and no other."""
    wanted = {number: span.last - span.first + 1 for number, span in enumerate(parts_of(size_bytes, part_bytes), 1)}
    return received == wanted
