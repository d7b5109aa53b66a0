"""Makes previews: bytes of a hostile file in, two small clean pictures out. Runs as its own process.

`python -m media.imaging` takes limits on itself first, then reads the file from standard input and answers on
standard output in JSON. Cut off: our environment with its secrets (`media.darkroom` starts it), memory, processor
time, time on the clock, and the size of what it writes, so a bomb ends this process and nothing else. Not cut off:
it runs as the worker's own user, so a flaw in a decoder could read that user's files and use the network.
"""

import base64
import json
import resource
import sys
from io import BytesIO

from PIL import Image, ImageCms, ImageOps

from media.kinds import Developed, MediaType, Reason, Rejected, media_type_of, within_pixels

_FORMATS = {MediaType.JPEG: "JPEG", MediaType.PNG: "PNG", MediaType.WEBP: "WEBP"}
_LARGE, _SMALL = (1024, 1024), (256, 256)
_QUALITY = 80
_MEMORY = 1024**3
_CPU_SECONDS = 20
_LARGEST_ANSWER = 8 * 1024**2


def developed(content: bytes) -> Developed:
    """Size as it is looked at (orientation honoured) and both previews. Raises `Rejected`."""
    try:
        width, height, large = _large_preview(content)
        small = large.copy()
        small.thumbnail(_SMALL)
        return Developed(width, height, _webp(large), _webp(small))
    except Image.DecompressionBombError:
        raise Rejected(Reason.TOO_MANY_PIXELS) from None
    except (Rejected, MemoryError):
        raise
    except Exception:  # noqa: BLE001  decoders of hostile bytes raise whatever they like
        raise Rejected(Reason.BROKEN) from None


def _large_preview(content: bytes) -> tuple[int, int, Image.Image]:
    media_type = media_type_of(content)
    if media_type is None:
        raise Rejected(Reason.BROKEN)
    picture = _opened_dicom(content) if media_type is MediaType.DICOM else _opened(content, media_type)
    width, height = picture.size
    picture.thumbnail(_LARGE, reducing_gap=2.0)  # a JPEG is scaled while it is decoded
    upright = ImageOps.exif_transpose(picture)
    if (upright.width > upright.height) != (picture.width > picture.height):
        width, height = height, width
    return width, height, _plain(upright)


def _opened_dicom(content: bytes) -> Image.Image:
    from media.dicom import dicom_picture  # 200 ms of import that photos need not wait for

    return dicom_picture(content)


def _opened(content: bytes, media_type: MediaType) -> Image.Image:
    picture = Image.open(BytesIO(content), formats=(_FORMATS[media_type],))
    if not within_pixels(*picture.size):
        raise Rejected(Reason.TOO_MANY_PIXELS)
    if picture.mode.startswith("I"):  # 16-bit grey: what X-ray sensors export
        import numpy as np

        from media.dicom import grey_picture

        return grey_picture(np.asarray(picture), None)
    return picture


def _plain(picture: Image.Image) -> Image.Image:
    """sRGB or grey pixels and nothing beside them: no profile, no EXIF, no text."""
    profile = picture.info.get("icc_profile")
    mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in ("1", "L") else "RGB"
    if profile and picture.mode in ("RGB", "RGBA"):
        picture = _in_srgb(picture, profile)
    plain = picture.convert(mode)
    plain.info.clear()
    return plain


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB")) or picture
    except (ImageCms.PyCMSError, OSError):
        return picture  # a broken profile says nothing about the pixels


def _webp(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "WEBP", quality=_QUALITY, exif=b"", xmp=b"")
    return out.getvalue()


def _limit_ourselves() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS + 1))  # the second is the kernel's kill
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_ANSWER, _LARGEST_ANSWER))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold a patient's picture


def _answer(content: bytes) -> dict[str, str | int]:
    try:
        made = developed(content)
    except Rejected as refusal:
        return {"rejected": refusal.reason.value}
    except MemoryError:
        return {"rejected": Reason.TOO_COSTLY.value}
    return {
        "width": made.width,
        "height": made.height,
        "preview_1024": base64.b64encode(made.preview_1024).decode(),
        "preview_256": base64.b64encode(made.preview_256).decode(),
    }


def main() -> None:
    _limit_ourselves()
    answer = json.dumps(_answer(sys.stdin.buffer.read()))
    sys.stdout.write(answer)


if __name__ == "__main__":
    main()
