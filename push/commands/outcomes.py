"""Writes down what became of each send, unless the lease it was sent under is over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, literal, or_, select, update
from sqlmodel import col

from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from push.commands.addresses import bury_addresses
from push.commands.batch import MOMENTS, NUMBERS, TEXTS, UNTRACKED, UUIDS, batch, keys, same_key
from push.commands.due import Due
from push.commands.finishing import finish
from push.commands.line_outcomes import LineOutcome, take_line_outcomes
from push.commands.standing import OVERTAKEN, overtaken
from push.commands.turns import host_of
from push.outcome import DeliveryState, Final, Outcome, Result, next_step
from push.tables import DeliveryRow, DeviceRow, NoticeRow


@dataclass(frozen=True, slots=True)
class Answer:
    """What the channel said to one claimed message."""

    due: Due
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Written:
    """An answer and what follows from it."""

    due: Due
    provider_id: str | None
    state: DeliveryState
    reason: str
    next_at: datetime
    device_dead: bool
    maybe_arrived: bool
    dead_since: datetime | None = None


async def record_outcomes(
    sweeping: Sweeping, answers: Sequence[Answer], now: datetime, jitter: Callable[[], float]
) -> int:
    """Write each answer to its delivery; how many were taken. `jitter` draws from [0, 1) for the next tries.

    A line that asked for patience rests, and so do the others who are to be written to by it; one whose credentials
    are refused is opened, and where all its phones die at once none of them is given up.

    An answer counts only while the delivery is still leased under the same attempt: a late one, of a
    lease that another worker has taken over, changes nothing.
    """
    if not answers:
        return 0
    await _lock_notices(sweeping, [(answer.due.clinic_id, answer.due.notice_id) for answer in answers])
    written = [_written(answer, now, jitter()) for answer in answers]
    stands = await _write(sweeping, written, now)
    taken = [_as_it_stands(each, stands) for each in written if each.due.delivery_id in stands]
    dead = [each for each in taken if each.device_dead]
    await _hold_phones(sweeping, dead)
    over = [each for each in taken if each.state is not DeliveryState.DUE]
    await finish(sweeping, [(each.due.clinic_id, each.due.notice_id) for each in over], now)
    await record_across(sweeping, SYSTEM, [(each.due.clinic_id, _happening(each)) for each in over], now)
    doubted = await take_line_outcomes(sweeping, [told for each in answers if (told := _told(each))], now)
    believed = [each for each in dead if not each.due.line or each.due.line.line_id not in doubted]
    await _bury(sweeping, [each for each in believed if each.due.device_id is not None], now)
    lost = [(each.due.clinic_id, each.due.patient_id, each.due.way, each.due.target.token) for each in believed]
    await bury_addresses(sweeping, lost, now)
    return len(taken)


def _told(answer: Answer) -> LineOutcome | None:
    due = answer.due
    return LineOutcome(due.line.line_id, answer.outcome, host_of(due)) if due.line else None


async def _lock_notices(sweeping: Sweeping, notices: Sequence[tuple[UUID, UUID]]) -> None:
    """The notice before its deliveries, as everywhere, or a cancel and a record could wait for each other."""
    names = keys(notices)
    locked = select(col(NoticeRow.id)).join_from(names, NoticeRow, same_key(NoticeRow, names))
    ordered = locked.order_by(col(NoticeRow.clinic_id), col(NoticeRow.id)).with_for_update(of=NoticeRow)
    await sweeping.execute(ordered)


def _written(answer: Answer, now: datetime, jitter: float) -> _Written:
    due, outcome = answer.due, answer.outcome
    step = next_step(
        outcome, due.attempt, now, due.expires_at, due.purpose, jitter, kind=due.message.kind, channel=due.channel
    )
    maybe = outcome.result in (Result.ACCEPTED, Result.AMBIGUOUS)
    if isinstance(step, Final):
        dead = step.device_dead
        return _Written(due, outcome.kept_id, step.state, step.reason, now, dead, maybe, outcome.dead_since)
    return _Written(due, outcome.kept_id, DeliveryState.DUE, step.reason, step.at, False, maybe)


def _as_it_stands(each: _Written, stands: Mapping[UUID, DeliveryState]) -> _Written:
    """What would be tried again is over where another way was begun meanwhile."""
    if stands[each.due.delivery_id] is each.state:
        return each
    return replace(each, state=DeliveryState.SUPPRESSED, reason=OVERTAKEN)


async def _write(
    sweeping: Sweeping, written: Sequence[_Written], now: datetime
) -> dict[UUID, DeliveryState]:  # fmt: skip
    """The states of those that were still leased."""
    rows = batch(
        {
            "clinic_id": UUIDS, "id": UUIDS, "attempt": NUMBERS, "state": TEXTS,
            "reason": TEXTS, "provider_id": TEXTS, "next_at": MOMENTS, "maybe": NUMBERS,
        },
        [
            (
                each.due.clinic_id, each.due.delivery_id, each.due.attempt, each.state.value,
                each.reason, each.provider_id, each.next_at, int(each.maybe_arrived),
            )
            for each in written
        ],
    )  # fmt: skip
    news: dict[str, Any] = {name: rows.c[name] for name in ("provider_id", "next_at")}
    late = and_(rows.c.state == DeliveryState.DUE.value, overtaken())
    news["state"] = case((late, DeliveryState.SUPPRESSED.value), else_=rows.c.state)
    news["reason"] = case((late, OVERTAKEN), else_=rows.c.reason)
    news["accepted_at"] = case((rows.c.state == DeliveryState.ACCEPTED.value, literal(now, MOMENTS)), else_=None)
    news["maybe_arrived"] = or_(col(DeliveryRow.maybe_arrived), rows.c.maybe == 1)
    statement = (
        update(DeliveryRow)
        .where(
            same_key(DeliveryRow, rows),
            col(DeliveryRow.attempt) == rows.c.attempt,
            col(DeliveryRow.state) == DeliveryState.LEASED.value,
        )
        .values(news)
        .returning(col(DeliveryRow.id), col(DeliveryRow.state))
    )
    found = await sweeping.execute(statement, execution_options=UNTRACKED)
    return {delivery_id: DeliveryState(state) for delivery_id, state in found}


async def _hold_phones(sweeping: Sweeping, dead: Sequence[_Written]) -> None:
    """In one order: two workers that bury the same phones wait for each other and never in a ring."""
    if not dead:
        return
    names = keys({(each.due.clinic_id, each.due.device_id) for each in dead if each.due.device_id is not None})
    columns = (col(DeviceRow.clinic_id), col(DeviceRow.id))
    held = select(*columns).join_from(names, DeviceRow, same_key(DeviceRow, names)).order_by(*columns)
    await sweeping.execute(held.with_for_update(of=DeviceRow))


async def _bury(sweeping: Sweeping, dead: Sequence[_Written], now: datetime) -> None:
    """Give phones up that the provider no longer knows, unless the app has shown itself since.

    Since the claim, or since the moment the provider names.
    """
    if not dead:
        return
    known: dict[tuple[UUID, UUID], datetime] = {}
    moments = ((each.due, min(each.due.claimed_at, each.dead_since or each.due.claimed_at)) for each in dead)
    for due, at in sorted(moments, key=lambda each: each[1]):
        assert due.device_id is not None
        known[due.clinic_id, due.device_id] = at
    named = batch({"clinic_id": UUIDS, "id": UUIDS, "known_at": MOMENTS}, [(*key, at) for key, at in known.items()])
    gone = update(DeviceRow).where(same_key(DeviceRow, named), col(DeviceRow.last_seen_at) <= named.c.known_at)
    await sweeping.execute(gone.values(dead_at=now), execution_options=UNTRACKED)


def _happening(each: _Written) -> Happening:
    """`push.accepted`, `push.suppressed`, or `push.failed` with the reason: what a ladder of channels reads."""
    due = each.due
    facts = {
        "kind": due.message.kind.value, "purpose": due.purpose.value, "state": each.state.value,
        "reason": each.reason, "channel": due.channel.value,
    }  # fmt: skip
    if due.device_id is not None:
        facts["device_id"] = str(due.device_id)
    if due.line is not None:
        facts["line_id"] = str(due.line.line_id)
    named = {DeliveryState.ACCEPTED: "push.accepted", DeliveryState.SUPPRESSED: "push.suppressed"}
    name = named.get(each.state, "push.failed")
    return Happening(name, due.notice_id, due.patient_id, facts, due.cause_id)
