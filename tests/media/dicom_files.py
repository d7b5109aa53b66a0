"""DICOM files that tests make: any header over any pixels."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)

PACKAGED = Path(pydicom.__file__).parent / "data"
DOWNLOADED = PACKAGED.parents[1] / "data_store" / "data"
"""Of the package pydicom-data: what pydicom itself would download."""
RAMP = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (32, 1))
"""32 rows of 64 values."""


def dicom(pixels: Any = RAMP, syntax: str = ExplicitVRLittleEndian, **header: Any) -> bytes:
    """`pixels`: an array of grey or colour, or the codestreams of frames; `header`: any element, None leaves it out."""
    is_little = syntax != ExplicitVRBigEndian
    made = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128), is_little_endian=is_little)
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = "1.2.3", "1.2.3.1", "IO"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    if isinstance(pixels, np.ndarray):
        _describe(made, pixels)
    else:
        made.PixelData = encapsulate(pixels)
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
    for keyword, value in header.items():
        if value is None:
            del made[keyword]
        else:
            setattr(made, keyword, value)
    out = BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _describe(made: Dataset, pixels: Any) -> None:
    made.Rows, made.Columns = pixels.shape[:2]
    bits = 8 * pixels.dtype.itemsize
    made.BitsAllocated, made.BitsStored, made.HighBit = bits, bits, bits - 1
    if pixels.ndim == 3:
        made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    if pixels.dtype.kind == "f":
        setattr(made, "FloatPixelData" if bits == 32 else "DoubleFloatPixelData", pixels.tobytes())
        return
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OB" if bits == 8 else "OW"


def jpeg_frame(width: int = 64, height: int = 32, comment: bytes = b"") -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(out, "JPEG", quality=95, comment=comment)
    return out.getvalue()


def deflated(content: bytes, body: bytes | None = None) -> bytes:
    """The same file with its body, or another one, deflated."""
    read = pydicom.dcmread(BytesIO(content))
    length = 144 + int(read.file_meta.FileMetaInformationGroupLength)
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(content[length:] if body is None else body) + packer.flush()
    meta = content[:length].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    # The value grew by two bytes: its own length and the group's say so.
    at = meta.index(b"\x02\x00\x10\x00UI")
    meta = meta[: at + 6] + (22).to_bytes(2, "little") + meta[at + 8 :]
    return meta[:140] + (length - 144 + 2).to_bytes(4, "little") + meta[144:] + packed


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


GREY = {"Rows": 32, "Columns": 64, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
"""The header of what `jpeg_frame` gives."""


def fragmented(items: list[bytes], syntax: str = JPEGBaseline8Bit, **header: Any) -> bytes:
    """A grey file of compressed pixels made of exactly these items, the table of offsets first."""
    packed = b"".join(_item(content + bytes(len(content) % 2)) for content in items)
    return dicom([jpeg_frame()], syntax, **{**GREY, **header}).replace(_ended(_packed_frame()), _ended(packed))


def _packed_frame() -> bytes:
    return encapsulate([jpeg_frame()])


def _ended(items: bytes) -> bytes:
    return items + b"\xfe\xff\xdd\xe0" + bytes(4)


def _item(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


def with_frame(content: bytes, frame: bytes) -> bytes:
    """A compressed file with another only frame."""
    made = pydicom.dcmread(BytesIO(content))
    made.PixelData = encapsulate([frame])
    out = BytesIO()
    made.save_as(out)
    return out.getvalue()


def cut_frame(frame: bytes, share: float = 0.5) -> bytes:
    """The first part of a JPEG, with an end put to it."""
    return frame[: int(len(frame) * share)].rstrip(b"\xff") + b"\xff\xd9"


def lossless() -> tuple[bytes, bytes]:
    """A file of lossless JPEG as dental devices write it, and its frame."""
    content = (PACKAGED / "test_files" / "SC_rgb_jpeg_gdcm.dcm").read_bytes()
    return content, get_frame(pydicom.dcmread(BytesIO(content)).PixelData, 0, number_of_frames=1).rstrip(b"\0")
