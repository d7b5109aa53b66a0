"""A step of a journey: what it does, where it goes on, and which members each kind needs."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from automation.criteria.said import EventKind
from automation.journey.words import LINES, MOST_WAYS, About, ClockTime, Key, Place, StepKind, TextIn, Weekday
from automation.segment import Criterion
from automation.task import TaskKind, TaskOutcome
from core.values import Int32, ShortText, Value
from push.notice import NoticeKind

_K = StepKind
_ALL = 100

Days = Annotated[Int32, Field(ge=1, le=3_650)]
Hours = Annotated[Int32, Field(ge=1, le=720)]


class Case(Value):
    """A way of a branch: whoever matches goes `to` that step."""

    when: Criterion
    to: Key


class Share(Value):
    """A way of a split: so many of a hundred go `to` that step."""

    percent: Annotated[Int32, Field(ge=1, le=100)]
    to: Key


# What each kind must say, and what it may say beside. Each set of the first is one way to say it.
_NEEDS: dict[StepKind, tuple[tuple[frozenset[str], ...], frozenset[str]]] = {
    _K.MESSAGE: ((frozenset({"notice"}),), frozenset({"wording", "place", "lasts_hours"})),
    _K.CHAT: ((frozenset({"texts"}),), frozenset()),
    _K.WAIT: (
        (frozenset({"days"}), frozenset({"hours"}), frozenset({"at"}), frozenset({"days", "at"})),
        frozenset({"weekdays"}),
    ),
    _K.WAIT_VISIT: (
        (
            frozenset({"hours_before"}), frozenset({"hours_after"}),
            frozenset({"days_before", "at"}), frozenset({"days_after", "at"}),
        ),
        frozenset({"late"}),
    ),
    _K.WAIT_EVENT: (
        (frozenset({"events", "then", "days"}), frozenset({"events", "then", "hours"})),
        frozenset({"about", "outcomes", "at"}),
    ),
    _K.BRANCH: ((frozenset({"cases"}),), frozenset()),
    _K.SPLIT: ((frozenset({"shares"}),), frozenset()),
    _K.TAG: ((frozenset({"segment", "joined"}),), frozenset()),
    _K.TASK: (
        (frozenset({"task", "title"}),),
        frozenset({"description", "script", "preset", "team_id", "within_hours"}),
    ),
    _K.COUPON: ((frozenset({"promotion_id"}),), frozenset()),
    _K.POINTS: ((frozenset({"points"}),), frozenset()),
    _K.SURVEY: ((frozenset({"survey_id"}),), frozenset()),
    _K.WEBHOOK: ((frozenset({"endpoint_id"}),), frozenset()),
    _K.JOURNEY: ((frozenset({"journey"}),), frozenset()),
    _K.EXIT: ((frozenset(),), frozenset({"outcome"})),
}  # fmt: skip


class Step(Value):
    """One step. It goes on to `next`, a later one, or, without it, to the one below."""

    id: Key
    kind: StepKind
    next: Key | None = None
    notice: NoticeKind | None = None
    wording: Key | None = None
    """Own words instead of those of the kind (docs/wording.md)."""
    place: Place | None = None
    lasts_hours: Hours | None = None
    """A message that has not gone out by then is not sent."""
    texts: list[TextIn] | None = Field(default=None, min_length=1, max_length=4)
    days: Days | None = None
    hours: Hours | None = None
    at: ClockTime | None = None
    weekdays: list[Weekday] | None = Field(default=None, min_length=1, max_length=7)
    days_before: Annotated[Int32, Field(ge=0, le=90)] | None = None
    days_after: Annotated[Int32, Field(ge=0, le=3_650)] | None = None
    hours_before: Hours | None = None
    hours_after: Hours | None = None
    late: Key | None = None
    """Where to, when the moment had passed already."""
    events: list[EventKind] | None = Field(default=None, min_length=1, max_length=5)
    about: About | None = None
    outcomes: list[TaskOutcome] | None = Field(default=None, min_length=1, max_length=11)
    """Of `task.done`: only these."""
    then: Key | None = None
    """Where to, when it happened; when it did not: on."""
    cases: list[Case] | None = Field(default=None, min_length=1, max_length=MOST_WAYS)
    shares: list[Share] | None = Field(default=None, min_length=2, max_length=MOST_WAYS)
    segment: Key | None = None
    joined: bool | None = None
    task: TaskKind | None = None
    title: ShortText | None = None
    description: Annotated[str, Field(max_length=2_000, pattern=LINES)] | None = None
    script: Annotated[str, Field(max_length=2_000, pattern=LINES)] | None = None
    preset: Key | None = None
    team_id: UUID | None = None
    within_hours: Hours | None = None
    promotion_id: UUID | None = None
    points: Annotated[Int32, Field(ge=1, le=1_000_000)] | None = None
    survey_id: UUID | None = None
    endpoint_id: UUID | None = None
    journey: Key | None = None
    outcome: Key | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        said = {name for name in type(self).model_fields if getattr(self, name) is not None} - {"id", "kind", "next"}
        needs, may = _NEEDS[self.kind]
        if not any(need <= said <= need | may for need in needs):
            raise ValueError("members do not fit the kind")
        if self.shares is not None and sum(each.percent for each in self.shares) != _ALL:
            raise ValueError("shares are a hundred together")
        if self.kind is StepKind.EXIT and self.next is not None:
            raise ValueError("nothing follows an exit")
        return self

    def leads_to(self) -> list[Key]:
        """The steps it names, beside the one below it."""
        ways = [each.to for each in self.cases or []] + [each.to for each in self.shares or []]
        return [*ways, *(each for each in (self.then, self.late, self.next) if each is not None)]

    def criteria(self) -> list[Criterion]:
        return [each.when for each in self.cases or []]
