"""Opens a DICOM file: what it claims and where its pixels begin, before any of them is unpacked. Darkroom only."""

import logging
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from media.dicom.values import whole
from media.kinds import Reason, Rejected, within_pixels

# pydicom quotes what it could not read, and that may be a name.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

LARGEST_INFLATED = 128 * 1024**2
MOST_FRAMES = 20_000
_META_STARTS, _META_GROUP = 132, 2
UNDEFINED = 0xFFFFFFFF
_PIXELS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}
_PIXEL_GROUP = 0x7FE0
_PIXEL_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"UN"})
_VOLUMES = frozenset({"CT", "MR", "PT"})


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels lie in a file. `length` is `UNDEFINED` where they come in fragments with an end of their own."""

    keyword: str
    vr: str | None
    begins: int
    length: int


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A file whose header was read and whose size was found decent.

    `content`: the file, never deflated; `syntax`: how `content` is written; `told`: the transfer syntax that came;
    `header`: everything before the pixels; `shown`: the frame that stands for all, counted from 0.
    """

    content: bytes
    header: Dataset
    syntax: UID
    told: UID
    pixels: PixelElement
    frames: int
    shown: int


def opened(content: bytes, frame: int | None = None) -> DicomFile:
    """The header alone, checked; `frame`: the one to be shown, from 1.

    Raises `Rejected`, and whatever pydicom raises over a damaged file.
    """
    told = _transfer_syntax(content)
    content, syntax = _inflated(content) if told == DeflatedExplicitVRLittleEndian else (content, told)
    source = BytesIO(content)
    header = dcmread(source, stop_before_pixels=True)
    pixels = _pixels(content[source.tell() : source.tell() + 12], source.tell(), header)
    _check_syntax(syntax)
    frames = _frames(header)
    if frames > MOST_FRAMES or not within_pixels(whole(header, "Columns"), whole(header, "Rows")):
        raise Rejected(Reason.TOO_MANY_PIXELS)
    if frame is not None and not 1 <= frame <= frames:
        raise Rejected(Reason.NO_PICTURE)
    shown = _shown(header, frames) if frame is None else frame - 1
    return DicomFile(content, header, syntax, told, pixels, frames, shown)


def _meta(content: bytes) -> tuple[Dataset, int]:
    start = BytesIO(content)
    start.seek(_META_STARTS)
    meta = read_dataset(
        start, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, *_: tag.group != _META_GROUP
    )
    return meta, start.tell()


def _transfer_syntax(content: bytes) -> UID:
    told = UID(str(_meta(content)[0].get("TransferSyntaxUID", "") or ""))
    if not told:
        raise Rejected(Reason.BROKEN)
    return told


def _inflated(content: bytes) -> tuple[bytes, UID]:
    """The same file uncompressed, never more than `LARGEST_INFLATED`: half a megabyte may inflate to a gigabyte."""
    _, start = _meta(content)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    body = inflater.decompress(content[start:], LARGEST_INFLATED + 1)
    if len(body) > LARGEST_INFLATED:
        raise Rejected(Reason.TOO_COSTLY)
    if not inflater.eof:
        raise Rejected(Reason.BROKEN)
    # (0002,0010) alone is a meta group that every reader takes, and here the reader is ourselves.
    name = ExplicitVRLittleEndian.encode() + b"\0" * (len(ExplicitVRLittleEndian) % 2)
    meta = struct.pack("<HH2sH", _META_GROUP, 0x0010, b"UI", len(name)) + name
    return bytes(128) + b"DICM" + meta + body, ExplicitVRLittleEndian


def _pixels(head: bytes, at: int, header: Dataset) -> PixelElement:
    """The head of an element (PS3.5 §7.1); with a VR or without, whatever the transfer syntax says."""
    if not head:
        raise Rejected(Reason.NO_PICTURE)
    order = "<" if header.original_encoding[1] else ">"
    group, element = struct.unpack_from(f"{order}HH", head)
    if group != _PIXEL_GROUP or element not in _PIXELS:
        raise Rejected(Reason.BROKEN)
    if head[4:6] not in _PIXEL_VRS:
        return PixelElement(_PIXELS[element], None, at + 8, struct.unpack_from(f"{order}I", head, 4)[0])
    length = struct.unpack_from(f"{order}I", head, 8)[0]
    return PixelElement(_PIXELS[element], head[4:6].decode(), at + 12, length)


def _check_syntax(syntax: UID) -> None:
    try:
        readable = get_decoder(syntax).is_available
    except NotImplementedError:
        readable = False
    if not readable:
        raise Rejected(Reason.UNSUPPORTED)


def _frames(header: Dataset) -> int:
    """One where the file does not say, or says nothing or none: devices write both."""
    return max(1, whole(header, "NumberOfFrames") if header.get("NumberOfFrames") is not None else 1)


def _shown(header: Dataset, frames: int) -> int:
    """The frame that stands for all, counted from 0: the one the file names, else the middle slice or the first image.

    The first slices of a volume show air.
    """
    try:
        named = whole(header, "RepresentativeFrameNumber")
    except (AttributeError, TypeError, ValueError):
        named = 0
    if 1 <= named <= frames:
        return named - 1
    return frames // 2 if str(header.get("Modality", "")) in _VOLUMES else 0
