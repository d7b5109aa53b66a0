"""Compressed frames of a DICOM file: none of the words around their pixels reaches the copy, none is shown half."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from media.dicom import developed_dicom
from media.kinds import Reason, Rejected
from tests.media.dicom_files import GREY, cut_frame, dicom, fragmented, jpeg_frame, lossless, with_frame
from tests.media.hostile import ELF, PAGE
from tests.media.samples import segment, with_segment

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")

NAME = b"ANNA ROSSI 1985-05-17"
PLAIN = jpeg_frame()


def fill_byte() -> bytes:
    return PLAIN[:2] + b"\xff" + segment(0xFE, NAME) + PLAIN[2:]


def between_scans(comment: bytes) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((64, 32)).save(out, "JPEG", progressive=True)
    content = out.getvalue()
    at = content.rindex(b"\xff\xda")
    return content[:at] + comment + content[at:]


def boxed() -> bytes:
    """A JPEG 2000 in a file of its own, with a box of words before its pixels and one behind them."""
    out = BytesIO()
    Image.linear_gradient("L").resize((64, 32)).save(out, "JPEG2000", no_jp2=False)
    content, box = out.getvalue(), struct.pack(">I", 8 + len(NAME)) + b"xml " + NAME
    at = content.index(b"jp2c") - 4
    return content[:at] + box + content[at:] + box


def bare(comment: bytes = NAME) -> bytes:
    """A JPEG 2000 with a comment behind its first segment."""
    out = BytesIO()
    Image.linear_gradient("L").resize((64, 32)).save(out, "JPEG2000", no_jp2=True)
    content = out.getvalue()
    ends = 4 + struct.unpack_from(">H", content, 4)[0]
    return content[:ends] + segment(0x64, b"\0\1" + comment) + content[ends:]


def halves(frame: bytes) -> list[bytes]:
    """Parted within the name."""
    at = (frame.index(NAME) + 8) // 2 * 2
    return [frame[:at], frame[at:]]


def copied(content: bytes) -> bytes:
    return bytes(developed_dicom(content).download)


def rejection(content: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        developed_dicom(content)
    return caught.value.reason


@pytest.mark.parametrize(
    "items",
    [
        [b"", fill_byte()],
        [b"", with_segment(PLAIN, 0xE0, NAME)],
        [b"", with_segment(PLAIN, 0xE0, b"JFIF\0\1\2\0\0\1\0\1\7\1" + NAME)],
        [b"", with_segment(PLAIN, 0xE8, NAME)],
        [b"", with_segment(PLAIN, 0xEE, NAME)],
        [b"", with_segment(PLAIN, 0xEE, b"Adobe\0d\0\0\0\0\0" + NAME)],
        [b"", *halves(with_segment(PLAIN, 0xE1, b"Exif\0\0" + NAME))],
        [b"", PLAIN + NAME],
        [b"", PLAIN + with_segment(PLAIN, 0xE1, NAME)],
        [b"", PLAIN, NAME],
        [b"", PLAIN, ELF + PAGE + NAME],
    ],
    ids=[
        "behind a byte that fills up", "before a JFIF", "in the small picture of a JFIF", "in place of colours",
        "in place of Adobe's", "behind Adobe's", "in two fragments", "behind the end",
        "in a second picture", "in a fragment of its own", "with a program and a page",
    ],
)  # fmt: skip
def test_a_name_in_a_jpeg_is_gone_from_the_copy_and_the_picture_is_the_same(items: list[bytes]) -> None:
    content = fragmented(items)
    assert NAME in content or len(items) > 2
    found = copied(content)
    assert NAME[:8] not in found
    assert NAME[-8:] not in found
    assert ELF[:8] not in found
    assert (pixels(found) == pixels(fragmented([b"", PLAIN]))).all()


def test_a_name_between_the_scans_of_a_jpeg_is_gone_from_the_copy() -> None:
    found = copied(fragmented([b"", between_scans(segment(0xFE, NAME))]))
    assert NAME not in found
    assert (pixels(found) == pixels(fragmented([b"", between_scans(b"")]))).all()


@pytest.mark.parametrize("frame", [boxed(), bare(), bare(b"\xff\xd9" + NAME), bare() + NAME])
def test_a_name_in_a_jpeg_2000_is_gone_from_the_copy_and_the_picture_is_the_same(frame: bytes) -> None:
    found = copied(fragmented([b"", frame], JPEG2000Lossless))
    assert NAME not in found
    assert (pixels(found) == pixels(fragmented([b"", bare()], JPEG2000Lossless))).all()


def test_a_table_of_offsets_that_is_none_is_refused() -> None:
    assert rejection(fragmented([NAME, PLAIN])) is Reason.BROKEN
    assert rejection(fragmented([NAME[:4], PLAIN, PLAIN], NumberOfFrames=2)) is Reason.BROKEN


@pytest.mark.parametrize("table", [b"", b"ANNAROSS", None])
def test_frames_in_several_fragments_are_found_and_their_table_is_written_anew(table: bytes | None) -> None:
    shown = [jpeg_frame(comment=b"first."), jpeg_frame(comment=b"second")]
    split = [part for frame in shown for part in (frame[:100], frame[100:] + bytes(len(frame) % 2))]
    right = struct.pack("<II", 0, 16 + sum(map(len, split[:2])))
    content = fragmented([right if table is None else table, *split], NumberOfFrames=2)
    found = pydicom.dcmread(BytesIO(copied(content)))
    wanted = b"" if table == b"" else right
    assert found.PixelData.startswith(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(wanted)) + wanted)
    assert found.pixel_array.shape == (2, 32, 64)


def test_a_fragment_that_belongs_to_no_frame_is_refused() -> None:
    assert rejection(fragmented([b"", PLAIN, PLAIN, NAME, PLAIN], NumberOfFrames=4)) is Reason.BROKEN
    assert rejection(fragmented([b"", NAME, PLAIN, PLAIN], NumberOfFrames=2)) is Reason.BROKEN


def test_rle_keeps_nothing_in_the_offsets_that_it_does_not_use() -> None:
    made = pydicom.dcmread(BytesIO(dicom(np.zeros((32, 64), np.uint8))))
    made.compress(RLELossless)
    out = BytesIO()
    made.save_as(out)
    content = out.getvalue()
    at = content.index(struct.pack("<II", 1, 64)) + 8
    assert NAME not in copied(content[:at] + NAME + content[at + len(NAME) :])


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_half_a_jpeg_with_an_end_put_to_it_is_not_shown_as_a_whole_one(share: float) -> None:
    grains = Image.fromarray(np.random.default_rng(1).integers(0, 256, (256, 256), dtype=np.uint8))
    header = {**GREY, "Rows": 256, "Columns": 256}
    for said in ({}, {"progressive": True}):
        out = BytesIO()
        grains.save(out, "JPEG", quality=90, **said)
        assert developed_dicom(dicom([out.getvalue()], JPEGBaseline8Bit, **header)).frames == 1
        assert rejection(dicom([cut_frame(out.getvalue(), share)], JPEGBaseline8Bit, **header)) is Reason.BROKEN


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_half_a_lossless_jpeg_with_an_end_put_to_it_is_not_shown_as_a_whole_one(share: float) -> None:
    content, frame = lossless()
    assert developed_dicom(with_frame(content, frame)).image.size == (100, 100)
    assert rejection(with_frame(content, cut_frame(frame, share))) is Reason.BROKEN


def test_bytes_that_fill_up_do_not_hide_that_a_jpeg_is_cut() -> None:
    content, frame = lossless()
    filled = cut_frame(frame)[:-2] + b"\xff" * 9
    assert rejection(with_frame(content, filled + b"\xff\xd9")) is Reason.BROKEN
    assert developed_dicom(with_frame(content, frame[:-2] + b"\xff" * 9 + frame[-2:])).frames == 1


def test_a_megabyte_of_bytes_that_fill_up_is_walked_through_once() -> None:
    """It would take hours to start anew from each of them."""
    filled = PLAIN[:-2] + b"\xff" * 2**20 + b"\0" + PLAIN[-2:]
    assert developed_dicom(fragmented([b"", filled])).frames == 1


def test_a_jpeg_without_an_end_or_without_one_of_its_colours_is_refused() -> None:
    assert rejection(fragmented([b"", PLAIN[:-2]])) is Reason.BROKEN
    at = PLAIN.index(b"\xff\xda")
    assert rejection(fragmented([b"", PLAIN[:at] + b"\xff\xd9"])) is Reason.BROKEN


def pixels(content: bytes) -> Any:
    return pydicom.dcmread(BytesIO(content)).pixel_array
