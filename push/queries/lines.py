"""Ways out of a clinic: which can be used now, and what staff sees of them. No secret in any of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy import func, or_, select
from sqlmodel import col

from core.database import Reading, Sweeping
from core.moments import Moment
from core.values import Int32, Int64, Value
from push.channel import Way
from push.circuit import Circuit, Tally
from push.line import PHONE_WAYS, Line, Provider
from push.outcome import Result
from push.tables import LineHostRow, LineMinuteRow, LineRow
from push.ways import Lines

_EXAMPLE: dict[str, Any] = {
    "line_id": "0192f0c1-7c1a-7000-8000-000000000001", "name": "it.example.clinic", "way": "fcm", "provider": "fcm",
    "settings": {}, "facts": {"project_id": "example-clinic"}, "fingerprint": "8d1f0a7be2c44913",
    "rate_per_minute": 60000, "enabled": True, "version": 1, "made_at": "2026-11-22T09:30:00.000Z",
    "changed_at": "2026-11-22T09:30:00.000Z", "checked_at": "2026-11-22T09:31:00.000Z", "check_result": "config",
    "check_code": "account-refused", "open_until": "2026-11-22T09:33:00.000Z", "open_reason": "config",
    "paused_until": "2026-11-22T09:32:00.000Z",
}  # fmt: skip


class LineView(Value):
    """One way out, as staff sees it: its secrets are given back to nobody."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    line_id: UUID
    name: str = Field(description="For phones the app build.")
    way: Way
    provider: Provider
    settings: dict[str, Any]
    facts: dict[str, str] = Field(description="What of its secrets everybody may know: a project, a public key.")
    fingerprint: str = Field(description="Of its secrets: the same as long as they are.")
    rate_per_minute: Int32
    enabled: bool
    version: Int32
    made_at: Moment
    changed_at: Moment
    checked_at: Moment | None
    check_result: Result | None
    check_code: str
    open_until: Moment | None = Field(description="Nothing goes before, because of `open_reason`; then one message.")
    open_reason: str = Field(description="`config`, `mass-death`, or nothing.")
    paused_until: Moment | None = Field(description="The provider asked for it.")


class LineFigures(Value):
    """What became of a line's sends in the last hours."""

    hours: Annotated[Int32, Field(ge=1, le=24)]
    accepted: Int64
    dead: Int64
    bad_message: Int64
    config: Int64
    throttled: Int64
    not_sent: Int64
    ambiguous: Int64


async def lines_of(sweeping: Sweeping, clinic_ids: Collection[UUID], now: datetime) -> Lines:
    """The lines of these clinics that are in use, each with the moment until which it rests.

    Of phones those too that are switched off: a build that has a line goes by no other (`push.switchboard`).
    """
    known = or_(col(LineRow.enabled), col(LineRow.way).in_(sorted(PHONE_WAYS)))
    statement = (
        select(LineRow)
        .where(col(LineRow.clinic_id).in_(clinic_ids), known, col(LineRow.ended_at).is_(None))
        .order_by(col(LineRow.clinic_id), col(LineRow.name), col(LineRow.id))
    )
    found: dict[tuple[UUID, Way], list[Line]] = defaultdict(list)
    for row in (await sweeping.execute(statement)).scalars():
        found[row.clinic_id, Way(row.way)].append(line_of(row, rests_until(row, now)))
    return dict(found)


def rests_until(row: LineRow, now: datetime) -> datetime | None:
    """None: something may go through it now, of a half-open one a single message."""
    circuit = circuit_of(row)
    ends = [row.paused_until, circuit.open_until]
    if circuit.open_until is not None:
        ends.append(circuit.probe_until)
    return max((each for each in ends if each is not None and each > now), default=None)


async def paused_hosts(
    sweeping: Sweeping, line_ids: Collection[UUID], now: datetime
) -> dict[tuple[UUID, str], datetime]:
    """Push services of browsers that asked a line to wait, and until when."""
    statement = select(col(LineHostRow.line_id), col(LineHostRow.host), col(LineHostRow.paused_until)).where(
        col(LineHostRow.line_id).in_(line_ids), col(LineHostRow.paused_until) > now
    )
    return {(line_id, host): until for line_id, host, until in await sweeping.execute(statement)}


async def lines_by(sweeping: Sweeping, provider: Provider, now: datetime) -> list[Line]:
    """All lines in use by which `provider` is spoken."""
    statement = _present().where(col(LineRow.provider) == provider.value, col(LineRow.enabled))
    rows = await sweeping.execute(statement.order_by(col(LineRow.clinic_id), col(LineRow.id)))
    return [line_of(row, rests_until(row, now)) for row in rows.scalars()]


async def line_anywhere(sweeping: Sweeping, line_id: UUID, *, also_off: bool = False) -> Line | None:
    """Of whichever clinic: its provider names none. `also_off`: by one that is switched off nothing goes out, but a
    stop that comes in counts."""
    statement = _present().where(col(LineRow.id) == line_id)
    if not also_off:
        statement = statement.where(col(LineRow.enabled))
    row: LineRow | None = (await sweeping.execute(statement)).scalar_one_or_none()
    return None if row is None else line_of(row)


async def the_line(reading: Reading, line_id: UUID) -> Line | None:
    row = await _row(reading, line_id)
    return None if row is None else line_of(row)


async def lines_named(reading: Reading, name: str) -> list[Line]:
    """All lines of this name or id that did not end: an app build has several."""
    rows = await reading.execute(_present().order_by(col(LineRow.way), col(LineRow.id)))
    return [line_of(row) for row in rows.scalars() if name in (row.name, str(row.id))]


async def line_view(reading: Reading, line_id: UUID) -> LineView | None:
    row = await _row(reading, line_id)
    return None if row is None else view_of(row)


async def line_views(reading: Reading, after: UUID | None, limit: int) -> list[LineView]:
    """Of the clinic, in the order in which they were made."""
    statement = _present().order_by(col(LineRow.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(LineRow.id) > after)
    return [view_of(row) for row in (await reading.execute(statement)).scalars()]


async def line_figures(reading: Reading, line_id: UUID, hours: int, now: datetime) -> LineFigures:
    tally = await tally_since(reading, line_id, now - timedelta(hours=hours))
    return LineFigures(hours=hours, **{name: getattr(tally, name) for name in COUNTED})


COUNTED = tuple(each.value for each in Result)


async def tally_since(reading: Reading, line_id: UUID, since: datetime) -> Tally:
    return (await tallies_since(reading, {line_id: since})).get(line_id, Tally())


async def tallies_since(reading: Reading, since: Mapping[UUID, datetime]) -> dict[UUID, Tally]:
    """What became of each line's sends in the minutes that began after its moment."""
    counts = [func.coalesce(func.sum(getattr(LineMinuteRow, name)), 0) for name in COUNTED]
    wanted = [(col(LineMinuteRow.line_id) == line_id) & (col(LineMinuteRow.at) > at) for line_id, at in since.items()]
    statement = select(col(LineMinuteRow.line_id), *counts).where(or_(*wanted)).group_by(col(LineMinuteRow.line_id))
    rows = (await reading.execute(statement)).all() if wanted else []
    return {line_id: Tally(**dict(zip(COUNTED, map(int, sums), strict=True))) for line_id, *sums in rows}


def _present() -> Any:
    return select(LineRow).where(col(LineRow.ended_at).is_(None))


async def _row(reading: Reading, line_id: UUID) -> LineRow | None:
    row: LineRow | None = (await reading.execute(_present().where(col(LineRow.id) == line_id))).scalar_one_or_none()
    return row


def line_of(row: LineRow, resting: datetime | None = None) -> Line:
    return Line(
        row.clinic_id, row.id, row.name, Provider(row.provider), row.settings, row.sealed, row.version,
        row.rate_per_minute, resting,
    )  # fmt: skip


def circuit_of(row: LineRow) -> Circuit:
    return Circuit(row.faults, row.opens, row.open_until, row.open_reason, row.probe_until, row.closed_at)


def view_of(row: LineRow) -> LineView:
    return LineView(
        line_id=row.id, name=row.name, way=Way(row.way), provider=Provider(row.provider), settings=row.settings,
        facts=row.facts, fingerprint=row.fingerprint, rate_per_minute=row.rate_per_minute, enabled=row.enabled,
        version=row.version, made_at=row.made_at, changed_at=row.changed_at, checked_at=row.checked_at,
        check_result=Result(row.check_result) if row.check_result else None, check_code=row.check_code,
        open_until=row.open_until, open_reason=row.open_reason, paused_until=row.paused_until,
    )  # fmt: skip
