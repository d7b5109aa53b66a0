"""Legal holds: set on a patient, or on the archive of who was erased, and lifted."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.commands.patients import hold_patients
from clinic.queries.privacy import archive_kept
from clinic.tables import LegalHold
from core.database import Writing
from core.errors import Conflict, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id

_UNTRACKED = {"synchronize_session": False}


class HoldStands(Conflict):
    """A legal hold stands already."""

    slug = "legal-hold-stands"


async def set_hold(
    writing: Writing, clinic_id: UUID, patient_id: UUID, reason: str, actor: Actor, now: datetime
) -> UUID:
    """Nothing of this patient is erased while the hold stands, nor the archive of who was erased already.

    Raises `NotFound`, `HoldStands`.
    """
    if not await hold_patients(writing, [patient_id]) and not await archive_kept(
        writing, clinic_id, patient_id, now.date()
    ):
        raise NotFound
    row = {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "reason": reason,
        "set_by": actor.id, "set_at": now,
    }  # fmt: skip
    fresh = insert(LegalHold).values(row).on_conflict_do_nothing().returning(col(LegalHold.id))
    hold_id: UUID | None = (await writing.execute(fresh)).scalar_one_or_none()
    if hold_id is None:
        raise HoldStands
    await record(writing, clinic_id, actor, [Happening("legal_hold.set", hold_id, patient_id=patient_id)], now)
    return hold_id


async def lift_hold(writing: Writing, clinic_id: UUID, hold_id: UUID, actor: Actor, now: datetime) -> None:
    """End a hold. Raises `NotFound` where it does not stand."""
    standing = (col(LegalHold.id) == hold_id, col(LegalHold.lifted_at).is_(None))
    lifted = update(LegalHold).where(*standing).values(lifted_at=now, lifted_by=actor.id)
    returned = lifted.returning(col(LegalHold.patient_id))
    patient_id = (await writing.execute(returned, execution_options=_UNTRACKED)).scalar_one_or_none()
    if patient_id is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("legal_hold.lifted", hold_id, patient_id=patient_id)], now)
