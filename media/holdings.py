"""What the media package holds of a person: pictures, with the files as they were taken."""

from collections.abc import Sequence
from uuid import UUID

import media.tables  # noqa: F401  who copies or erases must know them
from core.holding import Fate, Holding, Kept, Row
from media.kinds import EXTENSIONS, MediaType, PictureKind, Variant
from media.storage import drawn_key, file_key, upload_key
from media.voice import HEARD_AS


def _files(clinic_id: UUID, row: Row) -> Sequence[Kept]:
    """The file as it came, the copy without what it says of devices and of whoever else it names, what was drawn on it.

    A copy has the file as it came where that is the copy. Previews are made from it and tell nothing more.
    """
    original = file_key(clinic_id, row["sha256"], Variant.ORIGINAL)
    if row["upload_id"] is not None:
        original = upload_key(clinic_id, UUID(row["upload_id"]))
    name, has_copy = f"pictures/{row['id']}", row["size_download"] is not None
    files = [Kept(original, f"{name}{'-original' * has_copy}.{_ending(row['media_type'])}", shown=not has_copy)]
    if has_copy:
        ending = _ending(HEARD_AS if row["kind"] == PictureKind.VOICE.value else row["media_type"])
        files.append(Kept(file_key(clinic_id, row["sha256"], Variant.DOWNLOAD), f"{name}.{ending}"))
    if row["drawn"] is not None:
        files.append(Kept(drawn_key(clinic_id, UUID(row["id"]), row["drawn"]), f"{name}-drawn.webp"))
    return files


def _ending(media_type: str) -> str:
    return EXTENSIONS[MediaType(media_type)]


# A voice message is a word of the conversation: neither taken nor a treatment.
_PICTURE = "kind <> 'voice'"
_SCOPE = f"case when {_PICTURE} then 'view_media' else 'chat' end"
_SHOWN = "in (select id from picture where state = 'ready' and released_at is not null)"

HOLDINGS: tuple[Holding, ...] = (
    Holding("upload", Fate.ERASE, untold="files on their way: what became of them are the pictures"),
    Holding(
        "picture", Fate.RESTRICT, scope_of_row=_SCOPE,
        shown=f"state = 'ready' and released_at is not null and ({_PICTURE} or said)",
        hidden_by=(("upload_id", "upload"),), files=_files, concealed=frozenset({"spoken_by"}),
        treated=f"case when {_PICTURE} then coalesce(taken_on, uploaded_at::date) end",
    ),
    Holding(
        "picture_dicom", Fate.RESTRICT, person="id", parent="picture", scope="view_media", shown=f"id {_SHOWN}",
        hidden_by=(("id", "picture"),),
    ),
    Holding(
        "picture_elsewhere", Fate.RESTRICT, person="id", parent="picture",
        untold="how the clinic's archive calls it: the picture itself is told",
    ),
    Holding(
        "drawing", Fate.RESTRICT, person="picture_id", parent="picture", scope="view_media",
        shown=f"picture_id {_SHOWN}", hidden_by=(("picture_id", "picture"),),
    ),
    Holding(
        "series", Fate.RESTRICT, scope="view_media", shown="released_at is not null",
        hidden_by=(("appointment_id", "appointment"), ("plan_id", "plan")),
        treated="coalesce(taken_on, made_at::date)",
    ),
    Holding(
        "series_view", Fate.RESTRICT, person="series_id", parent="series", scope="view_media",
        hidden_by=(("series_id", "series"), ("picture_id", "picture")),
        shown="series_id in (select id from series where released_at is not null)",
    ),
)  # fmt: skip
