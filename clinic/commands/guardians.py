"""Guardians as the clinic's own system tells of them: taken in, and followed where the phone's account is proven.

A phone alone opens nothing (numbers are sold again, families share them): the account must hold a record of this
clinic by a link code from its desk. Until then what the system said waits, and opens with that code.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, ScalarSelect, Select, and_, cast, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from clinic.commands.batch import Taken, changed
from clinic.commands.patients import hold_named_patients
from clinic.facts import GuardianFact
from clinic.household import Relation
from clinic.queries import Named
from clinic.queries.privacy import being_erased_sql
from clinic.tables import Access, Branch, Guardian, Patient
from core.database import Writing
from core.errors import Fault
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import Incoming, held_rows, hold_source, upsert
from identity.queries import account_of, phone_of


async def take_guardians(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, GuardianFact]],
    actor: Actor, now: datetime,
) -> Taken:  # fmt: skip
    """Upsert guardians of a batch, and let those with a proven account open what they may at once.

    What staff, the ward or the guardian took back stays taken back: only the desk invites again.
    """
    await hold_following(writing, clinic_id)
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    faults = {index: Fault("/patient", "unknown-reference") for index, fact in facts if fact.patient not in patients}
    rows = [_row(index, fact, patients) for index, fact in facts if index not in faults]
    held = await held_rows(writing, Guardian, clinic_id, source, [row.external_id for row in rows], ())
    done = await upsert(writing, Guardian, clinic_id, source, rows, held, now)
    news = changed(done)
    happenings = [
        Happening(f"guardian.{each.outcome.value}", each.id, patient_id=each.incoming.columns["patient_id"])
        for each in news
    ]
    await record(writing, clinic_id, actor, happenings, now)
    ids = [each.id for each in news]
    if ids:
        await _end_what_is_somebody_elses_now(writing, clinic_id, ids, actor, now)
        await _follow(writing, clinic_id, col(Guardian.id) == func.any(ids), actor, now, anew=True)
    return done, faults


async def follow_guardians(writing: Writing, clinic_id: UUID, account_id: UUID, actor: Actor, now: datetime) -> None:
    """Open what the clinic's system said of this account's phone; call it once the account has proven itself.

    What this account was given already stays as it was given: only news of the system changes it.
    """
    ends_at = _ends_at()
    lasting = and_(col(Guardian.phone) == phone_of(account_id), or_(ends_at.is_(None), ends_at > now))
    await _follow(writing, clinic_id, lasting, actor, now, anew=False)


async def hold_following(writing: Writing, clinic_id: UUID) -> None:
    """Who proves an account and who tells of guardians wait for each other until the commit, or each misses the other.

    Take it first, before any row is locked.
    """
    await hold_source(writing, "followed guardians", clinic_id, "")


def _row(index: int, fact: GuardianFact, patients: dict[str, Named]) -> Incoming:
    columns = {
        "patient_id": patients[fact.patient].id, "phone": fact.phone, "relation": fact.relation,
        "scopes": sorted({scope.value for scope in fact.scopes}), "ends_on": fact.ends_on,
    }  # fmt: skip
    return Incoming(index, fact.external_id, fact.version, columns)


async def _end_what_is_somebody_elses_now(
    writing: Writing, clinic_id: UUID, ids: Collection[UUID], actor: Actor, now: datetime
) -> None:
    """The system corrected a phone or a ward: what the wrong one opened ends, and opens again if it is corrected back.

    Ended and not revoked: that is what people say, and it would stay.
    """
    other = or_(
        col(Access.patient_id) != col(Guardian.patient_id),
        col(Access.account_id).is_distinct_from(account_of(col(Guardian.phone))),
    )
    open_yet = or_(col(Access.ends_at).is_(None), col(Access.ends_at) > now)
    followed = (col(Access.clinic_id) == col(Guardian.clinic_id), col(Access.guardian_id) == col(Guardian.id))
    ended = (
        update(Access)
        .where(*followed, col(Guardian.id) == func.any(list(ids)), other, col(Access.revoked_at).is_(None), open_yet)
        .values(ends_at=now)
        .returning(col(Access.account_id), col(Access.patient_id), col(Access.relation))
    )
    rows = (await writing.execute(ended, execution_options={"synchronize_session": False})).all()
    await record(writing, clinic_id, actor, [_told("record.unlinked", row) for row in rows], now)


async def _follow(
    writing: Writing, clinic_id: UUID, which: ColumnElement[bool], actor: Actor, now: datetime, *, anew: bool
) -> None:
    """Two statements, whatever their number. `anew`: access that is given already is changed too."""
    rows = (await writing.execute(_to_follow(which, now))).all()
    if not rows:
        return
    fresh = insert(Access).values(
        [
            {
                "clinic_id": clinic_id, "id": new_id(), "account_id": row.account_id, "patient_id": row.patient_id,
                "relation": row.relation, "scopes": row.scopes, "ends_at": row.ends_at, "granted_at": now,
                "guardian_id": row.id,
            }
            for row in rows
        ]
    )  # fmt: skip
    bounds = {name: fresh.excluded[name] for name in ("relation", "scopes", "ends_at", "guardian_id")}
    key = ["clinic_id", "account_id", "patient_id"]
    of_others = and_(col(Access.revoked_at).is_(None), col(Access.relation) != Relation.SELF.value)
    changed_too = fresh.on_conflict_do_update(index_elements=key, set_=bounds, where=of_others)
    await writing.execute(changed_too if anew else fresh.on_conflict_do_nothing(index_elements=key))
    await record(writing, clinic_id, actor, [_told("record.linked", row) for row in rows if not row.known], now)


def _to_follow(which: ColumnElement[bool], now: datetime) -> Select[*tuple[Any, ...]]:
    """SQL: guardians whose phone's account is proven here; `known`: the record was opened to it before.

    What is open and has the fact's bounds already goes on to follow it, whatever became of the proof.
    Of two facts about one phone and one patient the last one told counts.
    """
    account_id, before = account_of(col(Guardian.phone)), aliased(Access)
    of_ward = (
        col(before.clinic_id) == col(Guardian.clinic_id),
        col(before.account_id) == account_id,
        col(before.patient_id) == col(Guardian.patient_id),
    )
    open_yet = or_(col(before.ends_at).is_(None), col(before.ends_at) > now)
    follows = exists().where(*of_ward, col(before.guardian_id) == col(Guardian.id), open_yet)
    known = exists().where(*of_ward)
    columns: list[Any] = [
        *(col(Guardian.id), col(Guardian.patient_id), col(Guardian.relation), col(Guardian.scopes)),
        *(account_id.label("account_id"), _ends_at().label("ends_at"), known.label("known")),
    ]
    ward = and_(col(Patient.clinic_id) == Guardian.clinic_id, col(Patient.id) == Guardian.patient_id)
    branch = and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id)
    return (
        select(*columns)
        .ext(distinct_on(col(Guardian.phone), col(Guardian.patient_id)))
        .join(Patient, ward)
        .join(Branch, branch)
        .where(which, or_(_proven(account_id), follows), ~being_erased_sql(col(Guardian.patient_id)))
        .order_by(col(Guardian.phone), col(Guardian.patient_id), col(Guardian.changed_at).desc())
    )


def _proven(account_id: ScalarSelect[UUID]) -> ColumnElement[bool]:
    """SQL: the account came in by a link code of this clinic, and what it opened by it was not taken back."""
    proof = aliased(Access)
    return exists().where(
        col(proof.clinic_id) == col(Guardian.clinic_id),
        col(proof.account_id) == account_id,
        col(proof.proven_at).is_not(None),
        col(proof.revoked_at).is_(None),
        col(proof.blocked_at).is_(None),
    )


def _ends_at() -> ColumnElement[datetime | None]:
    """SQL: the first minute of the day the fact names, where the patient is at home."""
    return func.timezone(col(Branch.zone), cast(col(Guardian.ends_on), DateTime))


def _told(kind: str, row: Any) -> Happening:
    return Happening(kind, row.account_id, patient_id=row.patient_id, facts={"relation": row.relation})
