"""What a leaf means, in few words that SQL and Python both understand: some record in a window, and its kin.

A leaf is written once, in these words. `automation.criteria.truth` answers it of one patient's facts and
`automation.queries.criteria` of a whole clinic in SQL, so the two can differ in the words only, never in a leaf.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Source(StrEnum):
    """A kind of dated records of a patient. What each says beside its time stands behind it."""

    PROCEDURE = "procedure"
    """By day: `kind`, `tooth`."""
    VISIT = "visit"
    """By the moment it starts: `status`, `service`. May lie ahead."""
    PLAN = "plan"
    """By the moment it was offered, else last told: `status` of today, `done` (none, some, all) of its items."""
    DOCUMENT = "document"
    """What asks for more than to be read, by the moment it was sent: `state` of today."""
    FINDING = "finding"
    """By day, the last version of each: `tooth`, `code`, `status`."""
    LEDGER = "ledger"
    """By the day it was posted, voided ones left out: `currency`, `kind`, `plan`, `stage`, `due`; counts its effect."""
    COUPON = "coupon"
    """Picked up and not used, by the moment it ends."""
    CARD = "card"
    """Prepaid with sessions left, by its last day."""
    POINTS = "points"
    """Lots with points left, by the moment they end; counts the points."""
    TIER = "tier"
    """The tier of today, by the moment of the question: `name`."""
    REFERRAL = "referral"
    """Who this patient brought, by the moment it was said: `state`."""
    NOTICE = "notice"
    """Messages opened, by that moment: `kind`, `purpose`."""
    EVENT = "event"
    """By moment: `kind`, `actor`."""
    CONSENT = "consent"
    """Each word said, by moment: `purpose`, `channel`, `said` (yes, no)."""
    SURVEY = "survey"
    """Scores given, by the moment they were: `score` (0 to 10)."""
    TAG = "tag"
    """Tags the patient has today, by the moment they were given: `segment`."""


BY_DAY = frozenset({Source.PROCEDURE, Source.FINDING, Source.LEDGER, Source.CARD})
"""Dated by a calendar day; all others by a moment."""
HAPPENED = frozenset({
    Source.PROCEDURE, Source.FINDING, Source.LEDGER, Source.REFERRAL, Source.NOTICE, Source.EVENT, Source.CONSENT,
    Source.SURVEY,
})  # fmt: skip
"""What is dated later than the question has not happened yet."""


@dataclass(frozen=True, slots=True)
class Ago:
    """A calendar day of the branch: so long before today; below zero, so long after it."""

    days: int = 0
    months: int = 0


@dataclass(frozen=True, slots=True)
class On:
    """This calendar day, wherever the branch is."""

    day: date


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A moment: so many times 24 hours before the question."""

    days: int = 0


Bound = Ago | On | Elapsed
TODAY, NOW = Ago(), Elapsed()


@dataclass(frozen=True, slots=True)
class Line:
    """A bound that a record's time lies on the right side of. A day belongs to both sides of itself; a moment
    (`Elapsed`) to what is `until` it, so that what is since `NOW` lies ahead."""

    bound: Bound
    since: bool


Where = tuple[tuple[str, frozenset[str]], ...]
"""What a record must say: of each of these members one of these words."""


@dataclass(frozen=True, slots=True)
class Without:
    """No record of `source` on the right side of its lines follows: later than the first, or (`at_once`) at the same
    time too, within so many days (of 24 hours) if told, and (`same`) with the same word there."""

    source: Source
    where: Where = ()
    lines: tuple[Line, ...] = ()
    at_once: bool = False
    within_days: int | None = None
    same: str | None = None

    @property
    def bounds(self) -> tuple[Line, ...]:
        return (*self.lines, *happened(self.source))


class Counted(StrEnum):
    RECORDS = "records"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Some:
    """There are `at_least` so many records, or so much in them, on the right side of every line."""

    source: Source
    where: Where = ()
    lines: tuple[Line, ...] = ()
    without: tuple[Without, ...] = ()
    at_least: int = 1
    counted: Counted = Counted.RECORDS

    @property
    def bounds(self) -> tuple[Line, ...]:
        return (*self.lines, *happened(self.source))

    @property
    def is_plain(self) -> bool:
        """Whether it only asks whether there is any such record."""
        return self.at_least == 1 and self.counted is Counted.RECORDS


@dataclass(frozen=True, slots=True)
class Last:
    """The last record of a source that is dated by days lies so long before today, by two days or more.

    The same as some record until then and none since; said apart because PostgreSQL then reads the records once. Two
    days, because branches at the ends of the world are two days apart: what is until one branch's line has happened
    everywhere.
    """

    source: Source
    where: Where
    line: Ago

    @property
    def bounds(self) -> tuple[Line, ...]:
        return (until(self.line), *happened(self.source))


@dataclass(frozen=True, slots=True)
class Overdue:
    """Something of the books was due before that day and is not paid (`cabinet.account_balance.overdue`)."""

    line: Ago


class Trait(StrEnum):
    """What is known of a person without a date."""

    LANGUAGE = "language"
    BRANCH = "branch"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Has:
    """One word of the patient's own record."""

    trait: Trait
    word: str


@dataclass(frozen=True, slots=True)
class Aged:
    """At least so many whole years old."""

    years: int


@dataclass(frozen=True, slots=True)
class Birthday:
    """The next birthday is at most so many days away; today counts. Who was born on 29 February has it on the 28th
    where there is no 29th."""

    within_days: int


@dataclass(frozen=True, slots=True)
class Registered:
    """The record was made on or after that day."""

    since: Ago | On


@dataclass(frozen=True, slots=True)
class All:
    items: tuple["Meaning", ...]


@dataclass(frozen=True, slots=True)
class Either:
    items: tuple["Meaning", ...]


@dataclass(frozen=True, slots=True)
class Never:
    item: "Meaning"


Fact = Some | Last | Overdue | Has | Aged | Birthday | Registered
Meaning = Fact | All | Either | Never


def happened(source: Source) -> tuple[Line, ...]:
    """The line that every record of this source lies before."""
    if source not in HAPPENED:
        return ()
    return (until(TODAY),) if source in BY_DAY else (until(NOW),)


def since(bound: Bound) -> Line:
    return Line(bound, since=True)


def until(bound: Bound) -> Line:
    return Line(bound, since=False)


def says(**members: str | frozenset[str]) -> Where:
    """What records must say, in a fixed order."""
    return tuple((name, frozenset({word}) if isinstance(word, str) else word) for name, word in sorted(members.items()))


def facts_of(meaning: Meaning) -> Iterator[Fact]:
    """Everything it asks, in order."""
    match meaning:
        case All(items) | Either(items):
            for item in items:
                yield from facts_of(item)
        case Never(item):
            yield from facts_of(item)
        case _:
            yield meaning


def sources_of(meaning: Meaning) -> frozenset[Source]:
    """The records that must be known to answer it."""
    found = set()
    for fact in facts_of(meaning):
        if isinstance(fact, Some):
            found |= {fact.source, *(each.source for each in fact.without)}
        if isinstance(fact, Last):
            found.add(fact.source)
        if isinstance(fact, Overdue):
            found.add(Source.LEDGER)
    return frozenset(found)


def negated(meaning: Meaning) -> Meaning:
    """The same question turned round, with every `Never` next to a fact (De Morgan)."""
    match meaning:
        case All(items):
            return Either(tuple(negated(item) for item in items))
        case Either(items):
            return All(tuple(negated(item) for item in items))
        case Never(item):
            return settled(item)
        case _:
            return Never(meaning)


def settled(meaning: Meaning) -> Meaning:
    """The same question with every `Never` next to a fact."""
    match meaning:
        case All(items):
            return All(tuple(settled(item) for item in items))
        case Either(items):
            return Either(tuple(settled(item) for item in items))
        case Never(item):
            return negated(item)
        case _:
            return meaning
