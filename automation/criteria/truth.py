"""Whether a meaning is true of one patient, and which fact decided it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from automation.criteria.meaning import (
    Aged,
    Ago,
    All,
    Birthday,
    Bound,
    Counted,
    Either,
    Elapsed,
    Fact,
    Has,
    Last,
    Line,
    Meaning,
    Never,
    On,
    Overdue,
    Registered,
    Some,
    Source,
    Trait,
    Where,
    Without,
)  # fmt: skip
from automation.facts import PatientFacts, Record, local_day
from cabinet.account_balance import Entry, LedgerKind, overdue
from core.dates import birthday, months_before
from core.money import Money


@dataclass(frozen=True, slots=True)
class Question:
    """Of whom, when, and by which calendar (IANA zone of the home branch)."""

    facts: PatientFacts
    as_of: datetime
    zone: str

    @property
    def today(self) -> date:
        return local_day(self.as_of, self.zone)

    def day(self, at: date | datetime) -> date:
        return local_day(at, self.zone) if isinstance(at, datetime) else at


def holds(meaning: Meaning, asked: Question) -> bool:
    match meaning:
        case All(items):
            return all(holds(item, asked) for item in items)
        case Either(items):
            return any(holds(item, asked) for item in items)
        case Never(item):
            return not holds(item, asked)
        case _:
            return _FACTS[type(meaning)](meaning, asked)


def found(some: Some, asked: Question) -> list[Record]:
    """The records that count."""
    known = [each for each in asked.facts.of(some.source) if _fits(each, some.where, some.bounds, asked)]
    return [each for each in known if not any(_followed(each, without, asked) for without in some.without)]


def counted(some: Some, records: Iterable[Record]) -> int:
    return sum(record.amount if some.counted is Counted.AMOUNT else 1 for record in records)


def overdue_by_currency(asked: Question, line: Ago) -> dict[str, int]:
    """Minor units that were due before the line and are not paid, of each currency that has any."""
    books: dict[str, list[Entry]] = {}
    for record in found(Some(Source.LEDGER), asked):
        books.setdefault(record.says["currency"], []).append(_entry(record))
    late = {currency: overdue(entries, day_of(line, asked.today)) for currency, entries in books.items()}
    return {currency: minor for currency, minor in late.items() if minor > 0}


def next_birthday(born: date, today: date) -> date:
    this_year = birthday(born, today.year - born.year)
    return this_year if this_year >= today else birthday(born, today.year - born.year + 1)


def day_of(bound: Ago | On, today: date) -> date:
    return bound.day if isinstance(bound, On) else months_before(today, bound.months) - timedelta(days=bound.days)


def fitting(where: Where, record: Record) -> bool:
    """Whether it says the words."""
    return all(record.says.get(member) in words for member, words in where)


def _fits(record: Record, where: Where, lines: Iterable[Line], asked: Question) -> bool:
    return fitting(where, record) and all(_beyond(record.at, line, asked) for line in lines)


def _beyond(at: date | datetime, line: Line, asked: Question) -> bool:
    bound: Bound = line.bound
    if isinstance(bound, Elapsed):
        assert isinstance(at, datetime)
        moment = asked.as_of - timedelta(days=bound.days)
        return at > moment if line.since else at <= moment
    day = day_of(bound, asked.today)
    return asked.day(at) >= day if line.since else asked.day(at) <= day


def _followed(record: Record, without: Without, asked: Question) -> bool:
    return any(
        _fits(each, without.where, without.bounds, asked) and _follows(record, each, without)
        for each in asked.facts.of(without.source)
    )


def _follows(first: Record, then: Record, without: Without) -> bool:
    # Both are days or both are moments: a leaf that mixed them would not compile to SQL either.
    later = then.at >= first.at if without.at_once else then.at > first.at
    in_time = without.within_days is None or then.at <= first.at + timedelta(days=without.within_days)
    same = without.same is None or (
        without.same in first.says and first.says[without.same] == then.says.get(without.same)
    )
    return later and in_time and same


def _entry(record: Record) -> Entry:
    says = record.says
    return Entry(
        LedgerKind(says["kind"]),
        Money(amount_minor=record.amount, currency=says["currency"]),
        date.fromisoformat(says["due"]) if "due" in says else None,
        UUID(says["plan"]) if "plan" in says else None,
        int(says["stage"]) if "stage" in says else None,
    )


def _last(last: Last, asked: Question) -> bool:
    done = [asked.day(record.at) for record in found(Some(last.source, last.where), asked)]
    return bool(done) and max(done) <= day_of(last.line, asked.today)


def _has(asked_for: Has, asked: Question) -> bool:
    facts = asked.facts
    if asked_for.trait is Trait.LANGUAGE:
        return facts.language == asked_for.word
    if asked_for.trait is Trait.BRANCH:
        return str(facts.branch_id) == asked_for.word
    return asked_for.word in facts.contacts


def _registered(wanted: Registered, asked: Question) -> bool:
    made = asked.facts.registered_at
    return made is not None and asked.day(made) >= day_of(wanted.since, asked.today)


def _birthday(wanted: Birthday, asked: Question) -> bool:
    return (next_birthday(asked.facts.birth_date, asked.today) - asked.today).days <= wanted.within_days


_FACTS: dict[type[Fact], Callable[..., bool]] = {
    Some: lambda some, asked: counted(some, found(some, asked)) >= some.at_least,
    Last: _last,
    Overdue: lambda late, asked: bool(overdue_by_currency(asked, late.line)),
    Has: _has,
    Aged: lambda aged, asked: asked.facts.age(asked.today) >= aged.years,
    Birthday: _birthday,
    Registered: _registered,
}
