"""Gives out turns: when each message may go through its line, over any number of workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Double, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from core.database import Sweeping
from core.ids import new_id
from push.bucket import Bucket, bulk_turn, full, turn, turns_at_once
from push.circuit import PROBE
from push.commands.batch import MOMENTS, UNTRACKED, UUIDS, batch, same_key
from push.line import LINE_PAUSE
from push.queries.lines import paused_hosts, rests_until
from push.tables import ClinicPaceRow, LineRow

_FLOAT: TypeEngine[Any] = Double()
LONGEST_WAIT = timedelta(hours=1)
"""No turn is given for later: so long ahead nobody knows what the line will be."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One message that is ready for its line. `paid`: this is the turn it was given. `host`: its browser's service."""

    line_id: UUID
    bulk: bool = False
    paid: bool = False
    host: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """When it may go. `paid`: the turn is its own; otherwise it asks again then."""

    at: datetime
    paid: bool


@dataclass(slots=True)
class _Taken:
    """The lines and clinics of one claim, locked, and what is left of each."""

    rows: Mapping[UUID, LineRow]
    hosts: Mapping[tuple[UUID, str], datetime]
    clinics: dict[UUID, Bucket]
    lines: dict[UUID, Bucket] = field(default_factory=dict)
    probed: set[UUID] = field(default_factory=set)

    def turns_of(self, asks: Sequence[Ask], now: datetime) -> list[Turn]:
        """In this order; what is alike and can go now takes its tokens together."""
        turns: list[Turn] = []
        for ask, alike in groupby(asks):
            count = sum(1 for _ in alike)
            if self._together(ask, count, now):
                turns += [Turn(now, paid=True)] * count
            else:
                turns += [self.turn_of(ask, now) for _ in range(count)]
        return turns

    def _together(self, ask: Ask, count: int, now: datetime) -> bool:
        row = self.rows.get(ask.line_id)
        if row is None or ask.paid or row.open_until is not None or rests_until(row, now):
            return False
        if (row.id, ask.host) in self.hosts:
            return False
        line = turns_at_once(self._bucket(row), count, now, bulk=ask.bulk)
        clinic = turns_at_once(self.clinics[row.clinic_id], count, now)
        if line is None or clinic is None:
            return False
        self.lines[row.id], self.clinics[row.clinic_id] = line, clinic
        return True

    def _bucket(self, row: LineRow) -> Bucket:
        return self.lines.get(row.id, Bucket(row.rate_per_minute, row.tokens, row.filled_at, row.bulk_until))

    def turn_of(self, ask: Ask, now: datetime) -> Turn:
        row = self.rows.get(ask.line_id)
        if row is None:  # switched off since it was chosen
            return Turn(now + LINE_PAUSE, paid=False)
        resting = rests_until(row, now) or self.hosts.get((row.id, ask.host))
        if resting is not None:
            return Turn(resting, paid=False)
        if row.open_until is not None:
            return self._probe(row, now)
        bucket = self._bucket(row)
        if ask.paid:
            self.lines[row.id] = bucket.spent(now) if ask.bulk else bucket
            return Turn(now, paid=True)
        after, at = bulk_turn(bucket, now) if ask.bulk else turn(bucket, now)
        clinic, clinics_at = turn(self.clinics[row.clinic_id], now)
        if max(at, clinics_at) > now + LONGEST_WAIT:
            return Turn(now + LONGEST_WAIT, paid=False)
        self.lines[row.id], self.clinics[row.clinic_id] = after, clinic
        return Turn(max(at, clinics_at), paid=True)

    def _probe(self, row: LineRow, now: datetime) -> Turn:
        """A half-open line takes one message, of whoever asks first, and says nothing of the others."""
        if row.id in self.probed:
            return Turn(now + PROBE, paid=False)
        self.probed.add(row.id)
        return Turn(now, paid=True)


async def take_turns(sweeping: Sweeping, asks: Sequence[Ask], now: datetime) -> list[Turn]:
    """A turn for each, in this order. What is given and not used is lost: ask for what is due.

    Take them after the rows of notices, deliveries and rings are locked, as everywhere: lines come last.
    """
    if not asks:
        return []
    rows = await _lines(sweeping, {ask.line_id for ask in asks})
    browsers = {ask.line_id for ask in asks if ask.host}
    hosts = await paused_hosts(sweeping, browsers, now) if browsers else {}
    taken = _Taken({row.id: row for row in rows}, hosts, await _paces(sweeping, {row.clinic_id for row in rows}))
    turns = taken.turns_of(asks, now)
    await _take(sweeping, taken, now)
    await _take_of_clinics(sweeping, taken)
    return turns


async def _lines(sweeping: Sweeping, line_ids: set[UUID]) -> list[LineRow]:
    statement = (
        select(LineRow)
        .where(col(LineRow.id).in_(line_ids), col(LineRow.enabled), col(LineRow.ended_at).is_(None))
        .order_by(col(LineRow.clinic_id), col(LineRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list((await sweeping.execute(statement)).scalars())


async def _paces(sweeping: Sweeping, clinic_ids: set[UUID]) -> dict[UUID, Bucket]:
    """The clinics' buckets, locked; each was made with the clinic's first line."""
    held = select(ClinicPaceRow).where(col(ClinicPaceRow.clinic_id).in_(clinic_ids))
    ordered = held.order_by(col(ClinicPaceRow.clinic_id)).with_for_update().execution_options(populate_existing=True)
    found = (await sweeping.execute(ordered)).scalars()
    return {row.clinic_id: Bucket(row.rate_per_minute, row.tokens, row.filled_at) for row in found}


async def _take(sweeping: Sweeping, taken: _Taken, now: datetime) -> None:
    """Whoever takes the one turn of a half-open line is the one who tries it."""
    if not taken.lines and not taken.probed:
        return
    rows = [_left(taken, taken.rows[line_id], now) for line_id in sorted(taken.lines.keys() | taken.probed)]
    kinds = {
        "clinic_id": UUIDS, "id": UUIDS, "tokens": _FLOAT, "filled_at": MOMENTS, "bulk_until": MOMENTS,
        "probe_until": MOMENTS,
    }  # fmt: skip
    news = batch(kinds, rows)
    values = {name: news.c[name] for name in ("tokens", "filled_at", "bulk_until", "probe_until")}
    await sweeping.execute(update(LineRow).where(same_key(LineRow, news)).values(values), execution_options=UNTRACKED)


def _left(taken: _Taken, row: LineRow, now: datetime) -> tuple[Any, ...]:
    bucket = taken.lines.get(row.id, Bucket(row.rate_per_minute, row.tokens, row.filled_at, row.bulk_until))
    probe = now + PROBE if row.id in taken.probed else row.probe_until
    return row.clinic_id, row.id, bucket.tokens, bucket.filled_at, bucket.bulk_until, probe


async def _take_of_clinics(sweeping: Sweeping, taken: _Taken) -> None:
    if not taken.lines:
        return
    rows = [(clinic_id, bucket.tokens, bucket.filled_at) for clinic_id, bucket in sorted(taken.clinics.items())]
    news = batch({"clinic_id": UUIDS, "tokens": _FLOAT, "filled_at": MOMENTS}, rows)
    values = {"tokens": news.c.tokens, "filled_at": news.c.filled_at}
    statement = update(ClinicPaceRow).where(col(ClinicPaceRow.clinic_id) == news.c.clinic_id).values(values)
    await sweeping.execute(statement, execution_options=UNTRACKED)


async def set_clinic_rate(sweeping: Sweeping, clinic_id: UUID, rate_per_minute: int, now: datetime) -> None:
    """How fast a clinic may send over all its lines: the operator's word."""
    values = {"rate_per_minute": rate_per_minute, "tokens": full(rate_per_minute), "filled_at": now}
    row = insert(ClinicPaceRow).values(clinic_id=clinic_id, id=new_id(), **values)
    least = func.least(row.excluded.tokens, col(ClinicPaceRow.tokens))
    await sweeping.execute(row.on_conflict_do_update(index_elements=["clinic_id"], set_={**values, "tokens": least}))
