"""Puts notices into the outbox, in the transaction of what they are about, and takes them back."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.events import SYSTEM, Happening, record_across
from push.commands.batch import TEXTS, UNTRACKED, UUIDS, batch, keys, same_key
from push.commands.call_tasks import end_call_tasks
from push.commands.fresh import NAMED_ONCE, fresh_row
from push.commands.heads import AnyNotice
from push.commands.rings import RingKey, give_back, places_of
from push.commands.standing import maybe_arrived, reached
from push.consent import ConsentChannel
from push.notice import Notice
from push.outcome import DeliveryState
from push.tables import DeliveryRow, NoticeRow


async def enqueue_across(
    writing: Writing, notices: Sequence[tuple[UUID, Notice]], now: datetime
) -> dict[tuple[UUID, str], UUID]:
    """Takes (clinic_id, notice), gives the id of each by (clinic_id, dedupe_key).

    A key that is known already names the notice it named before. Two statements, whatever the number of
    notices and of clinics.
    """
    if not notices:
        return {}
    # In one order, so that two transactions that enqueue the same keys wait for each other and never in a ring.
    ordered = sorted(notices, key=lambda pair: (pair[0], pair[1].dedupe_key))
    fresh = insert(NoticeRow).on_conflict_do_nothing(index_elements=NAMED_ONCE)
    rows = [fresh_row(clinic_id, notice, now) for clinic_id, notice in ordered]
    await writing.execute(fresh.execution_options(render_nulls=True), rows)
    pairs = [(clinic_id, notice.dedupe_key) for clinic_id, notice in ordered]
    names = batch({"clinic_id": UUIDS, "dedupe_key": TEXTS}, pairs)
    same = and_(col(NoticeRow.clinic_id) == names.c.clinic_id, col(NoticeRow.dedupe_key) == names.c.dedupe_key)
    columns = (col(NoticeRow.clinic_id), col(NoticeRow.dedupe_key), col(NoticeRow.id))
    found = await writing.execute(select(*columns).join_from(names, NoticeRow, same))
    return {(clinic_id, dedupe_key): notice_id for clinic_id, dedupe_key, notice_id in found}


async def cancel_across(writing: Writing, causes: Sequence[tuple[UUID, UUID]], reason: str, now: datetime) -> int:
    """Take back what these causes, of (clinic_id, cause_id), still wanted to say; how many notices that were.

    `reason` is a stable code. What reached somebody stays in the inbox; only the ways that were left are given up.
    At most eight statements, whatever the number of causes and of clinics; four where nothing had begun.

    Exit wins over send: this waits for the rows that a worker is claiming, and a worker passes by the rows
    that are locked here, or reads them as cancelled. What a worker already holds is on its way and is not
    called back; if its send does not succeed, it is not repeated.
    """
    return await take_back(writing, await _lock_standing(writing, causes, now) if causes else (), reason, now)


async def take_back(writing: Writing, notices: Sequence[NoticeRow], reason: str, now: datetime) -> int:
    """The same of notices that the caller has locked, in one order or passing by what is locked."""
    if not notices:
        return 0
    names = keys((notice.clinic_id, notice.id) for notice in notices)
    over = or_(col(NoticeRow.state) == "done", reached())
    news = {"state": case((over, "done"), else_="cancelled"), "reason": reason, "next_at": None}
    ended = update(NoticeRow).where(same_key(NoticeRow, names)).values(news)
    left = ended.returning(col(NoticeRow.id), maybe_arrived())
    maybe: dict[UUID, bool] = dict(row for row in await writing.execute(left, execution_options=UNTRACKED))
    waiting = update(DeliveryRow).where(
        col(DeliveryRow.clinic_id) == names.c.clinic_id,
        col(DeliveryRow.notice_id) == names.c.id,
        col(DeliveryRow.state) == DeliveryState.DUE.value,
    )
    suppressed = {"state": DeliveryState.SUPPRESSED.value, "reason": reason}
    await writing.execute(waiting.values(suppressed), execution_options=UNTRACKED)
    standing = [notice for notice in notices if notice.state == "due"]
    happenings = [(notice.clinic_id, suppression(notice, reason)) for notice in standing]
    await record_across(writing, SYSTEM, happenings, now)
    called = [(notice.clinic_id, notice.id) for notice in standing if ConsentChannel.CALL.value in notice.tried]
    await end_call_tasks(writing, called, now)
    silent = [notice for notice in standing if not maybe[notice.id]]
    await give_back(writing, [place for each in silent for place in _places(each)])
    return len(standing)


def _places(notice: NoticeRow) -> list[tuple[RingKey, datetime]]:
    return places_of(notice.clinic_id, notice.patient_id, notice.purpose, notice.rings)


async def _lock_standing(writing: Writing, causes: Sequence[tuple[UUID, UUID]], now: datetime) -> Sequence[NoticeRow]:
    """Those that still want something, and those that reached nobody: a replay must know that they are over."""
    names = keys(causes)
    same = and_(col(NoticeRow.clinic_id) == names.c.clinic_id, col(NoticeRow.cause_id) == names.c.id)
    failed = and_(col(NoticeRow.state) == "done", col(NoticeRow.expires_at) > now, ~reached())
    standing = select(NoticeRow).join_from(names, NoticeRow, same).where(or_(col(NoticeRow.state) == "due", failed))
    ordered = standing.order_by(col(NoticeRow.clinic_id), col(NoticeRow.id)).with_for_update(of=NoticeRow)
    return (await writing.execute(ordered)).scalars().all()


def suppression(notice: AnyNotice, reason: str, channel: ConsentChannel | None = None) -> Happening:
    """What was not sent, and why: as much a fact as what was. `channel`: on this way alone."""
    facts = {"kind": notice.kind, "purpose": notice.purpose, "reason": reason}
    if channel is not None:
        facts["channel"] = channel.value
    return Happening("push.suppressed", notice.id, notice.patient_id, facts, notice.cause_id)
