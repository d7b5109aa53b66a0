"""A segment: who belongs to a group of patients, said as a tree of typed criteria.

The same tree is a pure function here (`matches`) and one SQL statement in `automation.queries`; a property
test holds the two together. "More than 180 days ago" is meant of the last time, in calendar days of the
branch's zone, so its truth turns at local midnight; who never had it done is asked for by its own kind.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from automation.criteria.meaning import All, Either, Meaning, Never, Source, sources_of
from automation.criteria.registry import LEAVES
from automation.criteria.said import CriterionKind, Said
from automation.criteria.truth import Question, holds
from automation.facts import PatientFacts

DEEPEST = 6
MOST_LEAVES = 40
SMALLEST_TOLD = 5
"""A group of fewer is told of as such to who may not read clinical facts: its size would tell of persons."""

_K = CriterionKind
GROUPS = frozenset({_K.ALL, _K.ANY, _K.NOT})

_EXAMPLE: dict[str, JsonValue] = {
    "kind": "all",
    "items": [
        {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
        {"kind": "not", "items": [{"kind": "appointment_ahead"}]},
    ],
}


class Criterion(Said):
    """One node: a group with `items` (`not` has exactly one), or a leaf with its own members."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    kind: CriterionKind
    items: list["Criterion"] = Field(default_factory=list, max_length=MOST_LEAVES)

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        said = {name for name in type(self).model_fields if name != "kind" and getattr(self, name) not in (None, [])}
        if said not in ([{"items"}] if self.kind in GROUPS else LEAVES[self.kind].shapes):
            raise ValueError("members do not fit the kind")
        if self.kind is CriterionKind.NOT and len(self.items) != 1:
            raise ValueError("not takes one item")
        if not all(_in_order(*ends) for ends in self._windows()):
            raise ValueError("ends before it begins")
        if _depth(self) > DEEPEST:
            raise ValueError("criteria too deep")
        if sum(1 for _ in leaves(self)) > MOST_LEAVES:
            raise ValueError("too many criteria")
        return self

    def _windows(self) -> tuple[tuple[date | int | None, date | int | None], ...]:
        return (self.from_day, self.to_day), (self.years, self.to_years), (self.from_score, self.to_score)


def matches(criterion: Criterion, facts: PatientFacts, as_of: datetime, zone: str) -> bool:
    """Whether the patient belongs, at the moment `as_of`, by the calendar of `zone` (IANA)."""
    return holds(meaning_of(criterion), Question(facts, as_of, zone))


def meaning_of(criterion: Criterion) -> Meaning:
    """The tree in the words that SQL and Python both understand."""
    match criterion.kind:
        case CriterionKind.ALL:
            return All(tuple(meaning_of(item) for item in criterion.items))
        case CriterionKind.ANY:
            return Either(tuple(meaning_of(item) for item in criterion.items))
        case CriterionKind.NOT:
            return Never(meaning_of(criterion.items[0]))
        case _:
            return LEAVES[criterion.kind].means(criterion)


def sources_needed(criteria: Iterable[Criterion]) -> frozenset[Source]:
    """The records that must be known of a patient to judge these trees."""
    return frozenset(source for criterion in criteria for source in sources_of(meaning_of(criterion)))


def told_size(count: int) -> int | None:
    """How many there are, for somebody who may not read clinical facts: in whole fives, so that criteria which leave
    out one person by name give the same number nearly always."""
    return count - count % SMALLEST_TOLD if count >= SMALLEST_TOLD else None


def leaves(criterion: Criterion) -> Iterator[Criterion]:
    if criterion.kind not in GROUPS:
        yield criterion
    for item in criterion.items:
        yield from leaves(item)


def _depth(criterion: Criterion) -> int:
    return 1 + max((_depth(item) for item in criterion.items), default=0)


def _in_order(first: date | int | None, last: date | int | None) -> bool:
    return first is None or last is None or first <= last  # type: ignore[operator]  # both are days or both ages
