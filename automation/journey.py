"""A journey: a versioned document of whom to reach, how and when to stop; and what its next step is.

`decide` is pure. It is asked when a timer is due and answers with everything that follows from it, up to
the next wait: what to send, where the patient stands then, when to ask again. Exits are judged before the
step, so leaving always wins over sending.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, model_validator

from automation.facts import PatientFacts
from automation.segment import Criterion, matches
from clinic.hours import Hours
from core.values import Int32, Value
from push.notice import NoticeKind, Purpose

Key = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,63}$")]


class StepKind(StrEnum):
    PUSH = "push"
    WAIT_FOR = "wait_for"
    """So many calendar days, to the same time of day."""
    END = "end"


class ExitReason(StrEnum):
    """Why somebody leaves before the end, in the order in which they are asked."""

    BOOKED = "booked"
    LEFT_SEGMENT = "left_segment"


class Verdict(StrEnum):
    """What became of a step, as the log of touchpoints keeps it."""

    ENTERED = "entered"
    SENT = "sent"
    """Given to push, which alone knows whether it reached a phone."""
    HELD = "held"
    """Wanted outside the hours; asked again when they open."""
    EXITED = "exited"
    COMPLETED = "completed"


class JourneyState(StrEnum):
    ACTIVE = "active"


class EnrolmentState(StrEnum):
    ACTIVE = "active"
    EXITED = "exited"
    COMPLETED = "completed"


_NEEDS: dict[StepKind, frozenset[str]] = {
    StepKind.PUSH: frozenset({"notice"}),
    StepKind.WAIT_FOR: frozenset({"days"}),
    StepKind.END: frozenset(),
}


class Step(Value):
    """One step. Its `id` never changes, so that people who stand on it survive an edit around it."""

    id: Key
    kind: StepKind
    notice: NoticeKind | None = None
    days: Annotated[Int32, Field(ge=1, le=366)] | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if {name for name in ("notice", "days") if getattr(self, name) is not None} != _NEEDS[self.kind]:
            raise ValueError("members do not fit the kind")
        return self


class Journey(Value):
    """One version of a journey; once launched it never changes. `opens` to `closes` by the branch's clock."""

    format: Literal["enamel/journey/1"] = "enamel/journey/1"
    key: Key
    version: Annotated[Int32, Field(ge=1)]
    purpose: Purpose
    trigger: Criterion
    again_after_days: Annotated[Int32, Field(ge=1, le=3_650)]
    exits: list[ExitReason] = Field(max_length=10)
    opens: time = time(9, 0)
    closes: time = time(20, 0)
    steps: list[Step] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _comes_to_an_end(self) -> Self:
        if len({step.id for step in self.steps}) < len(self.steps):
            raise ValueError("two steps of one id")
        if [step.id for step in self.steps if step.kind is StepKind.END] != [self.steps[-1].id]:
            raise ValueError("the last step and no other ends the journey")
        if self.opens >= self.closes:
            raise ValueError("the hours never open")
        return self

    def definition(self) -> dict[str, Any]:
        """The document as JSON values: what is stored, and equal for equal journeys."""
        return self.model_dump(mode="json", exclude_none=True)

    def hours(self, zone: str) -> Hours:
        return Hours(zone, self.opens, self.closes)

    def quiet_since(self, now: datetime) -> datetime:
        """Who entered later than this is left alone: nobody is reached twice for one reason."""
        return now - timedelta(days=self.again_after_days)


def document(definition: dict[str, Any]) -> Journey:
    """The journey of a stored definition, whole and checked again."""
    return Journey.model_validate_json(json.dumps(definition))


@dataclass(frozen=True, slots=True)
class Touch:
    """One line of the log, and with it (verdict `SENT`) one message to give to push."""

    step: Step
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the patient stands now: on `next_step` until `due_at`, or out of the journey (both None)."""

    next_step: str | None
    due_at: datetime | None
    touchpoints: tuple[Touch, ...]
    exit_reason: ExitReason | None = None


@dataclass(frozen=True, slots=True)
class _Move:
    """What one step does: a line for the log, a wait after it (or, `stays`, before it)."""

    verdict: Verdict | None = None
    due_at: datetime | None = None
    stays: bool = False


def decide(journey: Journey, step_id: str, facts: PatientFacts, zone: str, now: datetime) -> Decision:
    """What follows for a patient of a branch in `zone` who stands on `step_id` and whose timer is due.

    Raises ValueError for a step that the journey does not have.
    """
    place = [step.id for step in journey.steps].index(step_id)
    reason = exit_of(journey, facts, zone, now)
    if reason is not None:
        return Decision(None, None, (Touch(journey.steps[place], Verdict.EXITED),), reason)
    touches: list[Touch] = []
    for position, step in enumerate(journey.steps[place:], place):
        move = _MOVES[step.kind](step, journey.hours(zone), now)
        if move.verdict is not None:
            touches.append(Touch(step, move.verdict))
        if move.due_at is not None:
            stands = step if move.stays else journey.steps[position + 1]
            return Decision(stands.id, move.due_at, tuple(touches))
    return Decision(None, None, tuple(touches))


def exit_of(journey: Journey, facts: PatientFacts, zone: str, now: datetime) -> ExitReason | None:
    """The first of the journey's exits that is true."""
    return next(
        (each for each in ExitReason if each in journey.exits and _LEAVES[each](journey, facts, zone, now)), None
    )


def days_later(now: datetime, days: int, zone: str) -> datetime:
    """The same time of day `days` later by the clock of `zone`; where it is skipped, as much later as the gap."""
    return (now.astimezone(ZoneInfo(zone)) + timedelta(days=days)).astimezone(now.tzinfo)


def _push(_: Step, hours: Hours, now: datetime) -> _Move:
    opening = hours.next_open(now)
    return _Move(Verdict.SENT) if opening == now else _Move(Verdict.HELD, opening, stays=True)


def _wait_for(step: Step, hours: Hours, now: datetime) -> _Move:
    assert step.days is not None
    return _Move(due_at=days_later(now, step.days, hours.zone))


# Everything a journey can do, and every way out of it.
_MOVES: dict[StepKind, Callable[[Step, Hours, datetime], _Move]] = {
    StepKind.PUSH: _push,
    StepKind.WAIT_FOR: _wait_for,
    StepKind.END: lambda *_: _Move(Verdict.COMPLETED),
}
_LEAVES: dict[ExitReason, Callable[[Journey, PatientFacts, str, datetime], bool]] = {
    ExitReason.BOOKED: lambda _, facts, __, now: facts.next_visit(now) is not None,
    ExitReason.LEFT_SEGMENT: lambda journey, facts, zone, now: not matches(journey.trigger, facts, now, zone),
}
