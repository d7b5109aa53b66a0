"""Who is known: records an account may open, patients for the desk, staff and what it may do."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import BigInteger, Subquery, bindparam, func, literal_column, select
from sqlmodel import col

from clinic.household import EVERY_SCOPE, AccessScope, Relation
from clinic.queries.fragments import covers, may_open, same_patient, viewer, whole
from clinic.queries.standing import tied_sql
from clinic.tables import Access, Patient, Staff
from core.database import Reading
from core.values import Value
from identity.permissions import Permission
from identity.queries import live_session

MOST_TIED = 50
"""Branches that somebody is tied to."""


class Record(Value):
    """A patient record that an account may open."""

    patient_id: UUID
    relation: str
    given_name: str
    family_name: str


class PatientCard(Value):
    """A patient as the desk sees them: contact, no clinical word."""

    patient_id: UUID
    given_name: str
    family_name: str
    phone: str | None
    language: str


class Colleague(Value):
    """Somebody who works here, and what they may do."""

    staff_id: UUID
    name: str
    permissions: list[Permission] = Field(max_length=100)
    branch_ids: list[UUID] = Field(
        default=[], max_length=MOST_TIED, description="Whose conversations are theirs; empty: of all branches."
    )


@dataclass(frozen=True, slots=True)
class StaffStanding:
    staff_id: UUID
    name: str
    permissions: frozenset[Permission]
    tied_xid: int = 0
    """In which transaction it was last said to which branches they are tied."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A record that an account may open, and how much of it."""

    patient_id: UUID
    relation: Relation
    scopes: frozenset[AccessScope]


@dataclass(frozen=True, slots=True)
class Named:
    """A row of another system, found by its external id."""

    id: UUID
    branch_id: UUID | None = None


def people_sql() -> Subquery:
    """SQL: (clinic_id, id, given_name, family_name, birth_date) of every patient in sight, to join with."""
    named = (col(Patient.given_name), col(Patient.family_name), col(Patient.birth_date))
    return select(col(Patient.clinic_id), col(Patient.id), *named).subquery("person")


async def records(
    reading: Reading, account_id: UUID, session_id: UUID, now: datetime, scope: AccessScope | None = None
) -> list[Record]:
    """The records this signed-in account may open in the clinic of the scope; only those `scope` covers, if given."""
    statement = (
        select(Patient, col(Access.relation))
        .join(Access, same_patient(Access))
        .where(*may_open(account_id, session_id, now), *([] if scope is None else [covers(scope)]))
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
) -> Opened | None:
    """The record to open: `patient_id` where the account may, its own where None is asked for.

    From here to the end of the transaction what is private of one's own record may be seen.
    """
    wanted = whole() if patient_id is None else col(Access.patient_id) == patient_id
    statement = (
        select(col(Access.patient_id), col(Access.relation), col(Access.scopes), viewer())
        .where(*may_open(account_id, session_id, now), wanted)
        .limit(1)
    )
    row = (await reading.execute(statement)).one_or_none()
    if row is None:
        return None
    relation = Relation(row.relation)
    scopes = EVERY_SCOPE if relation is Relation.SELF else frozenset(each for each in AccessScope if each in row.scopes)
    return Opened(row.patient_id, relation, scopes)


async def staff_standing(reading: Reading, account_id: UUID, session_id: UUID, now: datetime) -> StaffStanding | None:
    statement = select(Staff, literal_column(tied_sql(), BigInteger())).where(
        col(Staff.account_id) == account_id,
        col(Staff.left_at).is_(None),
        live_session(bindparam("session", session_id), col(Staff.account_id), now),
    )
    row = (await reading.execute(statement)).one_or_none()
    if row is None:
        return None
    staff, tied = row
    return StaffStanding(staff.id, staff.name, frozenset(_known(staff)), tied)


async def colleagues(reading: Reading, *, after: UUID | None, limit: int) -> list[Colleague]:
    """Who works in the clinic at present, in the order of their admission, past the id `after`."""
    statement = select(Staff).where(col(Staff.left_at).is_(None)).order_by(col(Staff.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(Staff.id) > after)
    return [
        Colleague(staff_id=row.id, name=row.name, permissions=_known(row), branch_ids=row.branch_ids)
        for row in (await reading.execute(statement)).scalars()
    ]


def _known(staff: Staff) -> list[Permission]:
    return [permission for permission in Permission if permission in staff.permissions]


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


async def home_branch(reading: Reading, patient_id: UUID) -> UUID | None:
    statement = select(col(Patient.branch_id)).where(col(Patient.id) == patient_id)
    return (await reading.execute(statement)).scalar_one_or_none()
