"""Publishes journeys, halts them, lets them go on, ends them, and brings an earlier version back.

Whoever changes which version runs holds all rows of that journey, in the order of their ids: of two at once the second
reads what the first has left. Patients are carried over afterwards (`carrying`), in batches and by any worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import col

from automation.commands.carrying import carry_over
from automation.commands.doings import READY
from automation.commands.drafts import as_draft, locked_draft
from automation.journey.document import Journey, document
from automation.journey.words import Carrying, JourneyState, StepKind
from automation.journey.written import schema_faults
from automation.queries.journey_known import faults_here
from automation.queries.journey_versions import JourneyView, digest, journey_view
from automation.tables import JourneyRow
from core.database import Writing
from core.errors import Conflict, Invalid, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id

AT_ONCE = 1_000
"""Patients that are carried over with the answer; the worker does the others."""

UNDONE = frozenset(StepKind) - READY
"""What no worker of this installation knows how to do."""

_S = JourneyState
_TAKES = (_S.ACTIVE.value, _S.PAUSED.value)
_RUNS = (*_TAKES, _S.DRAINING.value)


class JourneyNotRunning(Conflict):
    """It was stopped, or never published."""

    slug = "journey-not-running"


class JourneyNeverPublished(Conflict):
    """There is nothing of it to be brought back."""

    slug = "journey-never-published"


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does it in which clinic, and when."""

    clinic_id: UUID
    actor: Actor
    now: datetime


async def publish(writing: Writing, deed: Deed, draft_id: UUID, seen: str, carrying: Carrying) -> JourneyView:
    """The draft takes people in from now on, in the place of the version before it.

    Raises `NotFound`, `JourneyNotDraft`, `Stale` where the draft is not what was `seen` (its digest) any more, and
    `Invalid` with every fault of it. Of two at once one publishes and the other is refused.
    """
    draft = await locked_draft(writing, deed.clinic_id, draft_id, seen)
    versions = await _versions(writing, deed.clinic_id, draft.key)
    journey = await _sound(writing, deed, draft.definition)
    return await _replaced(writing, deed, draft, versions, journey, carrying)


async def publish_again(
    writing: Writing, deed: Deed, journey_id: UUID, seen: str, carrying: Carrying
) -> JourneyView:  # fmt: skip
    """An earlier version, under a new number, in the place of what runs now. `seen`: the digest of what runs now, or
    nothing where nothing runs. Raises `NotFound`, `JourneyNeverPublished`, `Stale`, `Invalid`: what it names may be
    gone."""
    key = await _key_of(writing, deed.clinic_id, journey_id)
    versions = await _versions(writing, deed.clinic_id, key)
    earlier = next(each for each in versions if each.id == journey_id)
    if earlier.state == _S.DRAFT.value:
        raise JourneyNeverPublished
    running = next((digest(each.definition) for each in versions if each.state in _TAKES), "")
    if running != seen:
        raise Stale
    journey = await _sound(writing, deed, earlier.definition)
    anew = JourneyRow(
        clinic_id=deed.clinic_id, id=new_id(), key=key, version=0, definition={}, state=_S.DRAFT.value,
        made_at=deed.now, made_by=deed.actor.id, changed_at=deed.now,
    )  # fmt: skip
    return await _replaced(writing, deed, anew, versions, journey, carrying)


async def pause(writing: Writing, deed: Deed, journey_id: UUID) -> JourneyView:
    """Nobody comes in and nobody moves on, until it is resumed. Again changes nothing."""
    return await _turned(writing, deed, journey_id, _S.PAUSED, "journey.paused")


async def resume(writing: Writing, deed: Deed, journey_id: UUID) -> JourneyView:
    return await _turned(writing, deed, journey_id, _S.ACTIVE, "journey.resumed")


async def stop(writing: Writing, deed: Deed, journey_id: UUID) -> JourneyView:
    """Everybody is let out, of whichever version, and what has not been handed over is taken back. For good."""
    key = await _key_of(writing, deed.clinic_id, journey_id)
    versions = await _versions(writing, deed.clinic_id, key)
    named = next(each for each in versions if each.id == journey_id)
    running = [each for each in versions if each.state in _RUNS]
    if not running:
        raise JourneyNotRunning
    for each in running:
        each.state, each.carries, each.ended_at, each.changed_at = (
            _S.STOPPED.value, Carrying.LEAVE.value, deed.now, deed.now,
        )  # fmt: skip
    await writing.flush()
    await _tell(writing, deed, "journey.stopped", named)
    await carry_over(writing, deed.now, AT_ONCE)
    return journey_view(named)


async def _sound(writing: Writing, deed: Deed, definition: dict[str, Any]) -> Journey:
    try:
        journey = document(definition)
    except ValidationError as error:
        raise Invalid(*schema_faults(error)) from None
    faults = await faults_here(writing, deed.clinic_id, journey, deed.now, UNDONE)
    if faults:
        raise Invalid(*faults)
    return as_draft(journey)


async def _replaced(
    writing: Writing, deed: Deed, row: JourneyRow, versions: Sequence[JourneyRow], journey: Journey, carrying: Carrying
) -> JourneyView:
    """`row` runs as the newest version. A journey that is halted stays so."""
    before = next((each for each in versions if each.state in _TAKES), None)
    halted = before is not None and before.state == _S.PAUSED.value
    _made_way(versions, carrying, deed.now)
    await writing.flush()  # one version takes people in at a time, also between two statements
    row.version = max((each.version for each in versions), default=0) + 1
    row.definition = journey.model_copy(update={"version": row.version}).definition()
    row.state = (_S.PAUSED if halted else _S.ACTIVE).value
    row.started_at = row.changed_at = deed.now
    if before is not None and before.definition["trigger"] == row.definition["trigger"]:
        row.counted_at = before.counted_at
    writing.add(row)
    await writing.flush()
    await _tell(writing, deed, "journey.published", row, carrying=carrying.value)
    await carry_over(writing, deed.now, AT_ONCE)
    return journey_view(row)


def _made_way(versions: Sequence[JourneyRow], carrying: Carrying, now: datetime) -> None:
    for each in versions:
        if each.state in _TAKES:
            each.state, each.changed_at = _S.DRAINING.value, now
        if each.state == _S.DRAINING.value and carrying is not Carrying.NEWCOMERS:
            each.carries = carrying.value


async def _turned(writing: Writing, deed: Deed, journey_id: UUID, state: JourneyState, kind: str) -> JourneyView:
    key = await _key_of(writing, deed.clinic_id, journey_id)
    versions = await _versions(writing, deed.clinic_id, key)
    running = next((each for each in versions if each.state in _TAKES), None)
    if running is None:
        raise JourneyNotRunning
    if running.state != state.value:
        running.state, running.changed_at = state.value, deed.now
        await writing.flush()
        await _tell(writing, deed, kind, running)
    return journey_view(running)


async def _key_of(writing: Writing, clinic_id: UUID, journey_id: UUID) -> str:
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.id) == journey_id)
    key = (await writing.execute(select(col(JourneyRow.key)).where(*mine))).scalar_one_or_none()
    if key is None:
        raise NotFound
    return key


async def _versions(writing: Writing, clinic_id: UUID, key: str) -> Sequence[JourneyRow]:
    """Every row of the journey, held until the commit."""
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.key) == key)
    held = select(JourneyRow).where(*mine).order_by(col(JourneyRow.id)).with_for_update()
    return (await writing.execute(held.execution_options(populate_existing=True))).scalars().all()


async def _tell(writing: Writing, deed: Deed, kind: str, row: JourneyRow, **more: str) -> None:
    facts = {"key": row.key, "version": row.version, **more}
    await record(writing, deed.clinic_id, deed.actor, [Happening(kind, row.id, facts=facts)], deed.now)
