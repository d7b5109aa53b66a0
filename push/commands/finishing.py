"""Closes notices of which nothing is left to be tried, and sends those on whose way has failed."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, exists, literal, literal_column, or_, select, update
from sqlmodel import col

from core.database import Writing
from core.events import SYSTEM, Happening, record_across
from push.commands.batch import MOMENTS, UNTRACKED, keys, same_key
from push.commands.heads import AnyNotice, NoticeHead, columns_of
from push.commands.rings import give_back, places_of
from push.commands.standing import maybe_arrived, reached
from push.outcome import OPEN
from push.tables import DeliveryRow, NoticeRow

# Written out and not bound: a plan kept for later can use the partial index only by constants.
STILL_OPEN = col(DeliveryRow.state).in_([literal_column(f"'{state.value}'") for state in OPEN])


async def finish(writing: Writing, notices: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """Of those notices, of (clinic_id, id), whose every delivery has come to its end: close who has no way left, and
    let who has one try it at once where nothing got through.

    What ends without having reached anybody says so (`push.unreached`) and gives its places under the caps back.
    """
    if not notices:
        return
    names = keys(notices)
    still_open = exists().where(
        col(DeliveryRow.clinic_id) == NoticeRow.clinic_id,
        col(DeliveryRow.notice_id) == NoticeRow.id,
        STILL_OPEN,
    )
    waits = col(NoticeRow.next_at).is_not(None)
    statement = (
        update(NoticeRow)
        .where(same_key(NoticeRow, names), col(NoticeRow.state) == "due", ~still_open, or_(~waits, ~reached()))
        .values(
            state=case((waits, "due"), else_="done"),
            next_at=case((waits, literal(now, MOMENTS)), else_=None),
        )
        .returning(
            col(NoticeRow.clinic_id), col(NoticeRow.id), col(NoticeRow.next_at).is_(None), reached(), maybe_arrived()
        )
    )
    ended = (await writing.execute(statement, execution_options=UNTRACKED)).all()
    left = {(clinic, notice): maybe for clinic, notice, is_over, ok, maybe in ended if is_over and not ok}
    heads = await _heads(writing, left)
    await conclude(writing, [(head, left[head.clinic_id, head.id]) for head in heads], now)


async def _heads(writing: Writing, notices: Collection[tuple[UUID, UUID]]) -> list[NoticeHead]:
    if not notices:
        return []
    names = keys(notices)
    statement = select(*columns_of(NoticeRow, NoticeHead)).join_from(names, NoticeRow, same_key(NoticeRow, names))
    return [NoticeHead._make(row) for row in await writing.execute(statement)]


async def conclude(writing: Writing, unreached: Sequence[tuple[AnyNotice, bool]], now: datetime) -> None:
    """Record of notices that they reached nobody; `True` beside one of which a message may have left all the same."""
    told = [(notice.clinic_id, _unreached(notice)) for notice, _ in unreached if not notice.silent]
    await record_across(writing, SYSTEM, told, now)
    places: list[Any] = [
        place
        for notice, left in unreached
        if not left
        for place in places_of(notice.clinic_id, notice.patient_id, notice.purpose, notice.rings)
    ]
    await give_back(writing, places)


def _unreached(notice: AnyNotice) -> Happening:
    facts = {"kind": notice.kind, "purpose": notice.purpose, "tried": sorted(notice.tried)}
    return Happening("push.unreached", notice.id, notice.patient_id, facts, notice.cause_id)
