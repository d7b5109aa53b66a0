"""What criteria know of one patient, frozen: the person, and dated records of what was done, said, owed and booked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from automation.criteria.meaning import Source
from clinic.appointment import AppointmentStatus, lies_ahead
from clinic.facts import Language
from core.dates import whole_years


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a `Source`: when, what it says, how much it counts for (minor units, points; else 1)."""

    at: date | datetime
    says: Mapping[str, str] = field(default_factory=dict)
    amount: int = 1
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """`records` in any order; those of a source that no criterion asks for may be left out.

    `registered_at` is when the record was made here; `contacts` are words of `Contact`.
    """

    birth_date: date
    language: Language
    records: Mapping[Source, Collection[Record]] = field(default_factory=dict)
    branch_id: UUID | None = None
    contacts: frozenset[str] = frozenset()
    registered_at: datetime | None = None

    def of(self, source: Source) -> Collection[Record]:
        return self.records.get(source, ())

    def next_visit(self, now: datetime) -> datetime | None:
        """When the next standing visit starts."""
        starts = ((AppointmentStatus(each.says["status"]), each.at) for each in self.of(Source.VISIT))
        return min(
            (at for status, at in starts if isinstance(at, datetime) and lies_ahead(status, at, now)), default=None
        )

    def age(self, today: date) -> int:
        """Whole years."""
        return whole_years(self.birth_date, today)


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day of `moment` where the clock of `zone` hangs."""
    return moment.astimezone(ZoneInfo(zone)).date()
