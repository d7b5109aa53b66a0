"""What the media package holds of a person: pictures, with the files as they were taken."""

from collections.abc import Sequence
from uuid import UUID

from core.holding import Fate, Holding, Kept, Row
from media.kinds import EXTENSIONS, MediaType, Variant
from media.storage import picture_key


def _original(clinic_id: UUID, row: Row) -> Sequence[Kept]:
    """The bytes that were uploaded; previews are made from them and tell nothing more."""
    key = picture_key(clinic_id, UUID(row["patient_id"]), row["sha256"], Variant.ORIGINAL)
    return [Kept(key, f"pictures/{row['id']}.{EXTENSIONS[MediaType(row['media_type'])]}")]


HOLDINGS: tuple[Holding, ...] = (
    Holding(
        "picture", Fate.RESTRICT, scope="view_media", shown="state = 'ready' and released_at is not null",
        files=_original, treated="coalesce(taken_on, uploaded_at::date)",
    ),
)  # fmt: skip
