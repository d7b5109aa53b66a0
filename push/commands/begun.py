"""Writes down what becomes of notices that were looked at: their deliveries, when to look again, the events of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from core.ids import new_id
from push.commands.batch import FLAGS, MOMENTS, NUMBERS, TEXTS, UNTRACKED, UUIDS, batch, keys, same_key
from push.commands.call_tasks import call_happening
from push.commands.due import Due
from push.commands.finishing import conclude, finish
from push.commands.heads import AnyNotice, AnyPhone
from push.commands.outbox import suppression
from push.commands.pace import Turn
from push.commands.standing import OVERTAKEN
from push.commands.turns import why
from push.consent import ConsentChannel
from push.contact import Case, Step, step
from push.gate import Hold, Send, Stop
from push.outcome import DeliveryState
from push.tables import DeliveryRow, NoticeRow
from push.ways import Lines

# Columns of a delivery as they are inserted, in this order.
_DELIVERY: dict[str, TypeEngine[Any]] = {
    "clinic_id": UUIDS, "id": UUIDS, "notice_id": UUIDS, "device_id": UUIDS, "channel": TEXTS, "way": TEXTS,
    "line_id": UUIDS, "address": TEXTS, "lane": NUMBERS, "maybe_arrived": FLAGS, "state": TEXTS, "reason": TEXTS,
    "attempt": NUMBERS, "next_at": MOMENTS,
}  # fmt: skip


@dataclass(slots=True, eq=False)
class Move:
    """A notice, what was known of it, and what becomes of it in this round."""

    notice: AnyNotice
    case: Case
    phones: Sequence[AnyPhone]
    capped: set[ConsentChannel] = field(default_factory=set)
    step: Step | None = None
    rings: dict[str, str] = field(default_factory=dict)

    def judge(self, lines: Lines, now: datetime) -> Step:
        self.step = step(self.case, lines, bool(self.phones), frozenset(self.capped), now)
        return self.step

    @property
    def judged(self) -> Step:
        assert self.step is not None
        return self.step

    @property
    def climbs(self) -> bool:
        """Whether it goes another way than before."""
        return isinstance(self.judged.passage, Send) and bool(self.notice.tried)

    @property
    def calls(self) -> bool:
        """Whether somebody of the clinic is to call."""
        return isinstance(self.judged.passage, Send) and self.judged.channel is ConsentChannel.CALL

    def stops(self) -> list[tuple[ConsentChannel | None, Stop]]:
        """What was not sent in this round, each with its reason; what is held was not asked yet."""
        passage = self.judged.passage
        if isinstance(passage, Hold):
            return []
        stops: list[tuple[ConsentChannel | None, Stop]] = list(self.judged.climb.passed)
        return [*stops, (self.judged.channel, passage)] if isinstance(passage, Stop) else stops


async def overtake(sweeping: Sweeping, notices: Sequence[AnyNotice], now: datetime) -> None:
    """The next way is tried: what waits on the earlier ones is not sent any more, or both would arrive.

    What a worker has sent is not called back; if it did not succeed, it is not repeated (`record_outcomes`).
    """
    if not notices:
        return
    named = {(notice.clinic_id, notice.id): notice for notice in notices}
    names = keys(named)
    columns = (col(DeliveryRow.clinic_id), col(DeliveryRow.id))
    same = and_(col(DeliveryRow.clinic_id) == names.c.clinic_id, col(DeliveryRow.notice_id) == names.c.id)
    waiting = select(*columns).join_from(names, DeliveryRow, same).where(col(DeliveryRow.state) == "due")
    held = waiting.with_for_update(of=DeliveryRow, skip_locked=True).cte("waiting")
    ended = {"state": DeliveryState.SUPPRESSED.value, "reason": OVERTAKEN}
    statement = update(DeliveryRow).where(same_key(DeliveryRow, held)).values(ended)
    told = statement.returning(col(DeliveryRow.clinic_id), col(DeliveryRow.notice_id), col(DeliveryRow.channel))
    ways = set((await sweeping.execute(told, execution_options=UNTRACKED)).all())
    happenings = [
        (clinic_id, suppression(named[clinic_id, notice_id], OVERTAKEN, ConsentChannel(channel)))
        for clinic_id, notice_id, channel in sorted(ways)
    ]
    await record_across(sweeping, SYSTEM, happenings, now)


async def insert_deliveries(
    sweeping: Sweeping, moves: Sequence[Move], due: Sequence[tuple[Due, Turn]], now: datetime, lease_until: datetime
) -> None:
    rows = [_leased(each, turn, now, lease_until) for each, turn in due]
    for move in moves:
        rows += [_unsent(move.notice, channel, stop.state, stop.reason, now) for channel, stop in move.stops()]
        if move.calls:
            rows.append(_unsent(move.notice, ConsentChannel.CALL, DeliveryState.ACCEPTED, "call-task", now))
    if rows:
        made = batch(_DELIVERY, rows)
        names = [*_DELIVERY, "created_at"]
        columns = [*made.c, literal(now, MOMENTS)]
        await sweeping.execute(insert(DeliveryRow).from_select(names, select(*columns)))


def _leased(due: Due, turn: Turn, now: datetime, lease_until: datetime) -> tuple[Any, ...]:
    """Of what is sent now; of a message whose turn comes later, due then."""
    line_id, address = due.line.line_id if due.line else None, "" if due.device_id else due.target.token
    to = (due.notice_id, due.device_id, due.channel.value, due.way.value, line_id, address, int(due.lane), False)
    if turn.at <= now:
        return (due.clinic_id, due.delivery_id, *to, DeliveryState.LEASED.value, "", 1, lease_until)
    return (due.clinic_id, due.delivery_id, *to, DeliveryState.DUE.value, why(turn), 0, turn.at)


def _unsent(
    notice: AnyNotice, channel: ConsentChannel | None, state: DeliveryState, reason: str, now: datetime
) -> tuple[Any, ...]:
    to = (notice.id, None, channel.value if channel else "", "", None, "", notice.lane, False)
    return (notice.clinic_id, new_id(), *to, state.value, reason, 0, now)


async def move_notices(sweeping: Sweeping, moves: Sequence[Move], now: datetime) -> None:
    kinds: dict[str, TypeEngine[Any]] = {
        "clinic_id": UUIDS, "id": UUIDS, "state": TEXTS, "next_at": MOMENTS, "begins": MOMENTS, "tried": TEXTS,
        "rings": TEXTS,
    }  # fmt: skip
    moved = batch(kinds, [_moved(move, now) for move in moves])
    news: dict[str, Any] = {
        "state": moved.c.state,
        "next_at": moved.c.next_at,
        "not_before": moved.c.begins,
        "tried": func.string_to_array(moved.c.tried, ","),
        "rings": cast(moved.c.rings, JSONB),
    }
    statement = update(NoticeRow).where(same_key(NoticeRow, moved)).values(news)
    await sweeping.execute(statement, execution_options=UNTRACKED)


def _moved(move: Move, now: datetime) -> tuple[Any, ...]:
    notice, found = move.notice, move.judged
    rings = {**(notice.rings or {}), **move.rings}
    kept = json.dumps(rings) if rings else None
    next_at: datetime | None
    if isinstance(found.passage, Hold):
        tried, next_at, begins = notice.tried, found.passage.until, notice.not_before
    else:
        # What is drawn forward stands in the inbox from now on.
        tried, next_at, begins = _tried(move), _next_look(move, now), min(notice.not_before, now)
    is_over = not isinstance(found.passage, (Send, Hold)) and not notice.tried
    return notice.clinic_id, notice.id, "done" if is_over else "due", next_at, begins, ",".join(tried), kept


def _tried(move: Move) -> list[str]:
    """Also the way on which it was stopped: after a replay that is not written down a second time."""
    gone = [channel.value for channel, _ in move.judged.climb.passed]
    if move.judged.channel is not None:
        gone.append(move.judged.channel.value)
    return [*move.notice.tried, *gone]


def _next_look(move: Move, now: datetime) -> datetime | None:
    """When the next way is tried, where there is one and still something to say."""
    limit = move.judged.climb.limit
    if not isinstance(move.judged.passage, Send) or limit is None or now + limit >= move.notice.expires_at:
        return None
    return now + limit


async def record_moves(sweeping: Sweeping, moves: Sequence[Move], now: datetime) -> None:
    """What was not sent, and what has come to its end without reaching anybody."""
    happenings: list[tuple[UUID, Happening]] = [
        (move.notice.clinic_id, suppression(move.notice, stop.reason, channel))
        for move in moves
        for channel, stop in move.stops()
    ]
    happenings += [(move.notice.clinic_id, call_happening(move.notice)) for move in moves if move.calls]
    await record_across(sweeping, SYSTEM, happenings, now)
    over = [move for move in moves if not isinstance(move.judged.passage, (Send, Hold))]
    await conclude(sweeping, [(move.notice, False) for move in over if not move.notice.tried], now)
    later = [move.notice for move in moves if move.calls or (move in over and move.notice.tried)]
    await finish(sweeping, [(notice.clinic_id, notice.id) for notice in later], now)
