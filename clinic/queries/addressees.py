"""What may be put into the words of messages: who is written to, by which clinic, and which visit is expected."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlmodel import col

from clinic.tables import Appointment, Branch, Clinic, Guardian, Patient
from core.database import Reading


@dataclass(frozen=True, slots=True)
class Addressee:
    """A patient as they are written to; the branch is their own."""

    given_name: str
    language: str
    clinic: str
    branch: str
    phone: str


@dataclass(frozen=True, slots=True)
class ExpectedVisit:
    patient_id: UUID
    starts_at: datetime
    branch: str
    phone: str
    zone: str
    service: str
    practitioner: str


async def addressees(
    reading: Reading, patients: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Addressee]:  # fmt: skip
    """Of (clinic, patient), with a `Sweeping` of any clinics; erased people are not among them."""
    of_branch = and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == col(Patient.branch_id))
    columns = (
        col(Patient.clinic_id), col(Patient.id), col(Patient.given_name), col(Patient.language), col(Clinic.name),
        col(Branch.name), col(Branch.phone),
    )  # fmt: skip
    statement = (
        select(*columns)
        .join(Clinic, col(Clinic.clinic_id) == Patient.clinic_id)
        .join(Branch, of_branch)
        .where(
            col(Patient.clinic_id) == func.any(sorted({clinic_id for clinic_id, _ in patients})),
            col(Patient.id) == func.any(sorted({patient_id for _, patient_id in patients})),
        )
    )
    found = {(clinic, patient): Addressee(*rest) for clinic, patient, *rest in await reading.execute(statement)}
    return {key: found[key] for key in patients if key in found}


async def expected_visits(
    reading: Reading, visits: Collection[tuple[UUID, UUID]]
) -> dict[UUID, ExpectedVisit]:  # fmt: skip
    """Of (clinic, visit), by the visit. Those marked as private are not told: a message may be read by a guardian."""
    if not visits:
        return {}
    at = and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == col(Appointment.branch_id))
    columns = (
        col(Appointment.clinic_id), col(Appointment.id), col(Appointment.patient_id), col(Appointment.starts_at),
        col(Branch.name), col(Branch.phone), col(Branch.zone), col(Appointment.service), col(Appointment.practitioner),
    )  # fmt: skip
    statement = (
        select(*columns)
        .join(Branch, at)
        .where(
            col(Appointment.clinic_id) == func.any(sorted({clinic_id for clinic_id, _ in visits})),
            col(Appointment.id) == func.any(sorted({visit_id for _, visit_id in visits})),
            ~col(Appointment.private),
        )
    )
    rows = await reading.execute(statement)
    return {row[1]: ExpectedVisit(*row[2:]) for row in rows if (row[0], row[1]) in visits}


async def reached_at(reading: Reading, clinic_id: UUID, phone: str | None, email: str | None) -> list[UUID]:
    """Every patient of the clinic with this phone or this address of mail; families share them."""
    if phone is None and email is None:
        return []
    place = (
        col(Patient.phone) == phone if phone is not None else func.lower(col(Patient.email)) == (email or "").lower()
    )
    statement = select(col(Patient.id)).where(col(Patient.clinic_id) == clinic_id, place)
    return list((await reading.execute(statement.order_by(col(Patient.id)).limit(50))).scalars())


async def clinics_that_know(reading: Reading, phone: str) -> list[UUID]:
    """With a `Sweeping`: the clinics in whose records this number stands, of a patient or of a guardian."""
    known = [
        exists().where(col(table.clinic_id) == Clinic.clinic_id, col(table.phone) == phone)
        for table in (Patient, Guardian)
    ]
    statement = select(col(Clinic.clinic_id)).where(or_(*known)).order_by(col(Clinic.clinic_id)).limit(50)
    return list((await reading.execute(statement)).scalars())
