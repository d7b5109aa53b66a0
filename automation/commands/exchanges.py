"""Admits, changes and ends telephone systems of a clinic."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlmodel import col

from automation.queries.calls import MOST_EXCHANGES, ExchangeView, PhoneSeat, exchanges
from automation.queries.teams import who_work_here
from automation.tables import PhoneExchange, PhoneExtension
from clinic.queries.desk import known_branches
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id

UNTRACKED = {"synchronize_session": False}


class TooManyExchanges(Conflict):
    slug = "too-many-exchanges"


@dataclass(frozen=True, slots=True)
class ExchangeDraft:
    name: str
    branch_id: UUID | None
    extensions: list[PhoneSeat]


async def admit_exchange(
    writing: Writing, clinic_id: UUID, draft: ExchangeDraft, actor: Actor, now: datetime
) -> ExchangeView:
    """Raises `Invalid` for a branch or colleagues that are not the clinic's, `TooManyExchanges`."""
    await _check(writing, clinic_id, draft)
    live = (col(PhoneExchange.clinic_id) == clinic_id, col(PhoneExchange.ended_at).is_(None))
    if (
        await writing.execute(select(func.count()).select_from(PhoneExchange).where(*live))
    ).scalar_one() >= MOST_EXCHANGES:
        raise TooManyExchanges
    exchange_id = new_id()
    row = {"clinic_id": clinic_id, "id": exchange_id, "name": draft.name, "branch_id": draft.branch_id, "made_at": now}
    await writing.execute(insert(PhoneExchange).values(version=1, **row))
    await _seat(writing, clinic_id, exchange_id, draft.extensions)
    await record(writing, clinic_id, actor, [Happening("exchange.admitted", exchange_id)], now)
    return (await exchanges(writing, clinic_id, exchange_id))[0]


async def change_exchange(
    writing: Writing,
    clinic_id: UUID,
    exchange_id: UUID,
    version: int,
    draft: ExchangeDraft,
    actor: Actor,
    now: datetime,
) -> ExchangeView:
    """All of it anew; its secret stays. Raises `NotFound`, `Stale`, `Invalid`."""
    if not await exchanges(writing, clinic_id, exchange_id):
        raise NotFound
    await _check(writing, clinic_id, draft)
    news = {"name": draft.name, "branch_id": draft.branch_id, "version": col(PhoneExchange.version) + 1}
    mine = update(PhoneExchange).where(*_live(clinic_id, exchange_id), col(PhoneExchange.version) == version)
    done = await writing.execute(mine.values(news).returning(col(PhoneExchange.id)), execution_options=UNTRACKED)
    if done.scalar_one_or_none() is None:
        raise Stale
    await _seat(writing, clinic_id, exchange_id, draft.extensions)
    await record(writing, clinic_id, actor, [Happening("exchange.changed", exchange_id)], now)
    return (await exchanges(writing, clinic_id, exchange_id))[0]


async def end_exchange(writing: Writing, clinic_id: UUID, exchange_id: UUID, actor: Actor, now: datetime) -> None:
    """It is believed no longer. Raises `NotFound`."""
    over = update(PhoneExchange).where(*_live(clinic_id, exchange_id)).values(ended_at=now)
    done = await writing.execute(over.returning(col(PhoneExchange.id)), execution_options=UNTRACKED)
    if done.scalar_one_or_none() is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("exchange.ended", exchange_id)], now)


def _live(clinic_id: UUID, exchange_id: UUID) -> tuple[ColumnElement[bool], ...]:
    named = (col(PhoneExchange.clinic_id) == clinic_id, col(PhoneExchange.id) == exchange_id)
    return (*named, col(PhoneExchange.ended_at).is_(None))


async def _seat(writing: Writing, clinic_id: UUID, exchange_id: UUID, seats: list[PhoneSeat]) -> None:
    of = (col(PhoneExtension.clinic_id) == clinic_id, col(PhoneExtension.exchange_id) == exchange_id)
    await writing.execute(delete(PhoneExtension).where(*of), execution_options=UNTRACKED)
    rows = [{"clinic_id": clinic_id, "exchange_id": exchange_id, **seat.model_dump()} for seat in seats]
    if rows:
        await writing.execute(insert(PhoneExtension), rows)


async def _check(writing: Writing, clinic_id: UUID, draft: ExchangeDraft) -> None:
    faults = []
    if draft.branch_id is not None and draft.branch_id not in await known_branches(writing, clinic_id):
        faults.append(Fault("/branch_id", "unknown-reference"))
    here = await who_work_here(writing, clinic_id, [seat.staff_id for seat in draft.extensions])
    seen: set[str] = set()
    for place, seat in enumerate(draft.extensions):
        if seat.staff_id not in here:
            faults.append(Fault(f"/extensions/{place}/staff_id", "unknown-reference"))
        if seat.extension in seen:
            faults.append(Fault(f"/extensions/{place}/extension", "twice"))
        seen.add(seat.extension)
    if faults:
        raise Invalid(*faults)
