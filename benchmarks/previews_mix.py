"""What the previews benchmark looks into, and the two previews of it as bare library calls make them.

Photos of twelve million pixels with EXIF, sixteen-bit X-rays as PNG and as raw DICOM. The bare calls are the ones the
darkroom uses (or libvips' nearest), in one process, with the bytes in memory: no check, no hash, no copy, nothing kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import DigitalIntraOralXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from media.kinds import MediaType

PHOTOS, XRAYS, DICOMS = 4, 2, 2
TIMES = 3
"""How often each file comes in a round: as often for everybody."""
_ARTIST, _ORIENTATION = 0x013B, 0x0112

Previews = tuple[bytes, bytes]
Maker = Callable[[bytes], Previews]


@dataclass(frozen=True, slots=True)
class File:
    media_type: MediaType
    content: bytes


def mix() -> list[File]:
    """Photos first, then X-rays, then DICOM; the same in every run."""
    return [
        *(File(MediaType.JPEG, _photo(seed)) for seed in range(PHOTOS)),
        *(File(MediaType.PNG, _xray(seed)) for seed in range(XRAYS)),
        *(File(MediaType.DICOM, _dicom(seed)) for seed in range(DICOMS)),
    ]


def keep(folder: Path, files: list[File]) -> None:
    for number, file in enumerate(files):
        (folder / f"{number:03}.{file.media_type.name}").write_bytes(file.content)


def kept(folder: Path) -> list[File]:
    return [File(MediaType[path.suffix[1:]], path.read_bytes()) for path in sorted(folder.iterdir())] * TIMES


def _cloud(width: int, height: int, seed: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Something with large shapes, fine detail and a little noise, from 0 to 1, as pictures of mouths have."""
    random, total = np.random.default_rng(seed), np.zeros((height, width), np.float32)
    for step, weight in ((500, 1.0), (60, 0.4), (8, 0.08)):
        coarse = Image.fromarray(random.random((height // step + 2, width // step + 2), np.float32))
        total += weight * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    total += 0.035 * random.standard_normal((height, width), np.float32)
    made: np.ndarray[Any, np.dtype[np.float32]] = np.clip(total / 1.6, 0, 1)
    return made


def _photo(seed: int) -> bytes:
    light = _cloud(4000, 3000, seed)
    channels = [light, light**1.3, light**1.5]  # as flesh is
    exif, out = Image.Exif(), BytesIO()
    exif[_ARTIST], exif[_ORIENTATION] = "A camera of the clinic", 1
    Image.fromarray((np.stack(channels, -1) * 255).astype(np.uint8)).save(out, "JPEG", quality=88, exif=exif.tobytes())
    return out.getvalue()


def _stored(width: int, height: int, seed: int) -> "np.ndarray[Any, np.dtype[np.uint16]]":
    values: np.ndarray[Any, np.dtype[np.uint16]] = np.empty((height, width), np.uint16)
    values[:] = _cloud(width, height, 1000 + seed) * 4095
    return values


def _xray(seed: int) -> bytes:
    out = BytesIO()
    Image.fromarray(_stored(2500, 1500, seed)).save(out, "PNG")
    return out.getvalue()


def _dicom(seed: int) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalIntraOralXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = generate_uid(), ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.Modality, made.PatientName, made.PatientBirthDate = "IO", "Rossi^Anna", "19850517"
    made.Rows, made.Columns, made.SamplesPerPixel, made.PixelRepresentation = 1200, 2400, 1, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.WindowCenter, made.WindowWidth = 2048, 4096
    made.PixelData = _stored(2400, 1200, seed).tobytes()
    out = BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


# --- Pillow ---


def with_pillow(file: File) -> Previews:
    large = _PILLOW[file.media_type](file.content)
    large.thumbnail((1024, 1024), reducing_gap=1.0)
    small = large.copy()
    small.thumbnail((256, 256))
    return _webp(large), _webp(small)


def _pillow_photo(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content), formats=("JPEG",))


def _pillow_xray(content: bytes) -> Image.Image:
    stored = np.asarray(Image.open(BytesIO(content), formats=("PNG",)))
    low, high = np.percentile(stored[::4, ::4], (0.5, 99.5))
    return Image.fromarray(np.take(_table(float(low), float(high)), stored))


def _pillow_dicom(content: bytes) -> Image.Image:
    return Image.fromarray(_grey_dicom(content))


def _grey_dicom(content: bytes) -> Any:
    """pydicom, and the window as a look-up table: the same for both libraries."""
    read = dcmread(BytesIO(content))
    center, width = float(read.WindowCenter), float(read.WindowWidth)
    return np.take(_table(center - width / 2, center + width / 2), pixel_array(read))


def _table(low: float, high: float) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    domain = np.arange(65_536, dtype=np.float32)
    shades: np.ndarray[Any, np.dtype[np.uint8]] = np.empty(65_536, np.uint8)
    shades[:] = np.clip((domain - low) * (255 / max(high - low, 1)), 0, 255)
    return shades


def _webp(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "WEBP", quality=80, method=2, exif=b"", xmp=b"")
    return out.getvalue()


_PILLOW: dict[MediaType, Callable[[bytes], Image.Image]] = {
    MediaType.JPEG: _pillow_photo,
    MediaType.PNG: _pillow_xray,
    MediaType.DICOM: _pillow_dicom,
}

# --- libvips ---


def with_vips(file: File) -> Previews:
    import pyvips  # type: ignore[import-untyped]  # it has none

    if file.media_type is MediaType.JPEG:
        large = pyvips.Image.thumbnail_buffer(file.content, 1024, height=1024, size="down")
    else:
        if file.media_type is MediaType.DICOM:
            grey = pyvips.Image.new_from_array(_grey_dicom(file.content))
        else:
            stored = pyvips.Image.pngload_buffer(file.content)
            sample = stored.subsample(4, 4).numpy()
            low, high = np.percentile(sample, (0.5, 99.5))
            grey = stored.maplut(pyvips.Image.new_from_array(_table(float(low), float(high))[None, :]))
        large = grey.copy(interpretation="b-w").thumbnail_image(1024, height=1024, size="down")
    large = large.copy_memory()
    small = large.thumbnail_image(256, height=256, size="down")
    return large.webpsave_buffer(Q=80, effort=2, keep="none"), small.webpsave_buffer(Q=80, effort=2, keep="none")
