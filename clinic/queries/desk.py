"""What the chat's desk asks of the clinic: hours of branches, who may reply, the names that texts mention."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select, tuple_
from sqlmodel import col

from clinic.hours import Hours
from clinic.tables import Branch, Clinic, Patient, Staff
from core.database import Reading
from identity.permissions import Permission

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Names:
    """How the patient of a conversation, the clinic and a branch are called."""

    patient: str
    clinic: str
    branch: str


@dataclass(frozen=True, slots=True)
class Tongues:
    """The languages of a patient and of the clinic."""

    patient: str
    clinic: str


async def branch_hours(
    reading: Reading, weekdays: dict[UUID, frozenset[int]], branch_ids: Collection[UUID] | None = None
) -> dict[UUID, Hours]:
    """Opening hours by branch, on the `weekdays` of each clinic (all of them where it says none).

    With a `Sweeping` of every clinic named in `weekdays`; `branch_ids` narrows it.
    """
    statement = select(col(Branch.clinic_id), col(Branch.id), col(Branch.zone), col(Branch.opens), col(Branch.closes))
    if branch_ids is not None:
        statement = statement.where(col(Branch.id) == func.any(sorted(branch_ids)))
    else:
        statement = statement.where(col(Branch.clinic_id) == func.any(sorted(weekdays)))
    rows = await reading.execute(statement)
    return {
        branch_id: Hours(zone, opens, closes, weekdays.get(clinic_id, EVERY_DAY))
        for clinic_id, branch_id, zone, opens, closes in rows
    }


async def branches_of(reading: Reading, patients: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], UUID]:
    """The home branch of each patient (clinic, patient)."""
    whose = tuple_(col(Patient.clinic_id), col(Patient.id))
    statement = select(col(Patient.clinic_id), col(Patient.id), col(Patient.branch_id))
    rows = await reading.execute(statement.where(whose.in_(list(patients))))
    return {(clinic_id, patient_id): branch_id for clinic_id, patient_id, branch_id in rows}


async def who_may_reply(reading: Reading, staff_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Those of them who work here at present and may answer patients, each with the branches they are tied to."""
    statement = select(col(Staff.id), col(Staff.branch_ids)).where(
        col(Staff.id) == func.any(sorted(staff_ids)),
        col(Staff.left_at).is_(None),
        literal(Permission.REPLY.value) == func.any(col(Staff.permissions)),
    )
    return {staff_id: frozenset(branch_ids) for staff_id, branch_ids in await reading.execute(statement)}


async def known_branches(reading: Reading, clinic_id: UUID) -> set[UUID]:
    return set((await reading.execute(select(col(Branch.id)).where(col(Branch.clinic_id) == clinic_id))).scalars())


async def names_of(reading: Reading, clinic_id: UUID, patient_id: UUID, branch_id: UUID | None) -> Names:
    """For texts to the patient; the branch is their own where none is given."""
    own = select(col(Patient.branch_id)).where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    asked: Any = own.scalar_subquery() if branch_id is None else branch_id
    branch = select(col(Branch.name)).where(col(Branch.clinic_id) == clinic_id, col(Branch.id) == asked)
    statement: Any = (
        select(col(Patient.given_name), col(Clinic.name), branch.scalar_subquery())
        .join(Clinic, col(Clinic.clinic_id) == Patient.clinic_id)
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    )
    given, clinic, branch_name = (await reading.execute(statement)).one()
    return Names(given, clinic, branch_name or "")


async def tongues_of(reading: Reading, patients: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Tongues]:
    """In which languages to speak to each patient (clinic, patient)."""
    whose = tuple_(col(Patient.clinic_id), col(Patient.id))
    statement: Any = select(
        col(Patient.clinic_id), col(Patient.id), col(Patient.language), col(Clinic.language).label("of_clinic")
    ).join(Clinic, col(Clinic.clinic_id) == Patient.clinic_id)
    rows = await reading.execute(statement.where(whose.in_(list(patients))))
    return {(row.clinic_id, row.id): Tongues(row.language, row.of_clinic) for row in rows}


async def languages_of(reading: Reading, clinic_ids: Collection[UUID]) -> dict[UUID, str]:
    """The language of each clinic."""
    statement = select(col(Clinic.clinic_id), col(Clinic.language))
    rows = await reading.execute(statement.where(col(Clinic.clinic_id) == func.any(sorted(clinic_ids))))
    return {clinic_id: language for clinic_id, language in rows}  # noqa: C416  rows are no pairs for mypy


# --- Fragments ---


def staff_name(clinic_id: Any, staff_id: Any) -> ColumnElement[str]:
    """SQL: how somebody of the staff is called, also after they left."""
    return select(col(Staff.name)).where(col(Staff.clinic_id) == clinic_id, col(Staff.id) == staff_id).scalar_subquery()
