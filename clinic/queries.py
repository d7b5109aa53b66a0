"""What is known of the clinic: who stands before us, whose record is whose, which visits there are."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, and_, bindparam, func, or_, select
from sqlmodel import col

from clinic.appointment import STANDING, AppointmentStatus
from clinic.hours import Hours
from clinic.tables import Access, Appointment, Branch, Clinic, Patient, Staff
from core.database import MOMENT_PARAMETER, UUID_PARAMETER, Reading, Sweeping
from core.moments import Moment, rfc3339_sql
from core.values import Value
from identity.permissions import Permission
from identity.queries import live_session


class Record(Value):
    """A patient record that an account may open."""

    patient_id: UUID
    relation: str
    given_name: str
    family_name: str


class Visit(Value):
    """An appointment as patients and staff see it; times are UTC, `zone` is the branch's."""

    appointment_id: UUID
    patient_id: UUID
    branch_id: UUID
    branch_name: str
    zone: str
    starts_at: Moment
    ends_at: Moment
    status: AppointmentStatus
    service: str
    practitioner: str


class PatientCard(Value):
    """A patient as the desk sees them: contact, no clinical word."""

    patient_id: UUID
    given_name: str
    family_name: str
    phone: str | None
    language: str


@dataclass(frozen=True, slots=True)
class StaffStanding:
    staff_id: UUID
    name: str
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Named:
    """A row of another system, found by its external id."""

    id: UUID
    branch_id: UUID | None = None


async def records(reading: Reading, account_id: UUID, session_id: UUID, now: datetime) -> list[Record]:
    """The records this signed-in account may open in the clinic of the scope."""
    statement = (
        select(Patient, col(Access.relation))
        .join(Access, same_patient(Access))
        .where(*_may_open(account_id, session_id, now))
        .order_by(col(Access.granted_at))
        .limit(100)
    )
    rows = await reading.execute(statement)
    return [
        Record(patient_id=patient.id, relation=relation, given_name=patient.given_name, family_name=patient.family_name)
        for patient, relation in rows
    ]


async def opened_record(
    reading: Reading, account_id: UUID, session_id: UUID, patient_id: UUID | None, now: datetime
) -> UUID | None:
    """The id of the record to open: `patient_id` where the account may, its own where None is asked for."""
    wanted = col(Access.relation) == "self" if patient_id is None else col(Access.patient_id) == patient_id
    statement = select(col(Access.patient_id)).where(*_may_open(account_id, session_id, now), wanted).limit(1)
    return (await reading.execute(statement)).scalar_one_or_none()


def _may_open(account_id: Any, session_id: Any, now: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Access.account_id) == account_id,
        col(Access.revoked_at).is_(None),
        or_(col(Access.ends_at).is_(None), col(Access.ends_at) > now),
        live_session(session_id, col(Access.account_id)),
    )


def same_patient(table: Any) -> ColumnElement[bool]:
    """SQL join condition of any patient's row with its patient."""
    return and_(col(Patient.clinic_id) == table.clinic_id, col(Patient.id) == table.patient_id)


async def staff_standing(reading: Reading, account_id: UUID, session_id: UUID) -> StaffStanding | None:
    statement = select(Staff).where(
        col(Staff.account_id) == account_id,
        col(Staff.left_at).is_(None),
        live_session(bindparam("session", session_id), col(Staff.account_id)),
    )
    staff = (await reading.execute(statement)).scalar_one_or_none()
    if staff is None:
        return None
    return StaffStanding(staff.id, staff.name, frozenset(Permission(name) for name in staff.permissions))


async def staff_of_account(reading: Reading, account_id: UUID) -> bool:
    """Whether this account works in the clinic of the scope."""
    statement = select(col(Staff.id)).where(col(Staff.account_id) == account_id, col(Staff.left_at).is_(None))
    return (await reading.execute(statement)).scalar_one_or_none() is not None


async def patient_card(reading: Reading, patient_id: UUID) -> PatientCard | None:
    patient = (await reading.execute(select(Patient).where(col(Patient.id) == patient_id))).scalar_one_or_none()
    return _card(patient) if patient else None


async def patients_by_phone(reading: Reading, phone: str) -> list[PatientCard]:
    """Everybody with this number (families share one), for the desk."""
    statement = select(Patient).where(col(Patient.phone) == phone).order_by(col(Patient.id)).limit(50)
    return [_card(patient) for patient in (await reading.execute(statement)).scalars()]


def _card(patient: Patient) -> PatientCard:
    return PatientCard(
        patient_id=patient.id,
        given_name=patient.given_name,
        family_name=patient.family_name,
        phone=patient.phone,
        language=patient.language,
    )


async def named_patients(reading: Reading, source: str, names: set[str]) -> dict[str, Named]:
    """Patients by their external ids, in one statement."""
    statement = select(col(Patient.external_id), col(Patient.id), col(Patient.branch_id)).where(
        col(Patient.source) == source, col(Patient.external_id) == func.any(sorted(names))
    )
    return {name: Named(row_id, branch) for name, row_id, branch in (await reading.execute(statement))}


async def branches_by_name(reading: Reading) -> dict[str, UUID]:
    rows = (await reading.execute(select(col(Branch.name), col(Branch.id)))).all()
    return {row.name: row.id for row in rows}


async def home_branch(reading: Reading, patient_id: UUID) -> UUID | None:
    statement = select(col(Patient.branch_id)).where(col(Patient.id) == patient_id)
    return (await reading.execute(statement)).scalar_one_or_none()


async def birth_date(reading: Reading, patient_id: UUID) -> date | None:
    statement = select(col(Patient.birth_date)).where(col(Patient.id) == patient_id)
    return (await reading.execute(statement)).scalar_one_or_none()


async def branch_hours(reading: Reading, branch_id: UUID) -> Hours | None:
    branch = (await reading.execute(select(Branch).where(col(Branch.id) == branch_id))).scalar_one_or_none()
    return Hours(branch.zone, branch.opens, branch.closes) if branch else None


async def clinic_exists(reading: Reading, clinic_id: UUID) -> bool:
    statement = select(col(Clinic.clinic_id)).where(col(Clinic.clinic_id) == clinic_id)
    return (await reading.execute(statement)).scalar_one_or_none() is not None


async def any_clinic(sweeping: Sweeping) -> bool:
    """Whether the database holds any clinic at all."""
    return (await sweeping.execute(select(col(Clinic.clinic_id)).limit(1))).scalar_one_or_none() is not None


async def visits(reading: Reading, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Visit]:
    """A patient's appointments by start, oldest first, past the key `after`."""
    statement = (
        select(Appointment, Branch)
        .join(Branch, and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id))
        .where(col(Appointment.patient_id) == patient_id)
        .order_by(col(Appointment.starts_at), col(Appointment.id))
        .limit(limit)
    )
    if after is not None:
        key = func.row(col(Appointment.starts_at), col(Appointment.id))
        statement = statement.where(key > func.row(*after))
    return [visit_value(visit, branch) for visit, branch in (await reading.execute(statement))]


def visit_value(appointment: Appointment, branch: Branch) -> Visit:
    return Visit(
        appointment_id=appointment.id,
        patient_id=appointment.patient_id,
        branch_id=branch.id,
        branch_name=branch.name,
        zone=branch.zone,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        status=AppointmentStatus(appointment.status),
        service=appointment.service,
        practitioner=appointment.practitioner,
    )


# --- Fragments: SQL for the statements of packages above, always correlated with a clinic column. ---


def openers(now: Any) -> Subquery:
    """SQL: (clinic_id, patient_id, account_id) of every account that may open a record at present."""
    return (
        select(col(Access.clinic_id), col(Access.patient_id), col(Access.account_id))
        .where(col(Access.revoked_at).is_(None), or_(col(Access.ends_at).is_(None), col(Access.ends_at) > now))
        .subquery("opener")
    )


def record_row(scope_clinic: Any) -> Any:
    """SQL: the one record a document is about, chosen by `:account`, `:session`, `:patient` (null: own), `:now`."""
    asked = bindparam("patient", type_=UUID_PARAMETER)
    own = and_(asked.is_(None), col(Access.relation) == "self")
    return (
        select(
            col(Patient.clinic_id),
            col(Patient.id),
            col(Patient.given_name),
            col(Patient.family_name),
            col(Patient.birth_date),
            col(Access.relation),
        )
        .join(Access, same_patient(Access))
        .where(
            col(Patient.clinic_id) == scope_clinic,
            col(Access.clinic_id) == scope_clinic,
            *_may_open(
                bindparam("account", type_=UUID_PARAMETER),
                bindparam("session", type_=UUID_PARAMETER),
                bindparam("now", type_=MOMENT_PARAMETER),
            ),
            or_(own, col(Access.patient_id) == asked),
        )
        .limit(1)
    )


def person_row(scope_clinic: Any, patient_id: Any) -> Any:
    """SQL: one patient as offers and dates see them, with the day (`today`) it is in their branch at `:now`.

    `scope_clinic` None: row-level security alone decides.
    """
    moment = func.timezone(col(Branch.zone), bindparam("now", type_=MOMENT_PARAMETER))
    in_scope = [] if scope_clinic is None else [col(Patient.clinic_id) == scope_clinic]
    return (
        select(
            col(Patient.clinic_id),
            col(Patient.id),
            col(Patient.birth_date),
            col(Patient.language),
            func.date(moment).label("today"),
        )
        .join(Branch, and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id))
        .where(*in_scope, col(Patient.id) == patient_id)
        .limit(1)
    )


def patient_name(clinic_id: Any, patient_id: Any) -> ColumnElement[str]:
    """SQL: a patient's given and family name, for lists that staff see."""
    return (
        select(col(Patient.given_name) + " " + col(Patient.family_name))
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
        .scalar_subquery()
    )


def birth_date_of(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the patient's birth date, as a scalar."""
    same = (col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    return select(col(Patient.birth_date)).where(*same).scalar_subquery()


def next_visit_json(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the patient's next standing appointment as a `Visit` document, or null."""
    return (
        select(
            func.json_build_object(
                *("appointment_id", Appointment.id, "patient_id", Appointment.patient_id),
                *("branch_id", col(Branch.id), "branch_name", col(Branch.name), "zone", Branch.zone),
                *(
                    "starts_at",
                    rfc3339_sql(col(Appointment.starts_at)),
                    "ends_at",
                    rfc3339_sql(col(Appointment.ends_at)),
                ),
                *("status", Appointment.status, "service", Appointment.service),
                *("practitioner", Appointment.practitioner),
            )
        )
        .join(Branch, and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id))
        .where(
            col(Appointment.clinic_id) == clinic_id,
            col(Appointment.patient_id) == patient_id,
            col(Appointment.starts_at) > bindparam("now", type_=MOMENT_PARAMETER),
            col(Appointment.status).in_([status.value for status in sorted(STANDING)]),
        )
        .order_by(col(Appointment.starts_at))
        .limit(1)
        .scalar_subquery()
    )
