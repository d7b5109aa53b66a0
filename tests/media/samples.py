"""Pictures that tests send: honest ones, made here, and hostile ones."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

ORIENTATION, ARTIST = 0x0112, 0x013B


def photo(width: int = 60, height: int = 40, *, orientation: int = 1, artist: str = "", form: str = "JPEG") -> bytes:
    """Left half red, right half blue, with EXIF."""
    picture = Image.new("RGB", (width, height), (255, 0, 0))
    picture.paste((0, 0, 255), (width // 2, 0, width, height))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    if artist:
        exif[ARTIST] = artist
    out = BytesIO()
    picture.save(out, form, exif=exif.tobytes())
    return out.getvalue()


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few bytes whose header claims 900 million pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return png(chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(1000))))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(content: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    return content[:33] + chunk(kind, data) + content[33:]


def segment(mark: int, data: bytes) -> bytes:
    """Of a JPEG."""
    return bytes([0xFF, mark]) + struct.pack(">H", len(data) + 2) + data


def with_segment(content: bytes, mark: int, data: bytes) -> bytes:
    """A JPEG with one more segment behind its first mark."""
    return content[:2] + segment(mark, data) + content[2:]


def riff(kind: bytes, data: bytes) -> bytes:
    """A chunk of a WebP."""
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def webp(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def with_riff(content: bytes, kind: bytes, data: bytes) -> bytes:
    """A WebP with one more chunk at its end."""
    return webp(content[12:] + riff(kind, data))


def xray(stored: "np.ndarray[Any, np.dtype[np.uint16]] | None" = None, header: dict[str, Any] | None = None) -> bytes:
    """An uncompressed 16-bit grey DICOM; `header` overrides any element by its keyword."""
    pixels = stored if stored is not None else np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (32, 1))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, meta.MediaStorageSOPInstanceUID
    made.PatientName = "Rossi^Anna"
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelData = pixels.tobytes()
    for keyword, value in (header or {}).items():
        setattr(made, keyword, value)
    out = BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()
