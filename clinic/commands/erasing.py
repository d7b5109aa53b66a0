"""Erasing a person: confirm it, hold the record still, let its rows meet their fate, remember the name by its hash."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.commands.patients import hold_patients
from clinic.commands.requests import answer_request
from clinic.privacy import LEASE, ArchiveReason, ErasureState, RefusalReason, name_digest
from clinic.queries.privacy import ErasureView, asks_erasure, erasure_view
from clinic.queries.requests import RequestView
from clinic.request import RequestVerdict
from clinic.retention import keep_until, retention_in
from clinic.tables import Access, Clinic, Erased, Erasure, LegalHold, LinkCode, Patient, Staff
from core.database import Sweeping, Writing
from core.errors import Conflict, NotAllowed, NotFound
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id
from core.upsert import OWN_SOURCE, hold_source

_UNTRACKED = {"synchronize_session": False}
_SALT_BYTES = 32


class UnderLegalHold(Conflict):
    """Nothing of this patient may be erased while a legal hold stands."""

    slug = "under-legal-hold"


class ErasureConfirmed(Conflict):
    """It was confirmed before."""

    slug = "erasure-confirmed"


class AnsweredByPrivacy(NotAllowed):
    """Only who manages privacy answers a wish to be erased, and in another place."""

    slug = "answered-by-privacy"


@dataclass(frozen=True, slots=True)
class ClaimedErasure:
    clinic_id: UUID
    erasure_id: UUID
    patient_id: UUID
    state: ErasureState
    confirmed_at: datetime
    archived: bool = False
    """Its archive is stored already: the erasure is done again, after a database was put back."""


async def confirm_erasure(
    writing: Writing, clinic_id: UUID, patient_id: UUID, request_id: UUID | None, actor: Actor, now: datetime
) -> ErasureView:
    """The clinic agrees, to the patient's request or without one: the record is shut to everybody outside at once.

    The worker does the rest. Raises `NotFound`, `UnderLegalHold`, `ErasureConfirmed`, `RequestNotOpen`. The patient's
    row is the lock against a hold set now.
    """
    if not await hold_patients(writing, [patient_id]):
        raise NotFound
    if await _held(writing, clinic_id, patient_id):
        raise UnderLegalHold
    if request_id is not None:
        if await asks_erasure(writing, clinic_id, request_id) != patient_id:
            raise NotFound
        await answer_request(writing, clinic_id, request_id, RequestVerdict.ACCEPTED, "", actor, now)
    row = {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "state": ErasureState.CONFIRMED.value,
        "confirmed_by": actor.id, "confirmed_at": now, "attempts": 0,
    }  # fmt: skip
    fresh = insert(Erasure).values(row).on_conflict_do_nothing().returning(Erasure)
    made = (await writing.execute(fresh)).scalar_one_or_none()
    if made is None:
        raise ErasureConfirmed
    await shut_record(writing, clinic_id, patient_id, now)
    await record(writing, clinic_id, actor, [Happening("erasure.confirmed", made.id, patient_id=patient_id)], now)
    return erasure_view(made, waits=False)


async def shut_record(writing: Writing, clinic_id: UUID, patient_id: UUID, now: datetime) -> None:
    """Nobody outside opens the record any more, nor by an invitation that waits.

    The codes first: who used one meanwhile is seen by the second statement.
    """
    mine = (col(LinkCode.clinic_id) == clinic_id, col(LinkCode.patient_id) == patient_id)
    good = (col(LinkCode.used_at).is_(None), col(LinkCode.expires_at) > now)
    await writing.execute(update(LinkCode).where(*mine, *good).values(expires_at=now), execution_options=_UNTRACKED)
    same = (col(Access.clinic_id) == clinic_id, col(Access.patient_id) == patient_id)
    shut = update(Access).where(*same, col(Access.revoked_at).is_(None)).values(revoked_at=now)
    await writing.execute(shut, execution_options=_UNTRACKED)


async def refuse_erasure(
    writing: Writing, clinic_id: UUID, request_id: UUID, reason: RefusalReason, actor: Actor, now: datetime
) -> RequestView:
    """Say no, with the reason the law gives. Raises `NotFound` (no such request for an erasure), `RequestNotOpen`."""
    if await asks_erasure(writing, clinic_id, request_id) is None:
        raise NotFound
    return await answer_request(writing, clinic_id, request_id, RequestVerdict.DECLINED, reason.value, actor, now)


async def _held(writing: Writing, clinic_id: UUID, patient_id: UUID) -> bool:
    standing = exists().where(
        col(LegalHold.clinic_id) == clinic_id,
        col(LegalHold.patient_id) == patient_id,
        col(LegalHold.lifted_at).is_(None),
    )
    return bool((await writing.execute(select(standing))).scalar_one())


def _hold() -> ColumnElement[bool]:
    """SQL: a legal hold stands over the patient of an erasure."""
    return exists().where(
        col(LegalHold.clinic_id) == Erasure.clinic_id,
        col(LegalHold.patient_id) == Erasure.patient_id,
        col(LegalHold.lifted_at).is_(None),
    )


async def claim_erasures(sweeping: Sweeping, now: datetime, limit: int) -> list[ClaimedErasure]:
    """Take up to `limit` erasures that no hold keeps waiting; other workers skip them for the lease."""
    waiting = (
        select(col(Erasure.clinic_id), col(Erasure.id))
        .where(
            col(Erasure.state) != ErasureState.DONE.value,
            or_(col(Erasure.lease_until).is_(None), col(Erasure.lease_until) <= now),
            ~_hold(),
        )
        .order_by(col(Erasure.confirmed_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    taken = (
        update(Erasure)
        .where(col(Erasure.clinic_id) == waiting.c.clinic_id, col(Erasure.id) == waiting.c.id)
        .values(lease_until=now + LEASE, attempts=Erasure.attempts + 1)
        .returning(Erasure)
    )
    return [_claimed(row) for row in (await sweeping.execute(taken, execution_options=_UNTRACKED)).scalars()]


def _claimed(row: Erasure) -> ClaimedErasure:
    archived = row.archive_bytes is not None
    return ClaimedErasure(row.clinic_id, row.id, row.patient_id, ErasureState(row.state), row.confirmed_at, archived)


async def retained_until(sweeping: Sweeping, clinic_id: UUID, patient_id: UUID, treated_on: date) -> date:
    """Until when the law of the clinic's country wants the record kept."""
    statement = (
        select(col(Clinic.country), col(Patient.birth_date))
        .join(Patient, col(Patient.clinic_id) == Clinic.clinic_id)
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    )
    country, born = (await sweeping.execute(statement)).one()
    return keep_until(retention_in(country), born, treated_on)


async def hold_still(sweeping: Sweeping, claimed: ClaimedErasure) -> bool:
    """Shut out every sync of the patient's source and lock the row; False where a hold was set since.

    In the order in which a sync takes its locks: the source, then the row.
    """
    same = (col(Patient.clinic_id) == claimed.clinic_id, col(Patient.id) == claimed.patient_id)
    source = (await sweeping.execute(select(col(Patient.source)).where(*same))).scalar_one_or_none()
    if source is not None:
        await hold_source(sweeping, Patient.__tablename__, claimed.clinic_id, source)
    await sweeping.execute(select(col(Patient.id)).where(*same).with_for_update())
    return not await _held(sweeping, claimed.clinic_id, claimed.patient_id)


async def lonely_accounts(sweeping: Sweeping, claimed: ClaimedErasure) -> list[UUID]:
    """The accounts that opened this record and open no other anywhere, nor work in a clinic.

    Who is shut out of another record by a block stays too: with a new account the same phone would be let in.
    """
    here = (col(Access.clinic_id) == claimed.clinic_id, col(Access.patient_id) == claimed.patient_id)
    elsewhere = select(col(Access.account_id)).where(
        col(Access.patient_id) != claimed.patient_id,
        or_(col(Access.revoked_at).is_(None), col(Access.blocked_at).is_not(None)),
    )
    colleagues = select(col(Staff.account_id))
    statement = select(col(Access.account_id)).where(
        *here, col(Access.account_id).not_in(elsewhere), col(Access.account_id).not_in(colleagues)
    )
    return list((await sweeping.execute(statement)).scalars())


async def remember_erased(sweeping: Sweeping, claimed: ClaimedErasure) -> None:
    """Put the patient's name over there on the erasure list: a later import of it is refused."""
    same = (col(Patient.clinic_id) == claimed.clinic_id, col(Patient.id) == claimed.patient_id)
    name = (await sweeping.execute(select(col(Patient.source), col(Patient.external_id)).where(*same))).one_or_none()
    if name is None or name.source == OWN_SOURCE:
        return
    salted = select(col(Erased.salt)).where(col(Erased.clinic_id) == claimed.clinic_id).limit(1)
    salt = (await sweeping.execute(salted)).scalar_one_or_none() or os.urandom(_SALT_BYTES)
    await list_names(
        sweeping, claimed.clinic_id, claimed.erasure_id, [(salt, name_digest(salt, name.source, name.external_id))]
    )


async def list_names(
    sweeping: Sweeping, clinic_id: UUID, erasure_id: UUID, names: Collection[tuple[bytes, bytes]]
) -> None:
    """Put (salt, digest) of names on the erasure list; again changes nothing."""
    rows = [
        {"clinic_id": clinic_id, "id": new_id(), "erasure_id": erasure_id, "salt": salt, "digest": digest}
        for salt, digest in names
    ]
    if rows:
        await sweeping.execute(insert(Erased).on_conflict_do_nothing(), rows)


async def mark_emptied(
    sweeping: Sweeping, claimed: ClaimedErasure, kept: tuple[date, int] | None, now: datetime
) -> None:
    """The rows are gone; `kept` is until when a new archive lies there, and its size in bytes."""
    news: dict[str, Any] = {"state": ErasureState.EMPTIED.value, "emptied_at": now, "lease_until": None}
    if kept:
        news |= {"keep_until": kept[0], "archive_bytes": kept[1]}
    same = (col(Erasure.clinic_id) == claimed.clinic_id, col(Erasure.id) == claimed.erasure_id)
    await sweeping.execute(update(Erasure).where(*same).values(news), execution_options=_UNTRACKED)
    happening = Happening("privacy.erased", claimed.patient_id, patient_id=claimed.patient_id)
    await record(sweeping, claimed.clinic_id, SYSTEM, [happening], now)


async def mark_done(sweeping: Sweeping, claimed: ClaimedErasure, now: datetime) -> None:
    same = (col(Erasure.clinic_id) == claimed.clinic_id, col(Erasure.id) == claimed.erasure_id)
    done = {"state": ErasureState.DONE.value, "done_at": now, "lease_until": None}
    await sweeping.execute(update(Erasure).where(*same).values(done), execution_options=_UNTRACKED)


async def let_go(sweeping: Sweeping, claimed: ClaimedErasure) -> None:
    """Give the erasure back at once, for the next look."""
    same = (col(Erasure.clinic_id) == claimed.clinic_id, col(Erasure.id) == claimed.erasure_id)
    await sweeping.execute(update(Erasure).where(*same).values(lease_until=None), execution_options=_UNTRACKED)


async def open_archive(
    writing: Writing, clinic_id: UUID, erasure_id: UUID, reason: ArchiveReason, actor: Actor, now: datetime
) -> int:
    """Note who opens a restricted archive and why; its size in bytes. Raises `NotFound` where none is kept."""
    kept = select(Erasure).where(
        col(Erasure.clinic_id) == clinic_id, col(Erasure.id) == erasure_id, col(Erasure.archive_bytes).is_not(None)
    )
    row = (await writing.execute(kept)).scalar_one_or_none()
    if row is None or row.archive_bytes is None:
        raise NotFound
    facts = {"reason": reason.value}
    await record(writing, clinic_id, actor, [Happening("archive.read", erasure_id, row.patient_id, facts)], now)
    return row.archive_bytes


async def archives_past_retention(sweeping: Sweeping, today: date, limit: int) -> list[ClaimedErasure]:
    """Restricted archives that neither the law nor a hold wants kept any longer.

    A hold can be set on an archive only before its day (`clinic.commands.legal_holds.set_hold`), so none comes between.
    """
    over = (
        col(Erasure.state) == ErasureState.DONE.value,
        col(Erasure.archive_bytes).is_not(None),
        col(Erasure.keep_until) <= today,
        ~_hold(),
    )
    return [_claimed(row) for row in (await sweeping.execute(select(Erasure).where(*over).limit(limit))).scalars()]


async def forget_archive(sweeping: Sweeping, claimed: ClaimedErasure, now: datetime) -> None:
    """The archive is destroyed: what codes are left belong to nobody from now on."""
    same = (col(Erasure.clinic_id) == claimed.clinic_id, col(Erasure.id) == claimed.erasure_id)
    await sweeping.execute(update(Erasure).where(*same).values(archive_bytes=None), execution_options=_UNTRACKED)
    gone = Happening("archive.destroyed", claimed.erasure_id, patient_id=claimed.patient_id)
    await record(sweeping, claimed.clinic_id, SYSTEM, [gone], now)
