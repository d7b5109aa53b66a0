"""Journeys as staff writes and runs them: one version with its document, its history, who stands where, and what
publishing would do to them."""

import hashlib
import json
from typing import Any
from uuid import UUID

from pydantic import Field, ValidationError
from sqlalchemy import and_, func, literal, select, union_all
from sqlmodel import col

from automation.journey.document import Journey, document
from automation.journey.words import MOST_STEPS, Carrying, EnrolmentState, JourneyState, Verdict
from automation.queries.journeys import of_journey
from automation.results import Told, told
from automation.tables import Enrolment, JourneyRow, Touchpoint
from core.database import Reading
from core.errors import NotFound
from core.moments import Moment
from core.values import Int32, Value

MOST_VERSIONS = 200
_PASSED = tuple(
    each.value
    for each in Verdict
    if each not in (Verdict.ENTERED, Verdict.HELD_OUT, Verdict.HELD, Verdict.FAILED, Verdict.MIGRATED, Verdict.EXITED)
)


class JourneyView(Value):
    """One version. `journey` is null where it was written in a format that is read no more."""

    journey_id: UUID
    key: str
    version: Int32 = Field(description="0 of a draft: its number is given as it is published.")
    state: JourneyState
    digest: str = Field(
        max_length=64, description="Of the document: say it back where you change or publish what you have read."
    )
    journey: Journey | None
    made_at: Moment
    changed_at: Moment
    started_at: Moment | None
    ended_at: Moment | None


class VersionCard(Value):
    journey_id: UUID
    version: Int32
    state: JourneyState
    digest: str = Field(max_length=64)
    made_by: UUID | None
    started_at: Moment | None
    ended_at: Moment | None
    on_it: Told = Field(description="How many patients are on it now.")


class StepCount(Value):
    step: str
    standing: Told
    passed: Told = Field(description="How often it was done, waited out, turned or skipped.")


class Choice(Value):
    """What one way of publishing would do to who is on an older version now."""

    carrying: Carrying
    stay: Told = Field(description="Go on to the end of the version that they are on.")
    move: Told = Field(description="Go over at once; those who stay may follow at a later step.")
    restart: Told
    leave: Told


def digest(definition: dict[str, Any]) -> str:
    """The same for the same document, whatever number it has."""
    said = {name: value for name, value in definition.items() if name != "version"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def journey_view(row: JourneyRow) -> JourneyView:
    return JourneyView(
        journey_id=row.id, key=row.key, version=row.version, state=JourneyState(row.state),
        digest=digest(row.definition), journey=_document(row.definition), made_at=row.made_at,
        changed_at=row.changed_at, started_at=row.started_at, ended_at=row.ended_at,
    )  # fmt: skip


def _document(definition: dict[str, Any]) -> Journey | None:
    try:
        return document(definition)
    except ValidationError:
        return None


async def one_journey(reading: Reading, clinic_id: UUID, journey_id: UUID) -> JourneyView:
    """Raises `NotFound`."""
    return journey_view(await _row(reading, clinic_id, journey_id))


async def running_journey(reading: Reading, clinic_id: UUID, key: str) -> JourneyView | None:
    """The version that takes people in, or the draft of a journey that has none."""
    rank = func.array_position(["active", "paused", "draining", "draft", "stopped"], col(JourneyRow.state))
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.key) == key)
    found = select(JourneyRow).where(*mine).order_by(rank, col(JourneyRow.version).desc()).limit(1)
    row = (await reading.execute(found)).scalar_one_or_none()
    return None if row is None else journey_view(row)


async def journey_versions(
    reading: Reading, clinic_id: UUID, journey_id: UUID, *, clinical: bool
) -> list[VersionCard]:  # fmt: skip
    """Every version of the journey that this one is of, newest first, a draft before them. Raises `NotFound`."""
    row = await _row(reading, clinic_id, journey_id)
    on_it = func.count(col(Enrolment.id))
    statement = (
        select(JourneyRow, on_it.label("on_it"))
        .outerjoin(Enrolment, and_(of_journey(), col(Enrolment.state) == EnrolmentState.ACTIVE.value))
        .where(col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.key) == row.key)
        .group_by(col(JourneyRow.clinic_id), col(JourneyRow.id))
        .order_by((col(JourneyRow.state) == JourneyState.DRAFT.value).desc(), col(JourneyRow.version).desc())
        .limit(MOST_VERSIONS)
    )
    return [_card(each.JourneyRow, told(each.on_it, clinical=clinical)) for each in await reading.execute(statement)]


def _card(row: JourneyRow, on_it: Told) -> VersionCard:
    return VersionCard(
        journey_id=row.id, version=row.version, state=JourneyState(row.state), digest=digest(row.definition),
        made_by=row.made_by, started_at=row.started_at, ended_at=row.ended_at, on_it=on_it,
    )  # fmt: skip


async def step_counts(
    reading: Reading, clinic_id: UUID, journey_id: UUID, *, clinical: bool
) -> list[StepCount]:  # fmt: skip
    """Of this version: who stands on each step, and how often it was passed. One statement; steps nobody saw: none."""
    mine = (col(Enrolment.clinic_id) == clinic_id, col(Enrolment.journey_id) == journey_id)
    standing = select(
        col(Enrolment.step), func.count().label("standing"), literal(0).label("passed"), literal(0).label("people")
    ).where(*mine, col(Enrolment.state) == EnrolmentState.ACTIVE.value).group_by(col(Enrolment.step))  # fmt: skip
    of_enrolment = and_(col(Touchpoint.clinic_id) == Enrolment.clinic_id, col(Touchpoint.enrolment_id) == Enrolment.id)
    passed = (
        select(col(Touchpoint.step), literal(0), func.count(), func.count(col(Enrolment.patient_id).distinct()))
        .join(Enrolment, of_enrolment)
        .where(*mine, col(Touchpoint.verdict).in_(_PASSED))
        .group_by(col(Touchpoint.step))
    )
    both = union_all(standing, passed).subquery("both")
    summed = select(both.c.step, *(func.sum(both.c[name]) for name in ("standing", "passed", "people")))
    rows = await reading.execute(summed.group_by(both.c.step).order_by(both.c.step).limit(10 * MOST_STEPS))
    return [
        StepCount(
            step=step, standing=told(int(there), clinical=clinical),
            passed=told(int(gone), clinical=clinical, people=int(people)),
        )
        for step, there, gone, people in rows
    ]  # fmt: skip


async def publishing_choices(
    reading: Reading, clinic_id: UUID, journey_id: UUID, *, clinical: bool
) -> list[Choice]:  # fmt: skip
    """What each choice would do now if this draft or version were published. Raises `NotFound`."""
    row = await _row(reading, clinic_id, journey_id)
    steps = [each["id"] for each in row.definition["steps"]]
    has = func.count().filter(col(Enrolment.step).in_(steps))
    on = select(func.count(), has).where(
        col(Enrolment.clinic_id) == clinic_id, col(Enrolment.journey_key) == row.key,
        col(Enrolment.state) == EnrolmentState.ACTIVE.value,
    )  # fmt: skip
    everybody, movable = (await reading.execute(on)).one()
    nobody = {"stay": 0, "move": 0, "restart": 0, "leave": 0}
    counted = {
        Carrying.NEWCOMERS: {"stay": everybody},
        Carrying.MOVE: {"stay": everybody - movable, "move": movable},
        Carrying.RESTART: {"restart": everybody},
        Carrying.LEAVE: {"leave": everybody},
    }
    return [
        Choice(
            carrying=carrying, **{name: told(count, clinical=clinical) for name, count in {**nobody, **counts}.items()}
        )
        for carrying, counts in counted.items()
    ]  # fmt: skip


async def _row(reading: Reading, clinic_id: UUID, journey_id: UUID) -> JourneyRow:
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.id) == journey_id)
    row = (await reading.execute(select(JourneyRow).where(*mine))).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row
