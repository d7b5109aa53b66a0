"""Every branch with its calendar at a moment: the day it is there, and the bounds that a question counts by.

Bounds are worked out once for each branch, so that records are compared with them and nothing is reckoned row by row.

PostgreSQL turns a moment into each branch's day. The way back (when does a day begin?) is ambiguous where clocks
change at midnight, and PostgreSQL then takes the later of two midnights: so it is looked at once more an hour before.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Interval,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
)  # fmt: skip
from sqlmodel import col

from automation.criteria.meaning import (
    BY_DAY,
    Aged,
    Ago,
    Birthday,
    Elapsed,
    Fact,
    Last,
    Line,
    Meaning,
    On,
    Overdue,
    Registered,
    Some,
    Source,
    facts_of,
)  # fmt: skip
from clinic.tables import Branch, Patient

AS_OF = bindparam("as_of", type_=DateTime(timezone=True))
"""The moment a segment is asked about."""
SINCE = bindparam("since", type_=DateTime(timezone=True))
"""The moment it was asked about before."""

DAY, BEGINS, ENDS, MADE, BORN, BIRTHDAY = "day", "begins", "ends", "made", "born", "birthday"

Bounded = tuple[str, Ago | On | int]
"""What is to be known of a bound: the day itself, when it begins or ends, the first id made on it; the last birth of
so old a person; or the ends of so many days of birthdays."""


@dataclass(frozen=True, slots=True)
class Days:
    """The calendar of all branches at one moment: `table` has clinic_id, branch_id, zone, today and the bounds."""

    moment: Any
    table: CTE
    names: dict[Bounded, str]

    def bound(self, what: str, bound: Ago | On | int) -> ColumnElement[Any]:
        return self.table.c[self.names[what, bound]]

    def home(self, patient: Any = Patient) -> Any:
        """SQL join condition of a patient with the calendar of the home branch."""
        return (self.table.c.clinic_id == patient.clinic_id) & (self.table.c.branch_id == patient.branch_id)

    def beyond(self, at: Any, source: Source, line: Line) -> Any:
        """Whether a record's time lies on the right side of a line."""
        if isinstance(line.bound, Elapsed):
            moment = before(self.moment, line.bound)
            return at > moment if line.since else at <= moment
        if source in BY_DAY:
            day = self.bound(DAY, line.bound)
            return at >= day if line.since else at <= day
        return at >= self.bound(BEGINS, line.bound) if line.since else at < self.bound(ENDS, line.bound)


def before(moment: Any, bound: Elapsed) -> Any:
    return moment - literal(timedelta(days=bound.days), Interval) if bound.days else moment


def days_at(moment: Any, meanings: Iterable[Meaning] = (), name: str = "local_day") -> Days:
    """The calendar with every bound that these meanings count by."""
    wanted = dict.fromkeys(each for meaning in meanings for fact in facts_of(meaning) for each in _wanted(fact))
    names = {each: f"{each[0]}_{place}" for place, each in enumerate(wanted)}
    here = select(
        col(Branch.clinic_id), col(Branch.id).label("branch_id"), col(Branch.zone),
        cast(func.timezone(col(Branch.zone), moment), Date).label("today"),
    ).cte(f"{name}_here")  # fmt: skip
    columns = [expression.label(f"{names[each]}") for each in wanted for expression in [_bound(here, each)]]
    return Days(moment, select(here, *columns).cte(name).prefix_with("MATERIALIZED"), names)


def _wanted(fact: Fact) -> Iterable[Bounded]:
    match fact:
        case Some(source=source, without=without):
            yield from _of_lines(source, fact.bounds)
            for each in without:
                yield from _of_lines(each.source, each.bounds)
        case Last(source=source):
            yield from _of_lines(source, fact.bounds)
        case Overdue(line):
            yield DAY, line
            yield from _of_lines(Source.LEDGER, Some(Source.LEDGER).bounds)
        case Aged(years):
            yield BORN, years
        case Birthday(within_days):
            yield BIRTHDAY, within_days
        case Registered(since):
            yield MADE, since


def _of_lines(source: Source, lines: Iterable[Line]) -> Iterable[Bounded]:
    for line in lines:
        if not isinstance(line.bound, Elapsed):
            yield (DAY if source in BY_DAY else BEGINS if line.since else ENDS), line.bound


def _bound(here: Any, wanted: Bounded) -> Any:
    what, bound = wanted
    return _BOUNDS[what](here, bound)


def _day(here: Any, bound: Ago | On) -> Any:
    if isinstance(bound, On):
        return literal(bound.day, Date)
    if not bound.months:
        return here.c.today - bound.days
    return cast(here.c.today - func.make_interval(0, bound.months), Date) - bound.days


def _midnight(here: Any, day: Any) -> Any:
    """The first moment of a day."""
    hour = literal(timedelta(hours=1), Interval)
    moment = func.timezone(here.c.zone, cast(day, DateTime(timezone=False)))
    earlier = cast(func.timezone(here.c.zone, moment - hour), Date) == day
    return case((earlier, moment - hour), else_=moment)


def _made(here: Any, bound: Ago | On) -> Any:
    """The smallest id that was made on a day or later: the first 48 bits of ours are the milliseconds (RFC 9562)."""
    since_1970 = func.extract("epoch", _midnight(here, _day(here, bound))) * 1000
    milliseconds = func.lpad(func.to_hex(cast(func.greatest(since_1970, 0), BigInteger)), 12, "0")
    return cast(cast(milliseconds, Text).concat("0" * 20), Uuid)


def _born(here: Any, years: int) -> Any:
    """The last birth of somebody who is so old today. Two ways round the 29 February; the later one holds."""
    age = func.make_interval(years)
    return func.greatest(cast(here.c.today - age, Date), cast(here.c.today + 1 - age, Date) - 1)


def _birthdays(here: Any, within: int) -> Any:
    """The last day of birthdays as month and day, 1231 at most; the first is today's."""
    last = here.c.today + within
    leapless = cast(func.extract("day", last + 1), Integer) == 1
    eve = month_and_day(last)
    return case((leapless & (eve == 228), 229), else_=eve)  # noqa: PLR2004  28 February of a year without a 29th


def month_and_day(day: Any) -> Any:
    return cast(func.extract("month", day) * 100 + func.extract("day", day), Integer)


_BOUNDS: dict[str, Callable[[Any, Any], Any]] = {
    DAY: _day,
    BEGINS: lambda here, bound: _midnight(here, _day(here, bound)),
    ENDS: lambda here, bound: _midnight(here, _day(here, bound) + 1),
    MADE: _made,
    BORN: _born,
    BIRTHDAY: _birthdays,
}
