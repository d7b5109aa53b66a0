"""Develops a picture: bytes of a hostile file in, its size, two small clean pictures, a hash and a copy out.

Runs in a process of the darkroom alone (`media.darkroom_process`). The order is the protection: the type by the first
bytes, the pieces and the size they tell, what else the file might be, and only then a decoder, which is given the copy
without everything that is said beside the pixels.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from media.blurhash import blurhash
from media.copies import clean_copy
from media.cut_off import jpeg_is_cut, png_is_cut
from media.faces import has_second_face, is_archive_or_paper, is_program
from media.formats import converted
from media.grey import stretched_grey
from media.kinds import Developed, MediaType, Reason, Rejected, media_type_of
from media.layout import layout_of
from media.parcels import Parcel, Pieces
from media.shrinking import shrunk

_FORMATS = {MediaType.JPEG: "JPEG", MediaType.PNG: "PNG", MediaType.WEBP: "WEBP"}
_LARGE, _SMALL = 1024, 256
_WEBP: dict[str, Any] = {"quality": 80, "method": 2, "exif": b"", "xmp": b""}
_DICOM_MARK = slice(128, 132)
_SIDEWAYS = (5, 6, 7, 8)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _looked_into(content: bytes, announced: MediaType | None, frame: int | None) -> tuple[Developed, Pieces | None]:
    """What is made of it, and the patient's copy: of a large file there is no room for a second one in memory."""
    media_type = _type_of(content)
    if announced is not None and media_type is not announced:
        raise Rejected(Reason.TYPE_DIFFERS)
    if is_archive_or_paper(content):
        raise Rejected(Reason.TWO_FACES)
    try:
        return _dicom(content, frame) if media_type is MediaType.DICOM else _photo(content, media_type)
    except Image.DecompressionBombError:
        raise Rejected(Reason.TOO_MANY_PIXELS) from None
    except (Rejected, MemoryError):
        raise
    except Exception:  # noqa: BLE001  decoders of hostile bytes raise whatever they like
        raise Rejected(Reason.BROKEN) from None


def develop_job(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    """`announced`: a media type or null; `frame`: a number or null.

    Facts of a `Developed`, then its files: large, small and perhaps a copy.
    """
    announced = arguments["announced"]
    made, copy = _looked_into(files[0], announced and MediaType(announced), arguments.get("frame"))
    facts = {
        "width": made.width, "height": made.height, "blurhash": made.blurhash, "frames": made.frames,
        "dicom": made.dicom and asdict(made.dicom), "person": made.person and asdict(made.person),
    }  # fmt: skip
    return Parcel(facts, (made.preview_1024, made.preview_256), copy)


def convert_job(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    """A preview of ours in the form `to`: JPEG or AVIF."""
    return Parcel({}, (converted(files[0], MediaType(arguments["to"])),))


def _type_of(content: bytes) -> MediaType:
    media_type = media_type_of(content)
    if media_type is None:
        hides = content[_DICOM_MARK] == b"DICM" and is_program(content)
        raise Rejected(Reason.TWO_FACES if hides else Reason.BROKEN)
    return media_type


def _photo(content: bytes, media_type: MediaType) -> tuple[Developed, Pieces | None]:
    layout = layout_of(content, media_type)
    if has_second_face(layout.said(content), content[layout.end :]):
        raise Rejected(Reason.TWO_FACES)
    copy = clean_copy(content, layout)
    picture = Image.open(BytesIO(content if copy is None else bytes(copy)), formats=(_FORMATS[media_type],))
    if picture.size != (layout.width, layout.height):  # the decoder sees another picture than we checked
        raise Rejected(Reason.BROKEN)
    if media_type is MediaType.PNG and png_is_cut(picture, content, layout):
        raise Rejected(Reason.BROKEN)
    large = _large(_eight_bits(picture))
    if media_type is MediaType.JPEG and jpeg_is_cut(large, content, layout, _large):
        raise Rejected(Reason.BROKEN)
    return _made(large, (layout.width, layout.height), layout.orientation), copy


def _dicom(content: bytes, frame: int | None) -> tuple[Developed, Pieces]:
    from media.dicom import developed_dicom  # 200 ms of import that photos need not wait for

    found = developed_dicom(content, frame)
    size = found.image.size
    made = _made(_large(found.image), size, 1)
    return replace(made, frames=found.frames, dicom=found.facts, person=found.person), found.download


def _made(large: Image.Image, size: tuple[int, int], orientation: int) -> Developed:
    """What is made of a picture that was `size` before it was scaled down."""
    turn = _TURNS.get(orientation)
    if turn is not None:
        large = large.transpose(turn)
    width, height = size[::-1] if orientation in _SIDEWAYS else size
    large = _plain(large)
    small = shrunk(large, _SMALL, 2.0)
    return Developed(width, height, _webp(large), _webp(small), blurhash(small))


def _large(picture: Image.Image) -> Image.Image:
    return shrunk(picture, _LARGE, 1.0)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Shades that can be averaged: a palette's numbers cannot, sixteen bits would be cut to black and white."""
    if picture.mode.startswith("I"):  # what X-ray sensors export
        return stretched_grey(np.asarray(picture))
    if picture.mode == "P":
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture.convert("L") if picture.mode == "1" else picture


def _plain(picture: Image.Image) -> Image.Image:
    """sRGB or grey pixels and nothing beside them: no profile, no EXIF, no text."""
    profile = picture.info.get("icc_profile")
    mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode == "L" else "RGB"
    if profile and picture.mode in ("RGB", "RGBA", "CMYK"):
        picture = _in_srgb(picture, profile, mode)
    plain = picture.convert(mode)
    plain.info.clear()
    return plain


def _in_srgb(picture: Image.Image, profile: bytes, mode: str) -> Image.Image:
    try:
        return ImageCms.applyTransform(picture, _transform(profile, picture.mode, mode)) or picture
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture  # a broken profile says nothing about the pixels


@lru_cache(maxsize=8)
def _transform(profile: bytes, stored: str, mode: str) -> ImageCms.ImageCmsTransform:
    """Most photos of a clinic come from its one camera, with one profile."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), stored, mode)


def _webp(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "WEBP", **_WEBP)
    return out.getvalue()
