"""Makes a preview of ours into another format: JPEG for what cannot read WebP, AVIF for thinner lines."""

from io import BytesIO

from PIL import Image

from media.kinds import MediaType

_JPEG_QUALITY = 82
_AVIF_QUALITY = 60
_AVIF_SPEED = 8


def converted(preview: bytes, media_type: MediaType) -> bytes:
    """A stored WebP preview as JPEG (on white, where something was clear) or AVIF. Raises ValueError for another."""
    picture = Image.open(BytesIO(preview), formats=("WEBP",))
    out = BytesIO()
    if media_type is MediaType.JPEG:
        _on_white(picture).save(out, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    elif media_type is MediaType.AVIF:
        picture.save(out, "AVIF", quality=_AVIF_QUALITY, speed=_AVIF_SPEED, max_threads=1)
    else:
        raise ValueError(media_type)
    return out.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    white = Image.new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white
