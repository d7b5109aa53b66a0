"""The verbs of the clinic: found it, admit people, open records, take visits in."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.appointment import AppointmentStatus, event_kind, may_follow
from clinic.facts import AppointmentFact, PatientFact
from clinic.queries import Visit, branches_by_name, home_branch, named_patients, visit_value
from clinic.tables import Access, Appointment, Branch, Clinic, LinkCode, Patient, Staff
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotAllowed, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import Held, Incoming, Outcome, Upserted, held_rows, upsert
from identity.permissions import Permission
from identity.secrets import Secrets, new_link_code, spoken_link_code

LINK_CODE_LIFE = timedelta(days=7)
OWN_SOURCE = "enamel"


class NoRecordLinked(NotAllowed):
    """Signed in by phone, but no record is opened to this account yet: the desk's link code is the second proof."""

    slug = "no-record-linked"


class LinkCodeWrong(NotFound):
    slug = "link-code-wrong"


class VisitEndsBeforeItStarts(Invalid):
    slug = "ends-before-start"


class TransitionNotAllowed(Conflict):
    slug = "transition-not-allowed"


# A batch's answer: what became of each good row, and the faults of the bad ones by their index.
Taken = tuple[list[Upserted], dict[int, Fault]]


async def found_clinic(
    writing: Writing, clinic_id: UUID, name: str, country: str, currency: str, language: str, now: datetime
) -> None:
    writing.add(
        Clinic(clinic_id=clinic_id, name=name, country=country, currency=currency, language=language, created_at=now)
    )
    await writing.flush()  # branches and staff of the same transaction refer to it


async def open_branch(writing: Writing, clinic_id: UUID, name: str, zone: str) -> UUID:
    branch = Branch(clinic_id=clinic_id, name=name, zone=zone)
    writing.add(branch)
    await writing.flush()  # patients of the same transaction refer to it
    return branch.id


async def admit_staff(
    writing: Writing, clinic_id: UUID, account_id: UUID, name: str, permissions: frozenset[Permission]
) -> UUID:
    staff = Staff(clinic_id=clinic_id, account_id=account_id, name=name, permissions=sorted(permissions))
    writing.add(staff)
    return staff.id


async def grant_access(
    writing: Writing, clinic_id: UUID, account_id: UUID, patient_id: UUID, relation: str, now: datetime
) -> None:
    """Let an account open a record; granting again renews what was revoked."""
    row = {
        "clinic_id": clinic_id, "id": new_id(), "account_id": account_id, "patient_id": patient_id,
        "relation": relation, "granted_at": now,
    }  # fmt: skip
    fresh = insert(Access).values(row)
    renewed = {"relation": relation, "granted_at": now, "revoked_at": None, "ends_at": None}
    key = ["clinic_id", "account_id", "patient_id"]
    await writing.execute(fresh.on_conflict_do_update(index_elements=key, set_=renewed))


async def issue_link_code(
    writing: Writing, secrets: Secrets, clinic_id: UUID, patient_id: UUID, relation: str, now: datetime
) -> tuple[str, datetime]:
    """A code for the person at the desk and when it ends. Raises `NotFound` for an unknown patient."""
    if await home_branch(writing, patient_id) is None:
        raise NotFound
    code, expires_at = new_link_code(), now + LINK_CODE_LIFE
    writing.add(
        LinkCode(
            clinic_id=clinic_id,
            patient_id=patient_id,
            relation=relation,
            code_hash=secrets.keyed_hash(f"link {clinic_id}", code),
            expires_at=expires_at,
        )
    )
    return code, expires_at


async def redeem_link_code(
    writing: Writing, secrets: Secrets, clinic_id: UUID, account_id: UUID, raw: str, actor: Actor, now: datetime
) -> UUID:
    """Open the record the code stands for; one use. Raises `LinkCodeWrong` for wrong, used and old alike."""
    digest = secrets.keyed_hash(f"link {clinic_id}", spoken_link_code(raw))
    spent = (
        update(LinkCode)
        .where(col(LinkCode.code_hash) == digest, col(LinkCode.used_at).is_(None), col(LinkCode.expires_at) > now)
        .values(used_at=now)
        .returning(col(LinkCode.patient_id), col(LinkCode.relation))
    )
    row = (await writing.execute(spent)).one_or_none()
    if row is None:
        raise LinkCodeWrong
    await grant_access(writing, clinic_id, account_id, row.patient_id, row.relation, now)
    linked = Happening("record.linked", account_id, patient_id=row.patient_id, facts={"relation": row.relation})
    await record(writing, clinic_id, actor, [linked], now)
    patient_id: UUID = row.patient_id
    return patient_id


async def book_visit(
    writing: Writing, clinic_id: UUID, patient_id: UUID, starts_at: datetime, ends_at: datetime,
    service: str, practitioner: str, actor: Actor, now: datetime,
) -> Visit:  # fmt: skip
    """A visit that staff enters. Raises `NotFound` for an unknown patient, `VisitEndsBeforeItStarts`."""
    branch_id = await home_branch(writing, patient_id)
    if branch_id is None:
        raise NotFound
    if ends_at <= starts_at:
        raise VisitEndsBeforeItStarts(Fault("/ends_at", "ends-before-start"))
    row_id = new_id()
    visit = Appointment(
        clinic_id=clinic_id, id=row_id, source=OWN_SOURCE, external_id=str(row_id), source_version=0,
        content_hash="", changed_at=now, patient_id=patient_id, branch_id=branch_id, starts_at=starts_at,
        ends_at=ends_at, status=AppointmentStatus.BOOKED.value, service=service, practitioner=practitioner,
    )  # fmt: skip
    writing.add(visit)
    booked = Happening("appointment.booked", visit.id, patient_id=patient_id)
    await record(writing, clinic_id, actor, [booked], now)
    branch = (await writing.execute(select(Branch).where(col(Branch.id) == branch_id))).scalar_one()
    return visit_value(visit, branch)


async def change_visit(
    writing: Writing, clinic_id: UUID, appointment_id: UUID, status: AppointmentStatus, actor: Actor, now: datetime
) -> Visit:
    """Move a visit to its next state. Raises `NotFound`, `TransitionNotAllowed`."""
    statement = (
        select(Appointment, Branch)
        .join(Branch, (col(Branch.clinic_id) == Appointment.clinic_id) & (col(Branch.id) == Appointment.branch_id))
        .where(col(Appointment.id) == appointment_id)
        .with_for_update(of=Appointment)
    )
    found = (await writing.execute(statement)).one_or_none()
    if found is None:
        raise NotFound
    visit, branch = found
    before = AppointmentStatus(visit.status)
    if not may_follow(before, status):
        raise TransitionNotAllowed(Fault("/status", "transition-not-allowed"))
    if before is not status:
        visit.status, visit.changed_at = status.value, now
        happening = Happening(event_kind(before, status, moved=False), visit.id, patient_id=visit.patient_id)
        await record(writing, clinic_id, actor, [happening], now)
    return visit_value(visit, branch)


async def hold_patients(writing: Writing, patient_ids: Collection[UUID]) -> dict[UUID, date]:
    """Lock these records against one another until the commit, in one order for everybody; their birth dates."""
    statement = (
        select(col(Patient.id), col(Patient.birth_date))
        .where(col(Patient.id) == func.any(sorted(patient_ids)))
        .order_by(col(Patient.id))
        .with_for_update(key_share=True)
    )
    return {row.id: row.birth_date for row in (await writing.execute(statement))}


async def take_patients(
    writing: Writing,
    clinic_id: UUID,
    source: str,
    facts: Sequence[tuple[int, PatientFact]],
    actor: Actor,
    now: datetime,
) -> Taken:
    """Upsert patients of a batch; `facts` are (index in the batch, good row)."""
    branches = await branches_by_name(writing)
    faults = {index: Fault("/branch", "unknown-reference") for index, fact in facts if fact.branch not in branches}
    late = {index: Fault("/birth_date", "in-the-future") for index, fact in facts if fact.birth_date > now.date()}
    faults |= late
    rows = [_patient_row(index, fact, branches) for index, fact in facts if index not in faults]
    held = await held_rows(writing, Patient, clinic_id, source, [row.external_id for row in rows], ())
    done = await upsert(writing, Patient, clinic_id, source, rows, held, now)
    happenings = [Happening(f"patient.{each.outcome.value}", each.id, patient_id=each.id) for each in changed(done)]
    await record(writing, clinic_id, actor, happenings, now)
    return done, faults


def _patient_row(index: int, fact: PatientFact, branches: dict[str, UUID]) -> Incoming:
    columns = fact.model_dump(exclude={"external_id", "version", "branch"})
    return Incoming(index, fact.external_id, fact.version, {"branch_id": branches[fact.branch], **columns})


async def take_appointments(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, AppointmentFact]],
    actor: Actor, now: datetime,
) -> Taken:  # fmt: skip
    """Upsert visits of a batch. A change that no visit can make is a fault of that row."""
    branches = await branches_by_name(writing)
    patients = await named_patients(writing, source, {fact.patient for _, fact in facts})
    faults: dict[int, Fault] = {}
    rows = []
    for index, fact in facts:
        patient = patients.get(fact.patient)
        branch = branches.get(fact.branch) if fact.branch else patient.branch_id if patient else None
        if patient is None or branch is None:
            faults[index] = Fault("/branch" if patient else "/patient", "unknown-reference")
            continue
        columns = fact.model_dump(exclude={"external_id", "version", "patient", "branch", "status"})
        owner = {"patient_id": patient.id, "branch_id": branch, "status": fact.status.value}
        rows.append(Incoming(index, fact.external_id, fact.version, {**owner, **columns}))
    names = [row.external_id for row in rows]
    held = await held_rows(writing, Appointment, clinic_id, source, names, ("status", "starts_at"))
    refused = {row.index for row in rows if not _may_become(held.get(row.external_id), row)}
    faults |= {index: Fault("/status", "transition-not-allowed") for index in refused}
    allowed = [row for row in rows if row.index not in refused]
    done = await upsert(writing, Appointment, clinic_id, source, allowed, held, now)
    await record(writing, clinic_id, actor, [_visit_event(each) for each in changed(done)], now)
    return done, faults


def _may_become(held: Held | None, row: Incoming) -> bool:
    if held is None or row.version <= held.version:
        return True  # new, or to be refused as stale
    return may_follow(AppointmentStatus(held.remembered["status"]), AppointmentStatus(row.columns["status"]))


def _visit_event(done: Upserted) -> Happening:
    columns: dict[str, Any] = done.incoming.columns
    before = AppointmentStatus(done.before["status"]) if done.before else None
    moved = done.before is not None and done.before["starts_at"] != columns["starts_at"]
    kind = event_kind(before, AppointmentStatus(columns["status"]), moved=moved)
    return Happening(kind, done.id, patient_id=columns["patient_id"])


def changed(done: Sequence[Upserted]) -> list[Upserted]:
    return [each for each in done if each.outcome in (Outcome.CREATED, Outcome.UPDATED)]
