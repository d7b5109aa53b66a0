"""What is known of a file of a picture before it is sent: where it lies, what it is, and who may fetch it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, exists, select
from sqlmodel import col

from core.database import Reading
from media.kinds import EXTENSIONS, MediaType, PictureKind, PictureState, Reason, Variant
from media.links import Holder
from media.storage import drawn_key, file_key, upload_key
from media.tables import Picture, PictureElsewhere
from media.variant import MADE_FROM, SAVED
from media.voice import HEARD_AS

_SHUT = frozenset({Reason.INFECTED.value, Reason.NOT_SCANNED.value, Reason.TWO_FACES.value, Reason.FILE_DIFFERS.value})
"""What would or could harm whoever opens it: not even staff is given the file. What differs from what was announced
is held back before the scanner is asked.
"""


@dataclass(frozen=True, slots=True)
class Served:
    """One variant of a picture: where its bytes lie, and what to say of them.

    `size_bytes` None: it is made when it is first asked for, and the storage knows.
    """

    patient_id: UUID
    is_shown: bool
    is_private: bool
    key: str
    media_type: MediaType
    size_bytes: int | None
    etag: str
    name: str
    is_saved: bool
    is_voice: bool = False
    """A voice message: whoever may chat hears it, whatever they may look at."""
    is_elsewhere: bool = False
    """Another server keeps these very bytes; `key` is nobody's, and the size is not promised."""
    is_said: bool = False
    spoken_by: UUID | None = None

    def opens_for(self, holder: Holder) -> bool:
        """Whether it is still theirs to see: as it was when the link was given, or not any more."""
        if holder is Holder.STAFF:
            return True
        return self.is_shown and not (self.is_private and holder is Holder.GUARDIAN)

    def is_heard_by(self, who: UUID) -> bool:
        """Of a voice message: a message of its patient's thread carries it, or this is who spoke it."""
        return self.is_said or self.spoken_by == who


async def served(reading: Reading, picture_id: UUID, variant: Variant) -> Served | None:
    """A variant of a picture of the clinic; None where there is none (any more)."""
    there = and_(col(PictureElsewhere.clinic_id) == Picture.clinic_id, col(PictureElsewhere.id) == Picture.id)
    statement = select(Picture, exists().where(there).label("elsewhere")).where(col(Picture.id) == picture_id)
    known = (await reading.execute(statement)).one_or_none()
    if known is None:
        return None
    row, elsewhere = known
    found, is_elsewhere = _file(row, variant), elsewhere and variant is Variant.ORIGINAL
    if found is None or (is_elsewhere and not row.size_bytes):  # nobody has seen it yet
        return None
    key, media_type, size, tag = found
    is_ready = row.state == PictureState.READY.value
    taken = f"-{row.taken_on}" if row.taken_on else ""
    return Served(
        row.patient_id, is_ready and row.released_at is not None, row.private, key, media_type, size, f'"{tag}"',
        f"{row.kind}{taken}.{EXTENSIONS[media_type]}", variant in SAVED, row.kind == PictureKind.VOICE.value,
        is_elsewhere, row.said, row.spoken_by,
    )  # fmt: skip


def _file(row: Picture, variant: Variant) -> tuple[str, MediaType, int | None, str] | None:
    """Key, type, size and tag."""
    if row.kind == PictureKind.VOICE.value:
        return _voice(row) if variant is Variant.DOWNLOAD else None
    if variant is Variant.ORIGINAL:
        return _original(row)
    if row.state != PictureState.READY.value:
        return None
    if variant is Variant.DRAWN_1024:
        return _drawn(row)
    if variant is Variant.DOWNLOAD and row.size_download is None:
        return _original(row)
    media_type, size = _made(row, variant)
    return file_key(row.clinic_id, row.sha256, variant), media_type, size, f"{row.sha256[:32]}-{variant.value}"


def _voice(row: Picture) -> tuple[str, MediaType, int | None, str] | None:
    """The copy alone, for staff too: what the file as it came says of place and device is nobody's to hear."""
    if row.state != PictureState.READY.value:
        return None
    return (
        file_key(row.clinic_id, row.sha256, Variant.DOWNLOAD),
        HEARD_AS,
        row.size_download,
        f"{row.sha256[:32]}-heard",
    )


def _made(row: Picture, variant: Variant) -> tuple[MediaType, int | None]:
    if variant in MADE_FROM:
        return MADE_FROM[variant][1], None
    if variant is Variant.DOWNLOAD:
        return MediaType(row.media_type), row.size_download
    return MediaType.WEBP, row.size_1024 if variant is Variant.PREVIEW_1024 else row.size_256


def _original(row: Picture) -> tuple[str, MediaType, int | None, str] | None:
    if row.state == PictureState.UPLOADED.value or row.reason in _SHUT:  # no scanner has looked at it, or it is shut
        return None
    media_type = MediaType(row.media_type)
    if row.upload_id is not None:  # nobody has compared its size yet
        return upload_key(row.clinic_id, row.upload_id), media_type, None, row.upload_id.hex
    key = file_key(row.clinic_id, row.sha256, Variant.ORIGINAL)
    return key, media_type, row.size_bytes, f"{row.sha256[:32]}-original"


def _drawn(row: Picture) -> tuple[str, MediaType, int | None, str] | None:
    if row.drawn is None:
        return None
    key = drawn_key(row.clinic_id, row.id, row.drawn)
    return key, MediaType.WEBP, row.size_drawn, f"{row.id.hex}-drawn-{row.drawn}"
