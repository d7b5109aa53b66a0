"""A journey: a versioned document of whom to reach, how, when to stop, and how to know whether it helped."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from automation.criteria.said import EventKind
from automation.journey.step import Step
from automation.journey.words import (
    MOST_EXITS,
    MOST_STEPS,
    ClockTime,
    DateFact,
    Every,
    ExitKind,
    Key,
    StepKind,
    TriggerKind,
    Weekday,
    clock_time,
)
from automation.segment import Criterion
from clinic.hours import Hours
from core.values import Int32, ShortText, Value
from push.notice import Purpose

FORMAT = "enamel/journey/2"

_T = TriggerKind
_DAYS = range(7)

_TRIGGERS: dict[TriggerKind, tuple[frozenset[str], ...]] = {
    _T.SEGMENT: (frozenset({"criteria"}), frozenset({"segment"})),
    _T.EVENT: (frozenset({"event"}), frozenset({"event", "criteria"})),
    _T.DATE: tuple(
        frozenset({"fact", "days", "at"}) | of_year | among
        for of_year in (frozenset[str](), frozenset({"month", "day"}))
        for among in (frozenset[str](), frozenset({"criteria"}))
    ),
    _T.PERIOD: tuple(
        frozenset({"every", "at", "criteria"}) | when
        for when in (frozenset({"weekday"}), frozenset({"day"}), frozenset({"month", "day"}))
    ),
    _T.MANUAL: (frozenset(), frozenset({"criteria"})),
}


class Trigger(Value):
    """What lets somebody in. With `criteria` beside it: only who matches at that moment."""

    kind: TriggerKind
    criteria: Criterion | None = None
    segment: Key | None = None
    """One of the library."""
    event: EventKind | None = None
    """What it is about (a visit, a plan, a document) is what the enrolment is about: there is one for each."""
    fact: DateFact | None = None
    days: Annotated[Int32, Field(ge=-365, le=3_650)] | None = None
    """After the date; below zero before it."""
    at: ClockTime | None = None
    every: Every | None = None
    weekday: Weekday | None = None
    month: Annotated[Int32, Field(ge=1, le=12)] | None = None
    day: Annotated[Int32, Field(ge=1, le=31)] | None = None
    """Of the month; the last one where it is shorter."""

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        said = {name for name in type(self).model_fields if name != "kind" and getattr(self, name) is not None}
        if said not in _TRIGGERS[self.kind]:
            raise ValueError("members do not fit the kind")
        if self.kind is TriggerKind.DATE and ("month" in said) != (self.fact is DateFact.DAY_OF_YEAR):
            raise ValueError("members do not fit the kind")
        if self.every is not None and said & {"weekday", "month", "day"} != _OF_EVERY[self.every]:
            raise ValueError("members do not fit the kind")
        return self


_OF_EVERY = {
    Every.WEEK: {"weekday"},
    Every.MONTH: {"day"},
    Every.YEAR: {"month", "day"},
}


class Exit(Value):
    """A way out before the end; it wins over every message that waits."""

    kind: ExitKind
    event: EventKind | None = None
    criteria: Criterion | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        said = {name for name in ("event", "criteria") if getattr(self, name) is not None}
        wants = {ExitKind.HAPPENED: {"event"}, ExitKind.MATCHES: {"criteria"}}
        if said != wants.get(self.kind, set()):
            raise ValueError("members do not fit the kind")
        return self


class Goal(Value):
    """What it is for: `event` within so many days of the entry."""

    event: EventKind
    within_days: Annotated[Int32, Field(ge=1, le=365)]


class Journey(Value):
    """One version of a journey; once published it never changes. `opens` to `closes` by the branch's clock."""

    format: Literal["enamel/journey/2"] = "enamel/journey/2"
    key: Key
    version: Annotated[Int32, Field(ge=1)] = 1
    name: ShortText
    purpose: Purpose
    trigger: Trigger
    again_after_days: Annotated[Int32, Field(ge=1, le=3_650)] | None = None
    """Counted from the last entry; without it nobody comes in twice (for the same visit, plan or coupon)."""
    per_day: Annotated[Int32, Field(ge=1, le=1_000_000)] | None = None
    """Newcomers of a day at most; the others come on the next ones."""
    group: Key | None = None
    """Of the journeys of a group a patient is on one at a time."""
    rank: Annotated[Int32, Field(ge=0, le=1_000)] = 500
    """The lower one is asked first."""
    takes_over: bool = False
    """Takes patients out of journeys of its group that have a higher number."""
    exits: list[Exit] = Field(default_factory=list, max_length=MOST_EXITS)
    goal: Goal | None = None
    holdout_percent: Annotated[Int32, Field(ge=0, le=50)] = 0
    opens: ClockTime = "09:00"
    closes: ClockTime = "20:00"
    weekdays: list[Weekday] = Field(default=list(_DAYS), min_length=1, max_length=7)
    steps: list[Step] = Field(min_length=1, max_length=MOST_STEPS)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if len({step.id for step in self.steps}) < len(self.steps):
            raise ValueError("two steps of one id")
        if clock_time(self.opens) >= clock_time(self.closes):
            raise ValueError("the hours never open")
        if self.takes_over and self.group is None:
            raise ValueError("only in a group can anything be taken over")
        if self.holdout_percent and self.goal is None:
            raise ValueError("without a goal there is nothing to compare")
        return self

    def definition(self) -> dict[str, Any]:
        """The document as JSON values: what is stored, and equal for equal journeys."""
        return self.model_dump(mode="json", exclude_none=True)

    def hours(self, zone: str) -> Hours:
        return Hours(zone, clock_time(self.opens), clock_time(self.closes), frozenset(self.weekdays))

    def step(self, step_id: str) -> Step:
        """Raises KeyError for a step that the journey does not have."""
        return self._by_id()[step_id]

    def after(self, step: Step) -> Key | None:
        """Where `step` goes on when nothing turns it elsewhere; None: to the end."""
        if step.next is not None:
            return step.next
        place = self.steps.index(step) + 1
        return self.steps[place].id if place < len(self.steps) and step.kind is not StepKind.EXIT else None

    def criteria(self) -> Iterator[Criterion]:
        """Every tree in it."""
        yield from (each for each in (self.trigger.criteria, *(exit.criteria for exit in self.exits)) if each)
        for step in self.steps:
            yield from step.criteria()

    def _by_id(self) -> dict[str, Step]:
        return {step.id: step for step in self.steps}


def document(definition: dict[str, Any]) -> Journey:
    """The journey of a stored definition, whole and checked again."""
    return Journey.model_validate_json(json.dumps(definition))
