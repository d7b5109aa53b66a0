"""Why somebody is in a segment or not: leaf by leaf, whether it holds and by which fact."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from automation.criteria.leaf import Leaf
from automation.criteria.meaning import (
    Aged,
    Birthday,
    Fact,
    Has,
    Last,
    Overdue,
    Registered,
    Some,
    Source,
    Trait,
    facts_of,
)  # fmt: skip
from automation.criteria.registry import LEAVES
from automation.criteria.said import CriterionKind
from automation.criteria.truth import Question, counted, fitting, found, holds, next_birthday, overdue_by_currency
from automation.facts import PatientFacts, Record
from automation.segment import Criterion, leaves
from cabinet.facts import ServiceKind
from core.moments import Moment
from core.values import Int64, Value


class Evidence(Value):
    """Why a leaf is true or not of one patient: the record, the day or the number that decided it."""

    kind: CriterionKind
    procedure: ServiceKind | None = None
    holds: bool
    last_on: date | None = None
    next_visit_at: Moment | None = None
    clinical: bool = Field(default=False, description="Told only to who may read clinical facts.")
    decided_on: date | None = Field(default=None, description="The day of the record that decided it.")
    decided_at: Moment | None = Field(default=None, description="Its moment, where it has one.")
    decided_by: UUID | None = Field(default=None, description="Its id, where it has one.")
    number: Int64 | None = Field(default=None, description="How many there are, how much, or how old.")


def evidence(criterion: Criterion, facts: PatientFacts, as_of: datetime, zone: str) -> list[Evidence]:
    """Leaf by leaf, in the order of the tree."""
    asked = Question(facts, as_of, zone)
    return [_of_leaf(leaf, asked) for leaf in leaves(criterion)]


def readable(told: Iterable[Evidence], *, clinical: bool) -> list[Evidence]:
    """What may be told to somebody: of leaves that tell of health, treatment or money nothing, not even whether they
    hold, unless they may read `clinical` facts."""
    return [each for each in told if clinical or not each.clinical]


def _of_leaf(criterion: Criterion, asked: Question) -> Evidence:
    leaf = LEAVES[criterion.kind]
    meaning = leaf.means(criterion)
    decided: dict[str, Any] = {}
    for fact in facts_of(meaning):
        decided = _DECIDED[type(fact)](fact, asked)
        if decided:
            break
    return Evidence(
        kind=criterion.kind,
        procedure=criterion.procedure,
        holds=holds(meaning, asked),
        clinical=leaf.clinical,
        last_on=_last_done(criterion.procedure, asked),
        next_visit_at=asked.facts.next_visit(asked.as_of) if leaf is _AHEAD else None,
        **decided,
    )


_AHEAD: Leaf = LEAVES[CriterionKind.APPOINTMENT_AHEAD]


def _last_done(procedure: ServiceKind | None, asked: Question) -> date | None:
    if procedure is None:
        return None
    done = found(Some(Source.PROCEDURE, (("kind", frozenset({procedure.value})),)), asked)
    return max((asked.day(each.at) for each in done), default=None)


def _some(some: Some, asked: Question) -> dict[str, Any]:
    """The latest record that counts; where none does, the latest that says the right words."""
    counts = found(some, asked)
    known = counts or [each for each in asked.facts.of(some.source) if fitting(some.where, each)]
    if not known:
        return {}
    last: Record = max(known, key=lambda each: (asked.day(each.at), str(each.at)))
    return {
        "decided_on": asked.day(last.at),
        "decided_at": last.at if isinstance(last.at, datetime) else None,
        "decided_by": last.id,
        "number": counted(some, counts),
    }


def _overdue(late: Overdue, asked: Question) -> dict[str, Any]:
    """The largest amount overdue in one currency."""
    owed = overdue_by_currency(asked, late.line)
    return {"number": max(owed.values())} if owed else {}


def _registered(_: Registered, asked: Question) -> dict[str, Any]:
    made = asked.facts.registered_at
    return {"decided_on": asked.day(made), "decided_at": made} if made else {}


def _has(fact: Has, asked: Question) -> dict[str, Any]:
    return {"decided_by": asked.facts.branch_id} if fact.trait is Trait.BRANCH else {}


_DECIDED: dict[type[Fact], Callable[..., dict[str, Any]]] = {
    Some: _some,
    Last: lambda last, asked: _some(Some(last.source, last.where), asked),
    Overdue: _overdue,
    Has: _has,
    Aged: lambda _, asked: {"number": asked.facts.age(asked.today)},
    Birthday: lambda _, asked: {"decided_on": next_birthday(asked.facts.birth_date, asked.today)},
    Registered: _registered,
}
