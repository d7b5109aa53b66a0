"""Writes down what reports change of deliveries: their marks, the notice they belong to, and the events of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.types import TypeEngine

from core.database import Writing
from core.events import SYSTEM, Happening, record_across
from push.commands.batch import MOMENTS, TEXTS, UNTRACKED, UUIDS, batch, same_key
from push.commands.finishing import finish
from push.outcome import DeliveryState
from push.receipt import Standing, after
from push.report import Reported
from push.tables import DeliveryRow, NoticeRow

Told = tuple[Reported, str, datetime]
"""What, the provider's code, when."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a delivery's reports come to."""

    delivery: DeliveryRow
    notice: NoticeRow
    before: Standing
    standing: Standing

    @property
    def happenings(self) -> Iterable[Happening]:
        """`push.accepted` what we did not know of, `push.delivered`, `push.opened`, `push.failed`: each once."""
        before, standing, notice = self.before, self.standing, self.notice
        facts: dict[str, Any] = {
            "kind": notice.kind, "purpose": notice.purpose, "channel": self.delivery.channel,
            "delivery_id": str(self.delivery.id), "state": standing.state.value, "reason": standing.reason,
        }  # fmt: skip
        names = []
        if standing.state is not before.state:
            names.append("push.accepted" if standing.state is DeliveryState.ACCEPTED else "push.failed")
        if standing.delivered_at and not before.delivered_at:
            names.append("push.delivered")
        if standing.opened_at and not before.opened_at and not notice.opened_at:
            names.append("push.opened")
        return [Happening(name, notice.id, notice.patient_id, facts, notice.cause_id) for name in names]


def change_of(delivery: DeliveryRow, notice: NoticeRow, told: Sequence[Told]) -> Change:
    """What all that was told of a delivery comes to."""
    before = Standing(DeliveryState(delivery.state), delivery.reason, delivery.delivered_at, delivery.opened_at)
    standing = before
    for reported, code, at in told:
        standing = after(standing, reported, code, at)
    return Change(delivery, notice, before, standing)


async def settle(writing: Writing, changes: Sequence[Change], now: datetime) -> None:
    """The notices must be locked. What changes nothing writes nothing."""
    news = [each for each in changes if each.standing != each.before]
    await _move(writing, news, now)
    await _open(writing, news)
    await finish(writing, sorted({(each.notice.clinic_id, each.notice.id) for each in news}), now)
    happenings = [(each.delivery.clinic_id, happening) for each in news for happening in each.happenings]
    await record_across(writing, SYSTEM, happenings, now)


async def _move(writing: Writing, changes: Sequence[Change], now: datetime) -> None:
    if not changes:
        return
    kinds: dict[str, TypeEngine[Any]] = {
        "clinic_id": UUIDS, "id": UUIDS, "state": TEXTS, "reason": TEXTS, "delivered_at": MOMENTS,
        "opened_at": MOMENTS, "accepted_at": MOMENTS,
    }  # fmt: skip
    rows = batch(kinds, [_row(each, now) for each in sorted(changes, key=lambda each: each.delivery.id)])
    names = ("state", "reason", "delivered_at", "opened_at", "accepted_at")
    statement = update(DeliveryRow).where(same_key(DeliveryRow, rows)).values({name: rows.c[name] for name in names})
    await writing.execute(statement, execution_options=UNTRACKED)


def _row(each: Change, now: datetime) -> tuple[Any, ...]:
    delivery, standing = each.delivery, each.standing
    accepted_at = delivery.accepted_at or (now if standing.state is DeliveryState.ACCEPTED else None)
    return (
        delivery.clinic_id, delivery.id, standing.state.value, standing.reason, standing.delivered_at,
        standing.opened_at, accepted_at,
    )  # fmt: skip


async def _open(writing: Writing, changes: Sequence[Change]) -> None:
    opened = {
        (each.notice.clinic_id, each.notice.id): each.standing.opened_at for each in changes
        if each.standing.opened_at and not each.notice.opened_at
    }  # fmt: skip
    if opened:
        rows = batch({"clinic_id": UUIDS, "id": UUIDS, "at": MOMENTS}, [(*key, at) for key, at in opened.items()])
        statement = update(NoticeRow).where(same_key(NoticeRow, rows)).values(opened_at=rows.c.at)
        await writing.execute(statement, execution_options=UNTRACKED)
