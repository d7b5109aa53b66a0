"""Begins due notices, and sends those on whose way has had its time: the gate, the ladder and the caps in one commit.

Each notice is judged while its row is locked, so that exit, opt-out and expiry win over send.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from core.database import Sweeping
from core.ids import new_id
from push.caps import ANY, caps_of, room_at, taken
from push.channel import Way
from push.commands.batch import MOMENTS, NUMBERS
from push.commands.begun import Move, insert_deliveries, move_notices, overtake, record_moves
from push.commands.call_tasks import make_call_tasks
from push.commands.due import Due, due_for_address, due_for_phone
from push.commands.heads import AnyNotice, NoticeHead, columns_of
from push.commands.phones import phones_of
from push.commands.rings import RingKey, hold_rings, write_rings
from push.commands.standing import cases, joined_standing, standing_columns
from push.commands.turns import turns_of
from push.consent import ConsentChannel
from push.contact import CAPPED, Step, line_named
from push.gate import Hold, Send, Stop
from push.kinds import Lane
from push.queries.lines import lines_of
from push.tables import NoticeRow
from push.ways import Lines

_C = ConsentChannel
_Rings = dict[RingKey, list[datetime]]
_WIDTH = len(NoticeHead._fields)


async def begin(sweeping: Sweeping, now: datetime, limit: int, lease: timedelta, lanes: Sequence[Lane]) -> list[Due]:
    """Up to `limit` due notices of these lanes, each on its next way; the messages are leased to the caller."""
    rows = (await sweeping.execute(_due_notices(tuple(lanes)), {"now": now, "most": limit})).all()
    if not rows:
        return []
    notices = [NoticeHead._make(row[:_WIDTH]) for row in rows]
    lines = await lines_of(sweeping, {notice.clinic_id for notice in notices}, now)
    phones = await phones_of(sweeping, [each for each in notices if _C.PUSH.value not in each.tried], now)
    judged = cases([(notice, *row[_WIDTH:]) for notice, row in zip(notices, rows, strict=True)])
    moves = [Move(notice, case, phones[notice.id]) for notice, case in zip(notices, judged, strict=True)]
    for move in moves:
        move.judge(lines, now)
    await _take_places(sweeping, moves, lines, now)
    await overtake(sweeping, [move.notice for move in moves if move.climbs], now)
    due = [each for move in moves for each in _messages(move, lines, now)]
    turns = list(zip(due, await turns_of(sweeping, due, (), now), strict=True))
    await insert_deliveries(sweeping, moves, turns, now, now + lease)
    await make_call_tasks(sweeping, [move.notice for move in moves if move.calls], now)
    await move_notices(sweeping, moves, now)
    await record_moves(sweeping, moves, now)
    return [each for each, turn in turns if turn.at <= now]


@cache
def _due_notices(lanes: tuple[Lane, ...]) -> Any:
    """SQL of `:now` and `:most`. Made once: making it takes longer than running it."""
    now = bindparam("now", type_=MOMENTS)
    # Written out and not bound: a plan kept for later can use the partial index only by constants.
    lane = col(NoticeRow.lane).in_([literal_column(str(int(each))) for each in lanes])
    due = select(NoticeRow).where(lane, col(NoticeRow.next_at).is_not(None), col(NoticeRow.next_at) <= now)
    locked = (
        due.order_by(col(NoticeRow.next_at))
        .limit(bindparam("most", type_=NUMBERS))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    # Apart: what stands beside a notice is read of those that were taken, not of all that are due.
    notice = aliased(NoticeRow, locked)
    columns = (*columns_of(notice, NoticeHead), *standing_columns(now, notice))
    return joined_standing(select(*columns).select_from(notice), notice)


async def _take_places(sweeping: Sweeping, moves: Sequence[Move], lines: Lines, now: datetime) -> None:
    """Who is about to be sent takes places under the caps, one after the other; who finds none is held, goes another
    way, or ends."""
    sending = [move for move in moves if isinstance(move.judged.passage, Send) and not move.notice.silent]
    wanted = {key for move in sending for key in _ring_keys(move, lines)}
    held = await hold_rings(sweeping, wanted)
    if not held:
        return
    changed: _Rings = {}
    for move in sending:
        while isinstance(move.judged.passage, Send) and not _takes(move, held, changed, now):
            move.judge(lines, now)
    await write_rings(sweeping, changed)


def _ring_keys(move: Move, lines: Lines) -> list[RingKey]:
    """Of every ring that the notice might need, whichever way it goes in the end."""
    notice = move.notice
    ways = {ANY, *(rung.channel.value for rung in move.case.rungs(lines) if rung.channel not in move.case.tried)}
    names = [name for name in caps_of(move.case.rules.caps, move.case.purpose) if name in ways]
    return [(notice.clinic_id, notice.patient_id, notice.purpose, name) for name in names]


def _takes(move: Move, held: _Rings, changed: _Rings, now: datetime) -> bool:
    """Take the places of this way, all or none. False: the way is capped, and another is to be looked for."""
    notice, channel = move.notice, move.judged.channel
    assert channel is not None
    caps = caps_of(move.case.rules.caps, move.case.purpose)
    # Over all ways together a notice counts once, however many ways it needs.
    needed = [
        name for name in (ANY, channel.value) if name in caps and (name != ANY or ANY not in (notice.rings or {}))
    ]
    key = {name: (notice.clinic_id, notice.patient_id, notice.purpose, name) for name in needed}
    rooms = {name: room_at(held[key[name]], caps[name], now) for name in needed}
    if rooms.get(channel.value, now) != now:
        move.capped.add(channel)
        return False
    if rooms.get(ANY, now) != now:
        move.step = Step(_later(rooms[ANY], notice), channel, move.judged.climb)
        return True
    for name in needed:
        held[key[name]] = changed[key[name]] = taken(held[key[name]], now)
        move.rings[name] = now.isoformat()
    return True


def _later(room: datetime | None, notice: AnyNotice) -> Hold | Stop:
    return Hold(room) if room is not None and room < notice.expires_at else CAPPED


def _messages(move: Move, lines: Lines, now: datetime) -> list[Due]:
    found, notice, case = move.judged, move.notice, move.case
    if not isinstance(found.passage, Send) or found.channel in (None, _C.CALL):
        return []
    assert found.channel is not None
    due_at = notice.next_at or now
    if found.channel is _C.PUSH:
        named = [line_named(lines, notice.clinic_id, Way(phone.way), phone.app_build) for phone in move.phones]
        return [
            due_for_phone(case, notice, phone, line, new_id(), 1, due_at, now)
            for phone, line in zip(move.phones, named, strict=True)
        ]
    return [due_for_address(case, notice, found.channel, each, new_id(), 1, due_at, now) for each in found.addresses]
