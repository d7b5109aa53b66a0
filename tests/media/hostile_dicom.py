"""Hostile DICOM files: made to harm, to lie or to be taken for something else."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from tests.media.dicom_files import GREY, cut_frame, dicom, fragmented, jpeg_frame, lossless, with_frame
from tests.media.hostile import BROKEN, COSTLY, FACES, MIB, PIXELS, Hostile, a_program, a_zip
from tests.media.samples import with_segment, xray


def with_preamble(start: bytes) -> Callable[[], bytes]:
    return lambda: start[:128].ljust(128, b"\0") + xray()[128:]


def nested() -> bytes:
    content = xray()
    head = content[: content.index(b"\x08\x00\x16\x00")]
    return head + b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5_000


def deflated() -> bytes:
    """A DICOM file of half a megabyte that inflates to half a gigabyte."""
    content = xray()
    plain, packed = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    at = content.index(b"\x02\x00\x10\x00UI")
    told = content[:at] + b"\x02\x00\x10\x00UI" + struct.pack("<H", len(packed)) + packed
    rest = content[at + 8 + len(plain) :]
    group_end = rest.index(b"\x08\x00\x16\x00")
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = raw.compress(rest[group_end:]) + b"".join(raw.compress(bytes(MIB)) for _ in range(512)) + raw.flush()
    length_at = told.index(b"\x02\x00\x00\x00UL") + 8
    grown = struct.unpack("<I", told[length_at : length_at + 4])[0] + len(packed) - len(plain)
    return told[:length_at] + struct.pack("<I", grown) + told[length_at + 4 :] + rest[:group_end] + body


def half(**said: bool) -> Callable[[], bytes]:
    """A DICOM file of half a noisy JPEG with an end put to it."""

    def make() -> bytes:
        out = BytesIO()
        noise = np.random.default_rng(1).integers(0, 256, (256, 256), dtype=np.uint8)
        Image.fromarray(noise).save(out, "JPEG", **said)
        return dicom([cut_frame(out.getvalue())], JPEGBaseline8Bit, **{**GREY, "Rows": 256, "Columns": 256})

    return make


def half_lossless() -> bytes:
    content, frame = lossless()
    return with_frame(content, cut_frame(frame))


def half_jpeg_2000() -> bytes:
    out = BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (32, 64), dtype=np.uint8)
    Image.fromarray(noise).save(out, "JPEG2000", no_jp2=True)
    content = out.getvalue()
    return fragmented([b"", content[: len(content) // 2] + b"\xff\xd9"], JPEG2000Lossless)


def patched_frame(mark: bytes, offset: int, replacement: bytes) -> Callable[[], bytes]:
    """A DICOM file whose JPEG has other bytes at `offset` behind the first `mark`."""

    def make() -> bytes:
        frame = jpeg_frame()
        at = frame.index(mark) + offset
        return fragmented([b"", frame[:at] + replacement + frame[at + len(replacement) :]])

    return make


def with_size() -> bytes:
    return with_segment(jpeg_frame(), 0xC0, struct.pack(">BHHB", 8, 8, 8, 1) + b"\1\x11\0")


HOSTILE_DICOM = (
    Hostile("a DICOM of four milliard pixels", lambda: xray(header={"Rows": 65_535, "Columns": 65_535}), PIXELS),
    Hostile("a DICOM that inflates to half a gigabyte", deflated, COSTLY),
    Hostile("a DICOM nested five thousand times", nested, BROKEN),
    Hostile("a DICOM of 100,000 frames", lambda: xray(header={"NumberOfFrames": 100_000}), PIXELS),
    Hostile("half a DICOM", lambda: xray()[:-2000], BROKEN),
    Hostile("a DICOM and a ZIP", lambda: xray() + a_zip(), FACES),
    Hostile("a Windows program before a DICOM", with_preamble(a_program()), FACES),
    # Lying about compressed pixels
    Hostile("half a JPEG with an end put to it in a DICOM", half(), BROKEN),
    Hostile("half a progressive JPEG with an end put to it in a DICOM", half(progressive=True), BROKEN),
    Hostile("half a lossless JPEG with an end put to it in a DICOM", half_lossless, BROKEN),
    Hostile("half a JPEG 2000 with an end put to it in a DICOM", half_jpeg_2000, BROKEN),
    Hostile("a JPEG without an end in a DICOM", lambda: fragmented([b"", jpeg_frame()[:-2]]), BROKEN),
    Hostile("a JPEG of another size than its DICOM", patched_frame(b"\xff\xc0", 5, b"\xff\xdc\xff\xdc"), BROKEN),
    Hostile("a JPEG segment longer than its DICOM", patched_frame(b"\xff\xdb", 2, b"\xff\xff"), BROKEN),
    Hostile("a JPEG of two sizes in a DICOM", lambda: fragmented([b"", with_size()]), BROKEN),
    Hostile("noise as a JPEG in a DICOM", lambda: fragmented([b"", b"\xff\xd8" + bytes(range(200))]), BROKEN),
    Hostile("noise as a JPEG 2000 in a DICOM", lambda: fragmented([b"", bytes(range(200))], JPEG2000Lossless), BROKEN),
    Hostile("noise as RLE in a DICOM", lambda: fragmented([b"", bytes(range(200))], RLELossless), BROKEN),
    Hostile("a DICOM with words for a table of offsets", lambda: fragmented([b"Anna Rossi", jpeg_frame()]), BROKEN),
    Hostile("a DICOM of more frames than JPEGs", lambda: fragmented([b"", jpeg_frame()], NumberOfFrames=2), BROKEN),
    Hostile("a DICOM with a fragment longer than itself", lambda: fragmented([b"", jpeg_frame()])[:-100], BROKEN),
)  # fmt: skip
