"""What a picture may be: its kinds, types, limits and states, and what is refused at the door."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.errors import Conflict, Invalid, TooLarge

LARGEST_FILE = 40 * 1024 * 1024
"""Of a file that is sent in one request."""
LARGEST_UPLOAD = 384 * 1024**2
"""Of a file that is sent in parts: what a process of the darkroom can look into and copy within its memory."""
MOST_PIXELS = 64_000_000
MOST_ATTEMPTS = 3


class PictureKind(StrEnum):
    XRAY = "xray"
    PHOTO = "photo"
    VOICE = "voice"
    """A voice message: kept, looked into and given out as a picture is, and in no list of a patient's pictures."""


class PictureState(StrEnum):
    UPLOADED = "uploaded"
    """Kept, but not looked into yet: nobody is shown it."""
    READY = "ready"
    QUARANTINED = "quarantined"
    """Looked into and held back, see `Reason`: the patient is not shown it, staff sees why and decides."""


class Reason(StrEnum):
    """Why a picture stands in quarantine."""

    BROKEN = "broken"
    """Cut off, damaged, or no picture behind its first bytes."""
    TOO_MANY_PIXELS = "too-many-pixels"
    UNSUPPORTED = "unsupported-encoding"
    """A form of its type that we do not read."""
    NO_PICTURE = "no-picture"
    """An honest DICOM file without pixels: a report, a plan, a directory."""
    TOO_COSTLY = "too-costly"
    """It took more memory or time than any honest picture."""
    LOST = "lost"
    """The storage no longer holds its bytes."""
    FILE_DIFFERS = "file-differs"
    """Its size or SHA-256 is not what its sender announced: the way hurt it, or it is another file."""
    TYPE_DIFFERS = "type-differs"
    """It is a picture, but of another type than its sender announced."""
    TWO_FACES = "two-faces"
    """A picture that is also something else: a program, a page, an archive or a PDF hides in it."""
    INFECTED = "infected"
    """The virus scanner knows it."""
    NOT_SCANNED = "not-scanned"
    """The virus scanner does not look at files so large."""
    ANOTHER_PERSON = "another-person"
    """The file names somebody else than the patient whose record it was put into."""
    NOT_ONE_SOUND = "not-one-sound"
    """Of a voice message: something else than one track of sound, a film, a cover, two of them, or none."""
    TOO_LONG = "too-long"


HUMAN_DECIDES = frozenset({Reason.ANOTHER_PERSON})
"""What staff may overrule: the picture is then shown all the same."""

MAY_CHANGE = frozenset({Reason.TOO_COSTLY, Reason.LOST, Reason.NOT_SCANNED})
"""What may be otherwise at another look, though nobody touches the file."""


class MediaType(StrEnum):
    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    AVIF = "image/avif"
    """Only given, never taken."""
    DICOM = "application/dicom"
    MP4_SOUND = "audio/mp4"
    OGG_SOUND = "audio/ogg"
    WEBM_SOUND = "audio/webm"


class Variant(StrEnum):
    """What of a picture can be fetched."""

    PREVIEW_1024 = "preview_1024"
    """A WebP that fits a square of 1,024 pixels; as JPEG and AVIF it is made when it is first asked for."""
    PREVIEW_256 = "preview_256"
    PREVIEW_1024_JPEG = "preview_1024_jpeg"
    PREVIEW_256_JPEG = "preview_256_jpeg"
    PREVIEW_1024_AVIF = "preview_1024_avif"
    PREVIEW_256_AVIF = "preview_256_avif"
    DOWNLOAD = "download"
    """The whole picture, pixel for pixel, without what its file says of people, places and devices."""
    DRAWN_1024 = "drawn_1024"
    """The preview with what the clinic drew on it."""
    ORIGINAL = "original"
    """The file as it came; for staff alone."""


class PictureTypeRefused(Invalid):
    slug = "picture-type-refused"


class PictureTooLarge(TooLarge):
    slug = "picture-too-large"


class PictureDiffers(Conflict):
    """The name is taken by other bytes: a picture is never overwritten."""

    slug = "picture-differs"


class Rejected(Exception):
    """Looked into and turned down for good: looking again would end the same way."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class DicomFacts:
    """What a DICOM file says of how it was taken (PS3.3), as the row `picture_dicom` keeps it; lengths are cut.

    `acquired_at`: the device's own clock without a zone, ISO 8601.
    """

    modality: str
    sop_class: str
    transfer_syntax: str
    photometric: str
    bits_stored: int
    study_uid: str | None = None
    series_uid: str | None = None
    instance_uid: str | None = None
    series_number: int | None = None
    instance_number: int | None = None
    acquired_at: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    body_part: str | None = None
    laterality: str | None = None
    view: str | None = None
    exposure_kv: float | None = None
    exposure_uas: float | None = None
    row_spacing_mm: float | None = None
    column_spacing_mm: float | None = None
    burned_in: bool = False
    """The file says that words are written into its pixels: a name may stand in the picture, and in every copy."""


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """Whom a file names: compared with the patient once, kept nowhere. `name` as PS3.5 writes a PN."""

    name: str | None
    birth_date: str | None
    """YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Developed:
    """A picture that was looked into: its size in pixels as it is looked at, WebP previews, the patient's copy.

    `download` None: the file as it came says nothing but the picture, and is the copy itself. A path: it lies there.
    """

    width: int
    height: int
    preview_1024: bytes
    preview_256: bytes
    blurhash: str
    frames: int = 1
    download: bytes | Path | None = None
    dicom: DicomFacts | None = None
    person: NamedPerson | None = None


EXTENSIONS = {
    MediaType.JPEG: "jpg", MediaType.PNG: "png", MediaType.WEBP: "webp", MediaType.AVIF: "avif",
    MediaType.DICOM: "dcm", MediaType.MP4_SOUND: "m4a", MediaType.OGG_SOUND: "ogg", MediaType.WEBM_SOUND: "webm",
}  # fmt: skip

_PREAMBLE = 128
_MARKED = re.compile(
    rb"\A\s*(?:MZ|#!|\x7fELF|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe|\x1f\x8b|BZh|dex\n)"
    rb"|\A\s*(?:GIF8|\x89PNG|\xff\xd8\xff|RIFF)"
    rb"|<(?:[!?%]|[a-z][a-z0-9]*[\s>/:])|%PDF|%!PS|PK[\1-\7][\2-\10]|Rar!|7z\xbc\xaf|MSCF|\xd0\xcf\x11\xe0",
    re.IGNORECASE,
)
"""How another format begins: most of them only at the very start, pages, papers and archives also further on."""


def media_type_of(content: bytes) -> MediaType | None:
    """The type by the first bytes alone; a file's name and declared type are only said, never believed.

    None for everything else: SVG, HTML, GIF, PDF, and a DICOM whose preamble could be a program or a page (PS3.10 §7.1
    leaves those 128 bytes free: devices write zeros, spaces, their name or the header of a TIFF there).
    """
    if content.startswith(b"\xff\xd8\xff"):
        return MediaType.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return MediaType.PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return MediaType.WEBP
    if content[_PREAMBLE : _PREAMBLE + 4] == b"DICM" and not _MARKED.search(content[:_PREAMBLE]):
        return MediaType.DICOM
    return None


def admitted(content: bytes) -> MediaType:
    """The type of an upload; raises `PictureTooLarge`, `PictureTypeRefused`."""
    if len(content) > LARGEST_FILE:
        raise PictureTooLarge
    media_type = media_type_of(content)
    if media_type is None:
        raise PictureTypeRefused
    return media_type


def within_pixels(width: int, height: int) -> bool:
    """Whether a header's claim may be decoded at all."""
    return width > 0 and height > 0 and width * height <= MOST_PIXELS


def gives_up(attempts: int) -> bool:
    """Whether a picture that outlived its helper `attempts` times is to blame itself."""
    return attempts >= MOST_ATTEMPTS
