"""The compressed frames of a DICOM file without the words in them: what is decoded is what the copy will hold."""

import struct
from collections.abc import Iterator

from pydicom.uid import JPEGExtended12Bit, RLELossless

from media.dicom.bits import lowest_bit
from media.dicom.claim import Claim
from media.dicom.file import DicomFile
from media.dicom.fragments import Span, joined
from media.dicom.jpeg import JPEG_STARTS, Jpeg, read_jpeg
from media.dicom.jpeg2000 import read_jpeg_2000
from media.dicom.values import whole
from media.kinds import Reason, Rejected

_RLE_HEADER, _RLE_MOST = 64, 15
_BYTE = 8


def shown_frame(file: DicomFile, spans: list[Span]) -> tuple[bytes, Jpeg | None]:
    """The codestream of the shown frame, blanked, and what its walk found if it is a JPEG.

    Raises `Rejected` where it is of another size than the header says, or no decoder of ours reads it.
    """
    frame = joined(file.content, spans)
    if file.syntax == RLELossless:  # it says nothing of itself, and is unpacked into the room that the header says
        return _clean_rle(frame), None
    if frame.startswith(JPEG_STARTS):
        jpeg = read_jpeg(frame)
        _check(file, jpeg.claim)
        return jpeg.clean, jpeg
    clean, claim = read_jpeg_2000(frame)
    _check(file, claim)
    return clean, None


def clean_frames(file: DicomFile, frames: list[list[Span]]) -> Iterator[bytes]:
    """Each frame, as long as it came, blanked. Raises `Rejected` over one that is none."""
    for spans in frames:
        frame = joined(file.content, spans)
        if file.syntax == RLELossless:
            yield _clean_rle(frame)
        else:
            yield read_jpeg(frame).clean if frame.startswith(JPEG_STARTS) else read_jpeg_2000(frame)[0]


def _check(file: DicomFile, claimed: Claim) -> None:
    header = file.header
    if (claimed.columns, claimed.rows) != (whole(header, "Columns"), whole(header, "Rows")):
        raise Rejected(Reason.BROKEN)
    if claimed.samples != whole(header, "SamplesPerPixel"):
        raise Rejected(Reason.BROKEN)
    if lowest_bit(file):  # its decoder and its header would each put the value elsewhere
        raise Rejected(Reason.UNSUPPORTED)
    if file.syntax == JPEGExtended12Bit and claimed.bits > _BYTE:
        raise Rejected(Reason.UNSUPPORTED)


def _clean_rle(frame: bytes) -> bytes:
    """PS3.5 G.5: the number of segments and fifteen offsets, of which those not used are zero."""
    count = struct.unpack_from("<I", frame)[0]
    if not 1 <= count <= _RLE_MOST or len(frame) < _RLE_HEADER:
        raise Rejected(Reason.BROKEN)
    used = 4 + 4 * count
    return frame[:used] + bytes(_RLE_HEADER - used) + frame[_RLE_HEADER:]
