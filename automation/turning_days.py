"""On which days a meaning may turn true or untrue for one patient: on the others it need not be asked again."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from automation.criteria.meaning import Ago, Bound, Elapsed, Last, Line, Meaning, Some, Source, facts_of
from automation.facts import PatientFacts

_ZONES = 2
"""Days by which the days of two zones, and a day and its moments, may lie apart."""
_SHORTEST, _LONGEST = 28, 31


def turning_days(meaning: Meaning, facts: PatientFacts, since: date, days: int) -> set[int] | None:
    """Days from `since` on, as numbers: a line of the meaning may move over a record then. None: on any day.

    More than there are, never fewer, as long as the facts stay the same; what the records say is not looked at.
    """
    turning: set[int] = set()
    for fact in facts_of(meaning):
        if not isinstance(fact, Some | Last):
            return None
        for source, line in _lines(fact):
            reach = _reach(line.bound)
            for record in facts.of(source) if reach else ():
                at = (_day(record.at) - since).days
                first, last = at + reach.start, at + reach.stop
                turning.update(range(max(0, first), min(days, last)))
    return turning


def _lines(fact: Some | Last) -> Iterator[tuple[Source, Line]]:
    without = fact.without if isinstance(fact, Some) else ()
    sides: Iterable[tuple[Source, tuple[Line, ...]]] = (
        (fact.source, fact.bounds), *((each.source, each.bounds) for each in without),
    )  # fmt: skip
    yield from ((source, line) for source, lines in sides for line in lines)


def _reach(bound: Bound) -> range:
    """How many days after a record the line may reach it; nothing for a day that stays where it is."""
    if isinstance(bound, Elapsed):
        return range(bound.days - _ZONES, bound.days + _ZONES + 1)
    if isinstance(bound, Ago):
        spans = sorted((_SHORTEST * bound.months, _LONGEST * bound.months))
        return range(bound.days + spans[0] - _ZONES, bound.days + spans[1] + _ZONES + 1)
    return range(0)


def _day(at: date | datetime) -> date:
    return at.date() if isinstance(at, datetime) else at


def days_after(moments: Iterable[datetime], since: date, days: int) -> Iterator[int]:
    """The days of these moments and those beside them."""
    for moment in moments:
        at = (moment.date() - since).days
        yield from (each for each in range(at - _ZONES, at + _ZONES + 1) if 0 <= each < days)
