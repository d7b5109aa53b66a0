"""Households: whose record it is, who may open it, and which wards somebody has."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from clinic.household import EVERY_SCOPE, AccessScope, AccessState, Grant, Relation, Ward, access_state, majority_on
from clinic.queries.fragments import may_open, same_patient, stands
from clinic.tables import Access, Branch, Clinic, Patient
from core.database import Reading
from core.moments import Day, Moment
from core.values import Value
from identity.queries import phone_of

MOST_OPENERS = 100


class RecordAccess(Value):
    """One account's access to a record, as the desk sees it: standing, or why no longer."""

    access_id: UUID
    account_id: UUID
    phone: str | None
    relation: Relation
    scopes: list[AccessScope] = Field(max_length=20)
    state: AccessState
    granted_at: Moment
    ends_at: Moment | None = Field(description="When it ends or ended; a guardian's at the latest with `of_age_on`.")
    of_age_on: Day = Field(description="The day from which the patient is of age.")
    revoked_at: Moment | None
    blocked_at: Moment | None
    block_reason: str | None
    synced: bool = Field(description="It follows what the clinic's own system says.")


class Opener(Value):
    """Somebody else who may open my record: by their name where they are a patient here too."""

    access_id: UUID
    name: str
    phone_ending: str = Field(description="The last two digits of their phone.", examples=["34"])
    relation: Relation
    scopes: list[AccessScope] = Field(max_length=20)
    granted_at: Moment
    ends_at: Moment | None


class WardView(Value):
    """Somebody else's record that I may open, and how much of it."""

    patient_id: UUID
    given_name: str
    family_name: str
    relation: Relation
    scopes: list[AccessScope] = Field(max_length=20)
    ends_at: Moment | None
    of_age_on: Day = Field(description="A guardian's access ends with the first minute of this day.")


async def ward_of(reading: Reading, patient_id: UUID) -> Ward | None:
    """Birth date and calendar of a patient of the clinic."""
    statement = (
        select(col(Patient.birth_date), col(Clinic.country), col(Branch.zone))
        .select_from(Patient)
        .join(Branch, _home())
        .join(Clinic, col(Clinic.clinic_id) == Patient.clinic_id)
        .where(col(Patient.id) == patient_id)
    )
    row = (await reading.execute(statement)).one_or_none()
    return None if row is None else Ward(row.birth_date, row.country, row.zone)


async def record_accesses(reading: Reading, patient_id: UUID, now: datetime) -> list[RecordAccess]:
    """Everybody who may, might or once could open the record; who was let in last comes first."""
    phone = phone_of(col(Access.account_id)).label("phone")
    statement = (
        select(Access, phone, col(Patient.birth_date), col(Clinic.country), col(Branch.zone))
        .join(Patient, same_patient(Access))
        .join(Branch, _home())
        .join(Clinic, col(Clinic.clinic_id) == Patient.clinic_id)
        .where(col(Access.patient_id) == patient_id)
        .order_by(col(Access.granted_at).desc(), col(Access.id))
        .limit(MOST_OPENERS)
    )
    return [
        _record_access(access, number, Ward(born, country, zone), now)
        for access, number, born, country, zone in (await reading.execute(statement))
    ]


def _record_access(access: Access, phone: str | None, ward: Ward, now: datetime) -> RecordAccess:
    relation = Relation(access.relation)
    grant = Grant(relation, access.ends_at, access.revoked_at is not None, access.blocked_at is not None)
    return RecordAccess(
        access_id=access.id, account_id=access.account_id, phone=phone, relation=relation,
        scopes=scopes_of(access), state=access_state(grant, ward, now),
        granted_at=access.granted_at, ends_at=access.ends_at, of_age_on=majority_on(ward.birth_date, ward.country),
        revoked_at=access.revoked_at, blocked_at=access.blocked_at, block_reason=access.block_reason,
        synced=access.guardian_id is not None,
    )  # fmt: skip


async def openers_of(reading: Reading, patient_id: UUID, now: datetime) -> list[Opener]:
    """Who else may open this patient's record at present."""
    own, person = aliased(Access), aliased(Patient)
    theirs = and_(
        col(own.clinic_id) == Access.clinic_id,
        col(own.account_id) == Access.account_id,
        col(own.relation) == Relation.SELF.value,
        col(own.revoked_at).is_(None),
    )
    named = and_(col(person.clinic_id) == own.clinic_id, col(person.id) == own.patient_id)
    phone = phone_of(col(Access.account_id)).label("phone")
    statement = (
        select(Access, phone, col(person.given_name), col(person.family_name))
        .select_from(Access)
        .outerjoin(own, theirs)
        .outerjoin(person, named)
        .where(col(Access.patient_id) == patient_id, col(Access.relation) != Relation.SELF.value, stands(now))
        .order_by(col(Access.granted_at), col(Access.id))
        .limit(MOST_OPENERS)
    )
    return [
        Opener(
            access_id=access.id, name=f"{given or ''} {family or ''}".strip(), phone_ending=(number or "")[-2:],
            relation=Relation(access.relation), scopes=scopes_of(access),
            granted_at=access.granted_at, ends_at=access.ends_at,
        )
        for access, number, given, family in (await reading.execute(statement))
    ]  # fmt: skip


async def wards(reading: Reading, account_id: UUID, session_id: UUID, now: datetime) -> list[WardView]:
    """The records of others that this signed-in account may open."""
    statement = (
        select(Access, Patient, col(Clinic.country))
        .join(Patient, same_patient(Access))
        .join(Clinic, col(Clinic.clinic_id) == Access.clinic_id)
        .where(*may_open(account_id, session_id, now), col(Access.relation) != Relation.SELF.value)
        .order_by(col(Access.granted_at), col(Access.id))
        .limit(MOST_OPENERS)
    )
    return [
        WardView(
            patient_id=patient.id, given_name=patient.given_name, family_name=patient.family_name,
            relation=Relation(access.relation), scopes=scopes_of(access),
            ends_at=access.ends_at, of_age_on=majority_on(patient.birth_date, country),
        )
        for access, patient, country in (await reading.execute(statement))
    ]  # fmt: skip


def scopes_of(access: Access) -> list[AccessScope]:
    """What an access extends to; a word of a later version is passed over, and one's own record is open as a whole."""
    if access.relation == Relation.SELF.value:
        return sorted(EVERY_SCOPE)
    return sorted(scope for scope in AccessScope if scope in access.scopes)


def _home() -> Any:
    """SQL join condition of a patient with their home branch, whose calendar counts."""
    return and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id)
