"""Patients: take them in from another system, and hold them while something of theirs is counted anew."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from clinic.commands.batch import Taken, changed
from clinic.facts import PatientFact
from clinic.queries import Named, Place, branches_by_name
from clinic.queries.privacy import being_erased, erased_names, erasures_confirmed
from clinic.tables import Patient
from core.database import Writing
from core.dates import latest_today
from core.errors import Fault, NotFound
from core.events import Actor, Happening, record
from core.upsert import Incoming, held_rows, upsert


async def hold_patients(writing: Writing, patient_ids: Collection[UUID]) -> dict[UUID, date]:
    """Lock these records against one another until the commit, in one order for everybody; their birth dates."""
    statement = (
        select(col(Patient.id), col(Patient.birth_date))
        .where(col(Patient.id) == func.any(sorted(patient_ids)))
        .order_by(col(Patient.id))
        .with_for_update(key_share=True)
    )
    return {row.id: row.birth_date for row in (await writing.execute(statement))}


async def hold_patient(writing: Writing, patient_id: UUID) -> date:
    """Hold one record for something new of its own; the birth date.

    Raises `NotFound`, also once an erasure was confirmed. In two statements: who waited for the lock meanwhile learns
    of the erasure by the second only.
    """
    held = await hold_patients(writing, [patient_id])
    if not held or await being_erased(writing, patient_id):
        raise NotFound
    return held[patient_id]


async def hold_named_patients(writing: Writing, source: str, names: Collection[str]) -> dict[str, Named]:
    """Patients by their external ids, in one statement, for a batch of what is theirs.

    Nobody of them is erased until the commit; who is being erased is waited for and then unknown. The lock lets
    everybody pass but an erasure.
    """
    statement = (
        select(col(Patient.external_id), col(Patient.id), col(Patient.branch_id))
        .where(col(Patient.source) == source, col(Patient.external_id) == func.any(sorted(names)))
        .order_by(col(Patient.id))
        .with_for_update(key_share=True, read=True)
    )
    return {name: Named(row_id, branch) for name, row_id, branch in (await writing.execute(statement))}


async def take_patients(
    writing: Writing,
    clinic_id: UUID,
    source: str,
    facts: Sequence[tuple[int, PatientFact]],
    actor: Actor,
    now: datetime,
) -> Taken:
    """Upsert patients of a batch; `facts` are (index in the batch, good row). Who was erased here stays erased."""
    branches, today = await branches_by_name(writing), latest_today(now)
    faults = {index: Fault("/branch", "unknown-reference") for index, fact in facts if fact.branch not in branches}
    late = {index: Fault("/birth_date", "in-the-future") for index, fact in facts if fact.birth_date > today}
    faults |= late
    rows = [_patient_row(index, fact, branches) for index, fact in facts if index not in faults]
    held = await held_rows(writing, Patient, clinic_id, source, [row.external_id for row in rows], ())
    # Asked under the lock that an erasure takes too: who is being erased now is not brought back by this batch.
    erased = await erased_names(writing, clinic_id, source, [row.external_id for row in rows])
    faults |= {row.index: Fault("/external_id", "erased") for row in rows if row.external_id in erased}
    rows = [row for row in rows if row.external_id not in erased]
    done = await upsert(writing, Patient, clinic_id, source, rows, held, now)
    happenings = [Happening(f"patient.{each.outcome.value}", each.id, patient_id=each.id) for each in changed(done)]
    await record(writing, clinic_id, actor, happenings, now)
    return done, faults


def _patient_row(index: int, fact: PatientFact, branches: dict[str, Place]) -> Incoming:
    columns = fact.model_dump(exclude={"external_id", "version", "branch"})
    return Incoming(index, fact.external_id, fact.version, {"branch_id": branches[fact.branch].id, **columns})


async def hold_standing(writing: Writing, whose: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Of (clinic_id, patient_id) of one or many clinics those who may be given something; two statements.

    Nobody of them is erased until the commit. Who was erased, or for whom it was confirmed, is not among them.
    """
    clinics, patients = {clinic_id for clinic_id, _ in whose}, {patient_id for _, patient_id in whose}
    named = (col(Patient.clinic_id) == func.any(sorted(clinics)), col(Patient.id) == func.any(sorted(patients)))
    found = (
        select(col(Patient.clinic_id), col(Patient.id)).where(*named).order_by(col(Patient.clinic_id), col(Patient.id))
    )
    held = await writing.execute(found.with_for_update(key_share=True, read=True))
    standing = {(clinic_id, patient_id) for clinic_id, patient_id in held} & set(whose)
    return standing - await erasures_confirmed(writing, standing)
