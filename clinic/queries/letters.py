"""What a letter to a patient says of them, of the clinic and of a visit; and the name under which somebody signs."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from clinic.queries.fragments import same_patient
from clinic.tables import Access, Appointment, Branch, Clinic, Patient
from core.database import Reading


@dataclass(frozen=True, slots=True)
class Addressee:
    """A patient with their home branch and its clinic."""

    patient_id: UUID
    given_name: str
    family_name: str
    birth_date: date
    phone: str | None
    language: str
    clinic_name: str
    clinic_language: str
    branch_name: str
    branch_address: str
    branch_phone: str
    zone: str

    @property
    def full_name(self) -> str:
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True, slots=True)
class VisitTold:
    """The visit a letter is about; `zone` is its branch's."""

    starts_at: datetime
    zone: str
    service: str
    practitioner: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Who acts for a record: as what, and by which name, where their own record in this clinic tells one."""

    relation: str
    name: str | None


async def addressee(reading: Reading, patient_id: UUID) -> Addressee | None:
    statement = (
        select(Patient, Branch, Clinic)
        .join(Branch, and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id))
        .join(Clinic, col(Clinic.clinic_id) == Patient.clinic_id)
        .where(col(Patient.id) == patient_id)
    )
    row = (await reading.execute(statement)).one_or_none()
    if row is None:
        return None
    patient, branch, clinic = row
    return Addressee(
        patient.id, patient.given_name, patient.family_name, patient.birth_date, patient.phone, patient.language,
        clinic.name, clinic.language, branch.name, branch.address, branch.phone, branch.zone,
    )  # fmt: skip


async def visit_of_letter(reading: Reading, patient_id: UUID, appointment_id: UUID) -> VisitTold | None:
    """The patient's own visit of this id; None where it is nobody's or another's."""
    statement = (
        select(Appointment, col(Branch.zone))
        .join(Branch, and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id))
        .where(col(Appointment.id) == appointment_id, col(Appointment.patient_id) == patient_id)
    )
    row = (await reading.execute(statement)).one_or_none()
    if row is None:
        return None
    visit, zone = row
    return VisitTold(visit.starts_at, zone, visit.service, visit.practitioner)


async def signer_of(reading: Reading, account_id: UUID, patient_id: UUID) -> Signer | None:
    """As what an account stands to a record; its right to sign is asked elsewhere (`record_to_open`)."""
    own = aliased(Access)
    statement = (
        select(col(Access.relation), col(Patient.given_name), col(Patient.family_name))
        .outerjoin(
            own,
            and_(
                own.clinic_id == Access.clinic_id,  # type: ignore[arg-type]  # columns, of an alias
                own.account_id == Access.account_id,  # type: ignore[arg-type]
                own.relation == "self",  # type: ignore[arg-type]
                own.revoked_at.is_(None),  # type: ignore[union-attr]
            ),
        )
        .outerjoin(Patient, same_patient(own))
        .where(
            col(Access.account_id) == account_id, col(Access.patient_id) == patient_id, col(Access.revoked_at).is_(None)
        )
    )
    row = (await reading.execute(statement)).one_or_none()
    if row is None:
        return None
    relation, given, family = row
    return Signer(relation, f"{given} {family}" if given else None)
