"""What is known of pictures and voice messages of a message, as they are now, for everybody who reads the thread."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import SQLModel, col

from core.database import Reading
from core.errors import NotFound
from core.schema import add_function
from media.attached import AttachedVoice
from media.kinds import PictureKind, PictureState
from media.tables import Picture


def attached_json(clinic_id: Any, patient_id: Any, ids: Any) -> ColumnElement[Any]:
    """SQL: the `AttachedPicture`s of a JSON list of ids, in its order, without those that may not be shown."""
    found: ColumnElement[Any] = func.pictures_attached(clinic_id, patient_id, ids)
    return found


def attached_voices_json(clinic_id: Any, patient_id: Any, ids: Any) -> ColumnElement[Any]:
    """SQL: the same of `AttachedVoice`s."""
    found: ColumnElement[Any] = func.voices_attached(clinic_id, patient_id, ids)
    return found


async def voices_named(reading: Reading, patient_id: UUID, names: Collection[UUID]) -> list[AttachedVoice]:
    """Those of these that a message of the patient's thread carries."""
    shown = (
        col(Picture.said),
        col(Picture.state) == PictureState.READY.value,
        col(Picture.released_at).is_not(None),
        col(Picture.kind) == PictureKind.VOICE.value,
    )
    found = select(Picture).where(col(Picture.patient_id) == patient_id, col(Picture.id).in_(names), *shown)
    return [_voice(row) for row in (await reading.execute(found)).scalars()]


async def sent_voice(
    reading: Reading, patient_id: UUID, voice_id: UUID, who: UUID
) -> tuple[PictureState, AttachedVoice | None]:
    """How far a voice message of this patient is: `who` spoke it, or it was said.

    Raises `NotFound`, also for one that is not shown any more.
    """
    mine = (
        col(Picture.patient_id) == patient_id, col(Picture.id) == voice_id, col(Picture.released_at).is_not(None),
        col(Picture.kind) == PictureKind.VOICE.value, or_(col(Picture.said), col(Picture.spoken_by) == who),
    )  # fmt: skip
    row = (await reading.execute(select(Picture).where(*mine))).scalar_one_or_none()
    if row is None:
        raise NotFound
    return PictureState(row.state), _voice(row) if row.state == PictureState.READY.value else None


def _voice(row: Picture) -> AttachedVoice:
    assert row.seconds is not None and row.waveform is not None  # of what is ready  # noqa: PT018
    return AttachedVoice(id=row.id, kind=PictureKind.VOICE, seconds=row.seconds, waveform=row.waveform)


# What `media.queries.pictures.is_shown` says, and not private: a thread is read by everybody who acts for the patient,
# so what is hidden from one of them does not stand in it. A picture that was moved is another patient's.
add_function(
    SQLModel.metadata,
    """
create function pictures_attached(p_clinic uuid, p_patient uuid, p_ids jsonb) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'kind', p.kind, 'width', p.width, 'height', p.height, 'blurhash', p.blurhash
    ) order by i.place), '[]'::jsonb)
    from jsonb_array_elements_text(p_ids) with ordinality as i(id, place)
    join picture p on p.clinic_id = p_clinic and p.id = i.id::uuid and p.patient_id = p_patient
    where p.state = 'ready' and p.released_at is not null and not p.private and p.kind <> 'voice'
$$
""",
)
add_function(
    SQLModel.metadata,
    """
create function voices_attached(p_clinic uuid, p_patient uuid, p_ids jsonb) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'kind', p.kind, 'seconds', p.seconds, 'waveform', to_jsonb(p.waveform)
    ) order by i.place), '[]'::jsonb)
    from jsonb_array_elements_text(p_ids) with ordinality as i(id, place)
    join picture p on p.clinic_id = p_clinic and p.id = i.id::uuid and p.patient_id = p_patient
    where p.state = 'ready' and p.released_at is not null and not p.private and p.kind = 'voice'
$$
""",
)
