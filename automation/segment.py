"""A segment: who belongs to a group of patients, said as a tree of typed criteria.

The same tree is a pure function here (`matches`) and one SQL statement in `automation.queries`; a property
test holds the two together. "More than 180 days ago" is meant of the last time, in calendar days of the
branch's zone, so its truth turns at local midnight; who never had it done is asked for by its own kind.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from automation.facts import PatientFacts, local_day
from cabinet.facts import ServiceKind
from clinic.facts import Language
from core.moments import Moment
from core.values import Int32, Value

DEEPEST = 6
MOST_LEAVES = 40


class CriterionKind(StrEnum):
    ALL = "all"
    ANY = "any"
    NOT = "not"
    PROCEDURE_LAST = "procedure_last"
    """The last `procedure` was done more than `older_than_days` days ago."""
    PROCEDURE_NEVER = "procedure_never"
    APPOINTMENT_AHEAD = "appointment_ahead"
    """A standing visit (requested, booked, confirmed) lies in the future."""
    AGE_AT_LEAST = "age_at_least"
    LANGUAGE_IS = "language_is"


_K = CriterionKind
GROUPS = frozenset({_K.ALL, _K.ANY, _K.NOT})

# What each kind needs beside `kind`; everything else must be absent, so that a tree has one spelling.
_NEEDS: dict[CriterionKind, frozenset[str]] = {
    _K.ALL: frozenset({"items"}),
    _K.ANY: frozenset({"items"}),
    _K.NOT: frozenset({"items"}),
    _K.PROCEDURE_LAST: frozenset({"procedure", "older_than_days"}),
    _K.PROCEDURE_NEVER: frozenset({"procedure"}),
    _K.APPOINTMENT_AHEAD: frozenset(),
    _K.AGE_AT_LEAST: frozenset({"years"}),
    _K.LANGUAGE_IS: frozenset({"language"}),
}


_EXAMPLE: dict[str, JsonValue] = {
    "kind": "all",
    "items": [
        {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
        {"kind": "not", "items": [{"kind": "appointment_ahead"}]},
    ],
}


class Criterion(Value):
    """One node: a group with `items` (`not` has exactly one), or a leaf with its own members."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    kind: CriterionKind
    items: list["Criterion"] = Field(default_factory=list, max_length=MOST_LEAVES)
    procedure: ServiceKind | None = None
    older_than_days: Annotated[Int32, Field(ge=0, le=36_500)] | None = None
    years: Annotated[Int32, Field(ge=0, le=150)] | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        said = {name for name in type(self).model_fields if name != "kind" and getattr(self, name) not in (None, [])}
        if said != _NEEDS[self.kind]:
            raise ValueError("members do not fit the kind")
        if self.kind is CriterionKind.NOT and len(self.items) != 1:
            raise ValueError("not takes one item")
        if _depth(self) > DEEPEST:
            raise ValueError("criteria too deep")
        if sum(1 for _ in leaves(self)) > MOST_LEAVES:
            raise ValueError("too many criteria")
        return self


class Evidence(Value):
    """Why a leaf is true or not of one patient: the last day, or the next visit, that decided it."""

    kind: CriterionKind
    procedure: ServiceKind | None = None
    holds: bool
    last_on: date | None = None
    next_visit_at: Moment | None = None


def matches(criterion: Criterion, facts: PatientFacts, as_of: datetime, zone: str) -> bool:
    """Whether the patient belongs, at the moment `as_of`, by the calendar of `zone` (IANA)."""
    return _holds(criterion, facts, as_of, local_day(as_of, zone))


def evidence(criterion: Criterion, facts: PatientFacts, as_of: datetime, zone: str) -> list[Evidence]:
    """Leaf by leaf, in the order of the tree, whether it holds and by which fact."""
    today = local_day(as_of, zone)
    return [
        Evidence(
            kind=leaf.kind,
            procedure=leaf.procedure,
            holds=_holds(leaf, facts, as_of, today),
            last_on=facts.last(leaf.procedure, today) if leaf.procedure else None,
            next_visit_at=facts.next_visit(as_of) if leaf.kind is CriterionKind.APPOINTMENT_AHEAD else None,
        )
        for leaf in leaves(criterion)
    ]


def leaves(criterion: Criterion) -> Iterator[Criterion]:
    if criterion.kind not in GROUPS:
        yield criterion
    for item in criterion.items:
        yield from leaves(item)


def _depth(criterion: Criterion) -> int:
    return 1 + max((_depth(item) for item in criterion.items), default=0)


def _holds(criterion: Criterion, facts: PatientFacts, as_of: datetime, today: date) -> bool:
    return _TRUTH[criterion.kind](criterion, facts, as_of, today)


def _last_is_older(leaf: Criterion, facts: PatientFacts, _: datetime, today: date) -> bool:
    assert leaf.procedure is not None
    assert leaf.older_than_days is not None
    last = facts.last(leaf.procedure, today)
    return last is not None and (today - last).days > leaf.older_than_days


def _never(leaf: Criterion, facts: PatientFacts, _: datetime, today: date) -> bool:
    assert leaf.procedure is not None
    return facts.last(leaf.procedure, today) is None


def _old_enough(leaf: Criterion, facts: PatientFacts, _: datetime, today: date) -> bool:
    assert leaf.years is not None
    return facts.age(today) >= leaf.years


_TRUTH: dict[CriterionKind, Callable[[Criterion, PatientFacts, datetime, date], bool]] = {
    _K.ALL: lambda group, *known: all(_holds(item, *known) for item in group.items),
    _K.ANY: lambda group, *known: any(_holds(item, *known) for item in group.items),
    _K.NOT: lambda group, *known: not _holds(group.items[0], *known),
    _K.PROCEDURE_LAST: _last_is_older,
    _K.PROCEDURE_NEVER: _never,
    _K.APPOINTMENT_AHEAD: lambda _, facts, as_of, __: facts.next_visit(as_of) is not None,
    _K.AGE_AT_LEAST: _old_enough,
    _K.LANGUAGE_IS: lambda leaf, facts, *_: facts.language == leaf.language,
}
