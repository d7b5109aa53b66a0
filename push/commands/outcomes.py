"""Writes down what became of each send, unless the lease it was sent under is over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, literal, select, update
from sqlmodel import col

from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from push.commands.batch import MOMENTS, NUMBERS, TEXTS, UNTRACKED, UUIDS, batch, keys, same_key
from push.commands.claims import Due
from push.commands.finishing import finish
from push.outcome import DeliveryState, Final, Outcome, next_step
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


async def record_outcomes(
    sweeping: Sweeping, answers: Sequence[Answer], now: datetime, jitter: Callable[[], float]
) -> int:
    """Write each answer to its delivery; how many were taken. `jitter` draws from [0, 1) for the next tries.

    An answer counts only while the delivery is still leased under the same attempt: a late one, of a
    lease that another worker has taken over, changes nothing.
    """
    if not answers:
        return 0
    await _lock_notices(sweeping, [(answer.due.clinic_id, answer.due.notice_id) for answer in answers])
    written = [_written(answer, now, jitter()) for answer in answers]
    taken_ids = await _write(sweeping, written, now)
    taken = [each for each in written if each.due.delivery_id in taken_ids]
    await _bury(sweeping, [each.due for each in taken if each.device_dead], now)
    over = [each for each in taken if each.state is not DeliveryState.DUE]
    await finish(sweeping, [(each.due.clinic_id, each.due.notice_id) for each in over])
    await record_across(sweeping, SYSTEM, [(each.due.clinic_id, _happening(each)) for each in over], now)
    return len(taken)


async def _lock_notices(sweeping: Sweeping, notices: Sequence[tuple[UUID, UUID]]) -> None:
    """The notice before its deliveries, as everywhere, or a cancel and a record could wait for each other."""
    names = keys(notices)
    locked = select(col(NoticeRow.id)).join_from(names, NoticeRow, same_key(NoticeRow, names))
    ordered = locked.order_by(col(NoticeRow.clinic_id), col(NoticeRow.id)).with_for_update(of=NoticeRow)
    await sweeping.execute(ordered)


def _written(answer: Answer, now: datetime, jitter: float) -> _Written:
    due, outcome = answer.due, answer.outcome
    step = next_step(outcome, due.attempt, now, due.expires_at, due.purpose, jitter)
    if isinstance(step, Final):
        return _Written(due, outcome.provider_id, step.state, step.reason, now, step.device_dead)
    return _Written(due, outcome.provider_id, DeliveryState.DUE, step.reason, step.at, device_dead=False)


async def _write(sweeping: Sweeping, written: Sequence[_Written], now: datetime) -> set[UUID]:
    rows = batch(
        {
            "clinic_id": UUIDS, "id": UUIDS, "attempt": NUMBERS, "state": TEXTS,
            "reason": TEXTS, "provider_id": TEXTS, "next_at": MOMENTS,
        },
        [
            (
                each.due.clinic_id, each.due.delivery_id, each.due.attempt, each.state.value,
                each.reason, each.provider_id, each.next_at,
            )
            for each in written
        ],
    )  # fmt: skip
    news: dict[str, Any] = {name: rows.c[name] for name in ("state", "reason", "provider_id", "next_at")}
    news["accepted_at"] = case((rows.c.state == DeliveryState.ACCEPTED.value, literal(now, MOMENTS)), else_=None)
    statement = (
        update(DeliveryRow)
        .where(
            same_key(DeliveryRow, rows),
            col(DeliveryRow.attempt) == rows.c.attempt,
            col(DeliveryRow.state) == DeliveryState.LEASED.value,
        )
        .values(news)
        .returning(col(DeliveryRow.id))
    )
    return set((await sweeping.execute(statement, execution_options=UNTRACKED)).scalars())


async def _bury(sweeping: Sweeping, due: Sequence[Due], now: datetime) -> None:
    """Give phones up that the provider no longer knows, unless the app has shown itself since the claim."""
    if not due:
        return
    claims: dict[tuple[UUID, UUID], datetime] = {}
    for each in sorted(due, key=lambda each: each.claimed_at):
        claims[each.clinic_id, each.device_id] = each.claimed_at
    named = batch({"clinic_id": UUIDS, "id": UUIDS, "claimed_at": MOMENTS}, [(*key, at) for key, at in claims.items()])
    columns = (col(DeviceRow.clinic_id), col(DeviceRow.id), named.c.claimed_at)
    locked = select(*columns).join_from(named, DeviceRow, same_key(DeviceRow, named)).order_by(*columns[:2])
    # In one order: two workers that bury the same phones wait for each other and never in a ring.
    gone = locked.with_for_update(of=DeviceRow).cte("gone")
    dead = update(DeviceRow).where(same_key(DeviceRow, gone), col(DeviceRow.last_seen_at) <= gone.c.claimed_at)
    await sweeping.execute(dead.values(dead_at=now), execution_options=UNTRACKED)


def _happening(each: _Written) -> Happening:
    """`push.accepted`, or `push.failed` with the reason: what a ladder of channels reads."""
    due = each.due
    facts = {
        "kind": due.message.kind.value, "purpose": due.purpose.value, "state": each.state.value,
        "reason": each.reason, "device_id": str(due.device_id),
    }  # fmt: skip
    name = "push.accepted" if each.state is DeliveryState.ACCEPTED else "push.failed"
    return Happening(name, due.notice_id, due.patient_id, facts, due.cause_id)
