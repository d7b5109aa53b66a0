"""What of a picture a patient may ask for: everything but the file as it came."""

from enum import StrEnum

from media.kinds import MediaType, Variant


class PatientVariant(StrEnum):
    """Previews as WebP, JPEG or AVIF; the whole picture; the preview with what the clinic drew on it."""

    PREVIEW_1024 = "preview_1024"
    PREVIEW_256 = "preview_256"
    PREVIEW_1024_JPEG = "preview_1024_jpeg"
    PREVIEW_256_JPEG = "preview_256_jpeg"
    PREVIEW_1024_AVIF = "preview_1024_avif"
    PREVIEW_256_AVIF = "preview_256_avif"
    DOWNLOAD = "download"
    DRAWN_1024 = "drawn_1024"


MADE_FROM: dict[Variant, tuple[Variant, MediaType]] = {
    Variant.PREVIEW_1024_JPEG: (Variant.PREVIEW_1024, MediaType.JPEG),
    Variant.PREVIEW_256_JPEG: (Variant.PREVIEW_256, MediaType.JPEG),
    Variant.PREVIEW_1024_AVIF: (Variant.PREVIEW_1024, MediaType.AVIF),
    Variant.PREVIEW_256_AVIF: (Variant.PREVIEW_256, MediaType.AVIF),
}
"""What is made when it is first asked for: from which preview, as what."""

SAVED = frozenset({Variant.DOWNLOAD, Variant.ORIGINAL})
"""What a browser saves and never shows in place: bytes that are not our own."""
