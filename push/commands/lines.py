"""Makes, replaces, switches and ends a clinic's ways out, and notes what a check of one found."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound, Stale
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id
from core.sealed import SealBroken
from push.bucket import full
from push.circuit import closed
from push.commands.batch import UNTRACKED
from push.commands.turns import RESTS
from push.line import CLINIC_RATE, MOST_LINES, WAYS, Line, Provider
from push.line_forms import faults_of, same_place, secret_names, told_of, value_of
from push.line_seal import LineSeal
from push.outcome import DeliveryState, Outcome, Result
from push.queries.lines import LineView, line_of, view_of
from push.tables import ClinicPaceRow, DeliveryRow, LineRow


class LineNameTaken(Conflict):
    """The clinic has a line of this way under this name already."""

    slug = "line-name-taken"


class TooManyLines(Conflict):
    slug = "too-many-lines"


@dataclass(frozen=True, slots=True)
class LineDraft:
    """All of a line as its makers say it."""

    name: str
    provider: Provider
    rate_per_minute: int
    settings: dict[str, Any] = field(repr=False)
    secrets: dict[str, str] = field(repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class LineHouse:
    """What a clinic's lines are kept with: the house's seal, and hosts that may be called though they are private."""

    seal: LineSeal
    private_hosts: frozenset[str] = frozenset()


async def make_line(
    writing: Writing, house: LineHouse, clinic_id: UUID, draft: LineDraft, actor: Actor, now: datetime
) -> LineView:
    """Raises `Invalid` with pointers into settings and secrets, `LineNameTaken`, `TooManyLines`."""
    _check(house, draft)
    counted = select(func.count()).select_from(LineRow).where(col(LineRow.ended_at).is_(None))
    if (await writing.execute(counted)).scalar_one() >= MOST_LINES:
        raise TooManyLines
    line_id = new_id()
    row = {
        **_said(house, clinic_id, line_id, draft), "clinic_id": clinic_id, "id": line_id, "provider": draft.provider,
        "way": WAYS[draft.provider].value, "version": 1, "made_at": now, "changed_at": now,
        "tokens": full(draft.rate_per_minute), "filled_at": now,
    }  # fmt: skip
    fresh = insert(LineRow).values(row).on_conflict_do_nothing().returning(col(LineRow.id))
    if (await writing.execute(fresh)).scalar_one_or_none() is None:
        raise LineNameTaken
    # Of the clinic with its first line, so that no claim has to make it.
    pace = {"rate_per_minute": CLINIC_RATE, "tokens": full(CLINIC_RATE), "filled_at": now}
    pace_row = insert(ClinicPaceRow).values(clinic_id=clinic_id, id=new_id(), **pace)
    await writing.execute(pace_row.on_conflict_do_nothing())
    await _tell(writing, "line.made", clinic_id, line_id, draft.provider, actor, now)
    return view_of(await _locked(writing, line_id))


async def replace_line(
    writing: Writing, house: LineHouse, clinic_id: UUID, line_id: UUID, version: int, draft: LineDraft,
    actor: Actor, now: datetime,
) -> LineView:  # fmt: skip
    """The whole line anew, made from its `version`; secrets that are left out stay, where they go nowhere else by it.

    Raises `NotFound`, `Stale`, `Invalid`. The circuit is closed: what was wrong may be mended.
    """
    row = await _locked(writing, line_id)
    if row.version != version:
        raise Stale
    fixed = {"provider": draft.provider.value == row.provider, "name": draft.name == row.name}
    if not all(fixed.values()):  # phones are bound to the name of their build
        raise Invalid(*(Fault(f"/{name}", "cannot-change") for name, same in fixed.items() if not same))
    draft = _completed(house, line_of(row), draft)
    _check(house, draft)
    news = {
        **_said(house, clinic_id, line_id, draft), "version": row.version + 1, "changed_at": now,
        "checked_at": None, "check_result": "", "check_code": "", "paused_until": None, **_closed(now),
    }  # fmt: skip
    await _change(writing, row, news)
    await _wake(writing, clinic_id, line_id, now)
    await _tell(writing, "line.replaced", clinic_id, line_id, draft.provider, actor, now)
    return view_of(row)


async def switch_line(
    writing: Writing, clinic_id: UUID, line_id: UUID, version: int, actor: Actor, now: datetime, *, enabled: bool
) -> LineView:
    """On or off. Raises `NotFound`, `Stale`."""
    row = await _locked(writing, line_id)
    if row.version != version:
        raise Stale
    if row.enabled != enabled:
        await _change(writing, row, {"enabled": enabled, "version": version + 1, "changed_at": now})
        kind = "line.switched_on" if enabled else "line.switched_off"
        await _tell(writing, kind, clinic_id, line_id, Provider(row.provider), actor, now)
    return view_of(row)


async def end_line(writing: Writing, clinic_id: UUID, line_id: UUID, actor: Actor, now: datetime) -> None:
    """For good: its credentials are forgotten; what was sent through it still points to it. Raises `NotFound`."""
    row = await _locked(writing, line_id)
    news = {"enabled": False, "sealed": "", "fingerprint": "", "facts": {}, "settings": {}, "ended_at": now}
    await _change(writing, row, {**news, "version": row.version + 1, "changed_at": now})
    await _tell(writing, "line.ended", clinic_id, line_id, Provider(row.provider), actor, now)


async def note_check(writing: Writing, line: Line, outcome: Outcome, now: datetime) -> bool:
    """What a check of this version found; False where the line is another by now. What is proven closes its circuit."""
    row = await _locked(writing, line.line_id)
    if row.version != line.version:
        return False
    news: dict[str, Any] = {"checked_at": now, "check_result": outcome.result.value, "check_code": outcome.code[:100]}
    if outcome.result is Result.ACCEPTED and row.open_until is not None:
        await record(
            writing, line.clinic_id, SYSTEM, [Happening("line.closed", line.line_id, facts={"why": "checked"})], now
        )
        news |= _closed(now)
        await _wake(writing, line.clinic_id, line.line_id, now)
    await _change(writing, row, news)
    return True


def _completed(house: LineHouse, before: Line, draft: LineDraft) -> LineDraft:
    """With the secrets that stay. Whoever points a line elsewhere must know them, or they could be lured out."""
    missing = secret_names(draft.provider) - draft.secrets.keys()
    if not missing or not same_place(draft.provider, before.settings, draft.settings):
        return draft
    try:
        kept = house.seal.opened(before)
    except SealBroken:
        return draft
    stay = {name: kept[name] for name in missing if name in kept}
    return LineDraft(
        draft.name, draft.provider, draft.rate_per_minute, draft.settings, {**stay, **draft.secrets}, draft.enabled
    )


def _check(house: LineHouse, draft: LineDraft) -> None:
    if faults := faults_of(draft.provider, draft.settings, draft.secrets, house.private_hosts):
        raise Invalid(*faults)


def _said(house: LineHouse, clinic_id: UUID, line_id: UUID, draft: LineDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "settings": draft.settings,
        "facts": told_of(value_of(draft.provider, draft.settings, draft.secrets)),
        "sealed": house.seal.closed(draft.secrets, clinic_id, line_id, WAYS[draft.provider]),
        "fingerprint": house.seal.fingerprint(draft.secrets, clinic_id),
        "rate_per_minute": draft.rate_per_minute,
        "enabled": draft.enabled,
    }


def _closed(now: datetime) -> dict[str, Any]:
    made = closed(now)
    return {
        "faults": made.faults, "opens": made.opens, "open_until": made.open_until, "open_reason": made.reason,
        "probe_until": made.probe_until, "closed_at": made.closed_at,
    }  # fmt: skip


async def _locked(writing: Writing, line_id: UUID) -> LineRow:
    held = select(LineRow).where(col(LineRow.id) == line_id, col(LineRow.ended_at).is_(None))
    statement = held.with_for_update().execution_options(populate_existing=True)
    row: LineRow | None = (await writing.execute(statement)).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


async def _wake(writing: Writing, clinic_id: UUID, line_id: UUID, now: datetime) -> None:
    """What waits for the line asks again at once. Deliveries come before lines in the order of locks, so this waits
    for none: what a worker is just looking at is passed by."""
    waiting = select(col(DeliveryRow.id)).where(
        col(DeliveryRow.clinic_id) == clinic_id, col(DeliveryRow.line_id) == line_id,
        col(DeliveryRow.state) == DeliveryState.DUE.value, col(DeliveryRow.reason) == RESTS,
    )  # fmt: skip
    mine = (col(DeliveryRow.clinic_id) == clinic_id, col(DeliveryRow.id).in_(waiting.with_for_update(skip_locked=True)))
    await writing.execute(update(DeliveryRow).where(*mine).values(next_at=now), execution_options=UNTRACKED)


async def _change(writing: Writing, row: LineRow, news: dict[str, Any]) -> None:
    mine = update(LineRow).where(col(LineRow.clinic_id) == row.clinic_id, col(LineRow.id) == row.id)
    await writing.execute(mine.values(news), execution_options=UNTRACKED)
    await writing.refresh(row)


async def _tell(
    writing: Writing, kind: str, clinic_id: UUID, line_id: UUID, provider: Provider, actor: Actor, now: datetime
) -> None:
    await record(writing, clinic_id, actor, [Happening(kind, line_id, facts={"provider": provider.value})], now)
