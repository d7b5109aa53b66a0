"""Takes due messages out of the outbox, and judges each while its row is locked.

Lock order everywhere: the notice, then its deliveries, then the rings of caps. A claim never waits for a notice (SKIP
LOCKED), so any number of workers share the outbox, and no row is in two hands.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, literal_column, select, update
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from clinic.queries import openers
from core.database import Sweeping
from core.events import SYSTEM, record_across
from push.channel import Way
from push.commands.batch import MOMENTS, NUMBERS, TEXTS, UNTRACKED, UUIDS, batch, same_key
from push.commands.beginning import begin
from push.commands.due import EVERY_LANE, Due, due_for_address, due_for_phone
from push.commands.finishing import STILL_OPEN, finish
from push.commands.outbox import suppression
from push.commands.phones import alive
from push.commands.standing import OVERTAKEN, cases, joined_standing, overtaken, standing_columns
from push.commands.turns import PACED, turns_of, was_paid, why
from push.consent import ConsentChannel
from push.contact import Address, Case, line_named
from push.gate import Hold, Send, Stop, gate
from push.kinds import Lane
from push.line import LINE_PAUSE, Line
from push.outcome import DeliveryState
from push.queries.lines import lines_of
from push.tables import DeliveryRow, DeviceRow, NoticeRow
from push.ways import Lines, awake

Passage = Send | Hold | Stop


async def claim(
    sweeping: Sweeping, now: datetime, limit: int, lease: timedelta, *, lanes: Sequence[Lane] = EVERY_LANE
) -> list[Due]:
    """Up to `limit` notices that begin or go on to their next way, and `limit` tries that go on, each leased.

    What may not go out is not given: held rows wait for the opening, stopped ones end with their reason.
    """
    again = await claim_tries(sweeping, now, limit, lease, lanes=lanes)
    return again + await claim_notices(sweeping, now, limit, lease, lanes=lanes)


async def claim_notices(
    sweeping: Sweeping, now: datetime, limit: int, lease: timedelta, *, lanes: Sequence[Lane] = EVERY_LANE
) -> list[Due]:
    """Notices that begin, and those whose way has had its time. Not in one transaction with `claim_tries` where
    workers share the outbox: each takes rings of caps in its own order."""
    return await begin(sweeping, now, limit, lease, lanes)


async def claim_tries(
    sweeping: Sweeping, now: datetime, limit: int, lease: timedelta, *, lanes: Sequence[Lane] = EVERY_LANE
) -> list[Due]:
    """Go on with tries whose time has come, and with those of workers that never answered."""
    rows = (await sweeping.execute(_going_on(tuple(lanes)), {"now": now, "most": limit})).all()
    if not rows:
        return []
    lines = await lines_of(sweeping, {row[0].clinic_id for row in rows}, now)
    judged = [
        _judged(notice, tried, phone, bool(reachable), bool(late), case, lines, now)
        for (notice, tried, phone, reachable, late), case in zip(
            (row[:5] for row in rows), cases([(row[0], *row[5:]) for row in rows]), strict=True
        )
    ]
    due = await _with_turns(sweeping, judged, now)
    await _move_tries(sweeping, [_moved(each, now + lease) for each in judged])
    stopped = [(each.notice, each.passage, each.tried) for each in judged if isinstance(each.passage, Stop)]
    happenings = [
        (notice.clinic_id, suppression(notice, stop.reason, ConsentChannel(tried.channel)))
        for notice, stop, tried in stopped
    ]
    await record_across(sweeping, SYSTEM, happenings, now)
    await finish(sweeping, [(notice.clinic_id, notice.id) for notice, _, _ in stopped], now)
    return due


async def _with_turns(sweeping: Sweeping, judged: Sequence["_Tried"], now: datetime) -> list[Due]:
    """What goes now; whose turn comes later is held until then."""
    going = [each for each in judged if isinstance(each.passage, Send)]
    due = [_due(each, now) for each in going]
    paid = {each.tried.id for each in going if was_paid(each.tried)}
    turns = await turns_of(sweeping, due, paid, now)
    for each, turn in zip(going, turns, strict=True):
        if turn.at > now:
            each.passage, each.reason = Hold(turn.at), why(turn)
    return [message for message, turn in zip(due, turns, strict=True) if turn.at <= now]


class _Tried:
    """A try that goes on, what is known of it, and whether it may."""

    __slots__ = ("case", "line", "notice", "passage", "phone", "reason", "tried")

    def __init__(
        self, notice: NoticeRow, tried: DeliveryRow, phone: DeviceRow | None, case: Case, line: Line | None,
        passage: Passage,
    ) -> None:  # fmt: skip
        self.notice, self.tried, self.phone = notice, tried, phone
        self.case, self.line, self.passage = case, line, passage
        self.reason = "" if tried.reason == PACED else tried.reason
        """Of what is held: what the last try said, or that its turn comes later. A turn that is not taken is lost."""


def _judged(
    notice: NoticeRow, tried: DeliveryRow, phone: DeviceRow | None, hears: bool, late: bool, case: Case, lines: Lines,
    now: datetime,
) -> _Tried:  # fmt: skip
    lost = tried.state == DeliveryState.LEASED.value
    line: Line | None
    if phone is not None:
        reachable, line = hears, line_named(lines, notice.clinic_id, Way(phone.way), phone.app_build)
    else:
        way = Way(tried.way)
        reachable = case.person.still_has(way, tried.address)
        usable = awake(lines, notice.clinic_id, way)
        line = next((each for each in usable if each.line_id == tried.line_id), next(iter(usable), None))
    channel = ConsentChannel(tried.channel)
    passage = gate(case.claimed(channel, reachable=reachable, lease_lost=lost), now)
    if isinstance(passage, Send) and phone is None and line is None:
        passage = Hold(now + LINE_PAUSE)
    if late and not isinstance(passage, Stop):
        passage = Stop(DeliveryState.SUPPRESSED, OVERTAKEN)
    return _Tried(notice, tried, phone, case, line, passage)


@cache
def _going_on(lanes: tuple[Lane, ...]) -> Any:
    """SQL of `:now` and `:most`. Made once: making it takes longer than running it."""
    now = bindparam("now", type_=MOMENTS)
    opener = openers(now)
    hears = exists().where(
        opener.c.hears,
        opener.c.clinic_id == NoticeRow.clinic_id,
        opener.c.patient_id == NoticeRow.patient_id,
        opener.c.account_id == DeviceRow.account_id,
    )
    same_notice = and_(
        col(NoticeRow.clinic_id) == DeliveryRow.clinic_id, col(NoticeRow.id) == col(DeliveryRow.notice_id)
    )
    same_phone = and_(
        col(DeviceRow.clinic_id) == DeliveryRow.clinic_id, col(DeviceRow.id) == col(DeliveryRow.device_id)
    )
    # Written out and not bound: a plan kept for later can use the partial index only by constants.
    lane = col(DeliveryRow.lane).in_([literal_column(str(int(each))) for each in lanes])
    reachable = func.coalesce(and_(alive(now), hears), False)
    statement = select(NoticeRow, DeliveryRow, DeviceRow, reachable, overtaken(), *standing_columns(now))
    joined = statement.select_from(DeliveryRow).join(NoticeRow, same_notice).outerjoin(DeviceRow, same_phone)
    return (
        joined_standing(joined)
        .where(STILL_OPEN, lane, col(DeliveryRow.next_at) <= now)
        .order_by(col(DeliveryRow.next_at))
        .limit(bindparam("most", type_=NUMBERS))
        # In this order: of a notice that is in other hands the try must not be held either (`overtake`).
        .with_for_update(of=[NoticeRow, DeliveryRow], skip_locked=True)
    )


def _due(each: _Tried, now: datetime) -> Due:
    tried, attempt = each.tried, each.tried.attempt + 1
    if each.phone is not None:
        return due_for_phone(each.case, each.notice, each.phone, each.line, tried.id, attempt, tried.created_at, now)
    address = Address(Way(tried.way), each.line, tried.address)
    return due_for_address(
        each.case, each.notice, ConsentChannel(tried.channel), address, tried.id, attempt, tried.created_at, now
    )


def _moved(each: _Tried, lease_until: datetime) -> tuple[Any, ...]:
    tried = each.tried
    key, line_id = (tried.clinic_id, tried.id), each.line.line_id if each.line else tried.line_id
    # A worker that never answered may have sent it.
    maybe = 1 if tried.maybe_arrived or tried.state == DeliveryState.LEASED.value else 0
    match each.passage:
        case Send():
            return (*key, DeliveryState.LEASED.value, "", tried.attempt + 1, lease_until, line_id, maybe)
        case Hold(until):
            return (*key, DeliveryState.DUE.value, each.reason, tried.attempt, until, line_id, maybe)
        case Stop(state, reason):
            return (*key, state.value, reason, tried.attempt, tried.next_at, line_id, maybe)


async def _move_tries(sweeping: Sweeping, rows: list[tuple[Any, ...]]) -> None:
    names = ("state", "reason", "attempt", "next_at", "line_id")
    kinds: dict[str, TypeEngine[Any]] = {
        "clinic_id": UUIDS, "id": UUIDS, "state": TEXTS, "reason": TEXTS, "attempt": NUMBERS, "next_at": MOMENTS,
        "line_id": UUIDS, "maybe": NUMBERS,
    }  # fmt: skip
    moved = batch(kinds, rows)
    news: dict[str, Any] = {name: moved.c[name] for name in names}
    news["maybe_arrived"] = moved.c.maybe == 1
    statement = update(DeliveryRow).where(same_key(DeliveryRow, moved)).values(news)
    await sweeping.execute(statement, execution_options=UNTRACKED)
