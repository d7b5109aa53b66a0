"""Writes down what became of a line's sends: minutes, circuit, pauses; and whether its dead are believed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Text, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from core.ids import new_id
from push.channel import Way
from push.circuit import MASS_DEATH, WINDOW, Circuit, Tally, after
from push.commands.batch import MOMENTS, NUMBERS, UNTRACKED, UUIDS, batch, same_key
from push.outcome import OF_ONE_PHONE, THROTTLED_PAUSE, Outcome, Result, pauses_line
from push.queries.lines import COUNTED, circuit_of, tallies_since
from push.tables import LineHostRow, LineMinuteRow, LineRow

LONGEST_THROTTLE = timedelta(hours=1)
"""Whatever a provider asks for."""
KEPT = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What one send through a line came to. `host`: of the push service, for browsers."""

    line_id: UUID
    outcome: Outcome
    host: str = ""


async def take_line_outcomes(sweeping: Sweeping, told: Sequence[LineOutcome], now: datetime) -> frozenset[UUID]:
    """Counts them; gives the lines whose dead addresses must not be given up: their project or key is wrong.

    Call it in the transaction that records the outcomes, after notices, deliveries, devices and rings are locked.
    """
    if not told:
        return frozenset()
    rows = await _locked(sweeping, {each.line_id for each in told})
    tallies = {row.id: _tally(each.outcome for each in told if each.line_id == row.id) for row in rows}
    await _count(sweeping, rows, tallies, now)
    since = {row.id: max(now - WINDOW, row.closed_at or now - WINDOW) for row in rows}
    windows = await tallies_since(sweeping, since)
    moved = [(row, _after(row, tallies[row.id], windows.get(row.id, Tally()), now)) for row in rows]
    await _move(sweeping, [(row, circuit) for row, circuit in moved if circuit != circuit_of(row)], now)
    await _pause(sweeping, rows, told, now)
    return frozenset(row.id for row, circuit in moved if circuit.reason == MASS_DEATH)


async def forget_line_minutes(sweeping: Sweeping, now: datetime) -> int:
    """Minutes of yesterday, and pauses that are over."""
    old = delete(LineMinuteRow).where(col(LineMinuteRow.at) < now - KEPT).returning(col(LineMinuteRow.id))
    over = delete(LineHostRow).where(col(LineHostRow.paused_until) < now).returning(col(LineHostRow.id))
    return sum([len((await sweeping.execute(each)).all()) for each in (old, over)])


async def _locked(sweeping: Sweeping, line_ids: Collection[UUID]) -> list[LineRow]:
    """In one order, so that two workers wait for each other and never in a ring."""
    held = select(LineRow).where(col(LineRow.id).in_(line_ids)).order_by(col(LineRow.clinic_id), col(LineRow.id))
    statement = held.with_for_update().execution_options(populate_existing=True)
    return list((await sweeping.execute(statement)).scalars())


def _tally(outcomes: Iterable[Outcome]) -> Tally:
    """A phone of another project counts as dead: two of them are two phones, many are a wrong project."""
    counts: dict[str, int] = defaultdict(int)
    for outcome in outcomes:
        counts[Result.DEAD.value if outcome.code in OF_ONE_PHONE else outcome.result.value] += 1
    return Tally(**counts)


def _after(row: LineRow, told: Tally, window: Tally, now: datetime) -> Circuit:
    """A push service of browsers is whoever made the subscription: what it refuses, or calls dead, is said of no line
    (it rests alone, see `_pause`), or any patient could stop the clinic's."""
    if row.way == Way.WEBPUSH.value:
        told, window = Tally(accepted=told.accepted), Tally()
    return after(circuit_of(row), told, window, now)


async def _count(sweeping: Sweeping, rows: Sequence[LineRow], tallies: dict[UUID, Tally], now: datetime) -> None:
    if not rows:
        return
    at = now.replace(second=0, microsecond=0)
    counted = [
        {"clinic_id": row.clinic_id, "id": new_id(), "line_id": row.id, "at": at, **asdict(tallies[row.id])}
        for row in rows
    ]
    fresh = insert(LineMinuteRow).values(counted)
    news = {name: getattr(LineMinuteRow, name) + fresh.excluded[name] for name in COUNTED}
    await sweeping.execute(fresh.on_conflict_do_update(index_elements=["clinic_id", "line_id", "at"], set_=news))


async def _move(sweeping: Sweeping, moved: Sequence[tuple[LineRow, Circuit]], now: datetime) -> None:
    if not moved:
        return
    kinds: dict[str, Any] = {
        "clinic_id": UUIDS, "id": UUIDS, "faults": NUMBERS, "opens": NUMBERS, "open_until": MOMENTS,
        "open_reason": Text(), "probe_until": MOMENTS, "closed_at": MOMENTS,
    }  # fmt: skip
    values = [
        (
            row.clinic_id, row.id, circuit.faults, circuit.opens, circuit.open_until, circuit.reason,
            circuit.probe_until, circuit.closed_at,
        )
        for row, circuit in moved
    ]  # fmt: skip
    news = batch(kinds, values)
    columns = {name: news.c[name] for name in kinds if name not in ("clinic_id", "id")}
    told = [(row.clinic_id, happening) for row, circuit in moved for happening in _news(row, circuit)]
    statement = update(LineRow).where(same_key(LineRow, news)).values(columns)
    await sweeping.execute(statement, execution_options=UNTRACKED)
    await record_across(sweeping, SYSTEM, told, now)


def _news(row: LineRow, circuit: Circuit) -> list[Happening]:
    """`line.opened` is the alert: nothing goes through until it is mended, or answers again."""
    facts = {"provider": row.provider, "version": row.version}
    if circuit.opens > row.opens:
        return [Happening("line.opened", row.id, facts={**facts, "why": circuit.reason, "times": circuit.opens})]
    if row.open_until is not None and circuit.open_until is None:
        return [Happening("line.closed", row.id, facts={**facts, "why": "answered"})]
    return []


def _rests(told: LineOutcome, now: datetime) -> datetime | None:
    if told.host and told.outcome.result is Result.CONFIG:
        return now + THROTTLED_PAUSE
    return pauses_line(told.outcome, now)


async def _pause(sweeping: Sweeping, rows: Sequence[LineRow], told: Sequence[LineOutcome], now: datetime) -> None:
    """A provider that asks for time gets it: for browsers the one service that asked, or refuses us; else the line."""
    until: dict[tuple[UUID, str], datetime] = {}
    for each in told:
        if (resting := _rests(each, now)) is not None:
            key = (each.line_id, each.host)
            until[key] = max(until.get(key, now), min(resting, now + LONGEST_THROTTLE))
    clinics = {row.id: row.clinic_id for row in rows}
    whole = [(clinics[line], line, at) for (line, host), at in until.items() if line in clinics and not host]
    hosts = [
        {"clinic_id": clinics[line], "id": new_id(), "line_id": line, "host": host, "paused_until": at}
        for (line, host), at in sorted(until.items())
        if line in clinics and host
    ]
    if whole:
        news = batch({"clinic_id": UUIDS, "id": UUIDS, "until": MOMENTS}, whole)
        later = func.greatest(col(LineRow.paused_until), news.c.until)
        statement = update(LineRow).where(same_key(LineRow, news)).values(paused_until=later)
        await sweeping.execute(statement, execution_options=UNTRACKED)
    if hosts:
        fresh = insert(LineHostRow).values(hosts)
        later = func.greatest(col(LineHostRow.paused_until), fresh.excluded.paused_until)
        once = ["clinic_id", "line_id", "host"]
        await sweeping.execute(fresh.on_conflict_do_update(index_elements=once, set_={"paused_until": later}))
