"""What criteria know of one patient, frozen: procedures done, visits ahead, age and language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cabinet.facts import ServiceKind
from clinic.appointment import AppointmentStatus, lies_ahead
from clinic.facts import Language
from core.dates import whole_years


@dataclass(frozen=True, slots=True)
class Booking:
    status: AppointmentStatus
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """`performed` holds the days of each kind of procedure, in any order; `bookings` visits of any state."""

    birth_date: date
    language: Language
    performed: Mapping[ServiceKind, tuple[date, ...]] = field(default_factory=dict)
    bookings: tuple[Booking, ...] = ()

    def last(self, kind: ServiceKind, today: date) -> date | None:
        """The last day `kind` was done, as known on `today`: what is dated later has not happened yet."""
        return max((day for day in self.performed.get(kind, ()) if day <= today), default=None)

    def next_visit(self, now: datetime) -> datetime | None:
        """When the next standing visit starts."""
        ahead = (each.starts_at for each in self.bookings if lies_ahead(each.status, each.starts_at, now))
        return min(ahead, default=None)

    def age(self, today: date) -> int:
        """Whole years."""
        return whole_years(self.birth_date, today)


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day of `moment` where the clock of `zone` hangs."""
    return moment.astimezone(ZoneInfo(zone)).date()
