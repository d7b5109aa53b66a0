"""What a picture may be: its kinds, types, limits and states, and what is refused at the door."""

from dataclasses import dataclass
from enum import StrEnum

from core.errors import Conflict, Invalid, TooLarge

LARGEST_FILE = 40 * 1024 * 1024
MOST_PIXELS = 60_000_000
MOST_ATTEMPTS = 3


class PictureKind(StrEnum):
    XRAY = "xray"
    PHOTO = "photo"


class PictureState(StrEnum):
    UPLOADED = "uploaded"
    """Kept, but not looked into yet: nobody is shown it."""
    READY = "ready"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why a picture was rejected after it was looked into."""

    BROKEN = "broken"
    """Cut off, damaged, or no picture behind its first bytes."""
    TOO_MANY_PIXELS = "too-many-pixels"
    UNSUPPORTED = "unsupported-encoding"
    """A form of its type that we do not read: compressed or many-frame DICOM."""
    TOO_COSTLY = "too-costly"
    """It took more memory or time than any honest picture."""
    LOST = "lost"
    """The storage no longer holds its bytes."""


class MediaType(StrEnum):
    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    DICOM = "application/dicom"


class Variant(StrEnum):
    """What of a picture can be fetched: the file as it came, or a WebP that fits a square of so many pixels."""

    ORIGINAL = "original"
    PREVIEW_1024 = "preview_1024"
    PREVIEW_256 = "preview_256"


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
class Developed:
    """A picture that was looked into: its size in pixels as it is looked at, and two WebP previews."""

    width: int
    height: int
    preview_1024: bytes
    preview_256: bytes


EXTENSIONS = {MediaType.JPEG: "jpg", MediaType.PNG: "png", MediaType.WEBP: "webp", MediaType.DICOM: "dcm"}

_PREAMBLE = 128
_TIFF = (b"II*\0", b"MM\0*")


def media_type_of(content: bytes) -> MediaType | None:
    """The type by the first bytes alone; a file's name and declared type are only said, never believed.

    None for everything else: SVG, HTML, GIF, PDF, and a DICOM whose preamble could be a program (PS3.10 §7.1
    leaves those 128 bytes free; zeros and the header of a TIFF are the only honest uses).
    """
    if content.startswith(b"\xff\xd8\xff"):
        return MediaType.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return MediaType.PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return MediaType.WEBP
    preamble = content[:_PREAMBLE]
    if content[_PREAMBLE : _PREAMBLE + 4] == b"DICM" and (not any(preamble) or preamble.startswith(_TIFF)):
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
