"""Working hours and days of a branch, in its own time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, StringConstraints

# Of the machine that reads them, and of nobody.
_NO_PLACES = frozenset({"localtime", "Factory"})


@cache
def _zones() -> set[str]:
    return available_timezones() - _NO_PLACES  # reads a folder of 600 files


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("not an IANA time zone")
    return name


Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_zone)]
"""An IANA zone name, `Europe/Rome`."""

_DAYS = 7


@dataclass(frozen=True, slots=True)
class Hours:
    """One opening span for every working day. `weekdays`: 0 is Monday."""

    zone: str
    opens: time
    closes: time
    weekdays: frozenset[int] = frozenset(range(_DAYS))

    def open_at(self, moment: datetime) -> bool:
        local = moment.astimezone(ZoneInfo(self.zone))
        return local.weekday() in self.weekdays and self.opens <= local.time() < self.closes

    def closes_after(self, moment: datetime) -> datetime:
        """When the span ends in which `moment` lies: ask it while open."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return datetime.combine(local.date(), self.closes, local.tzinfo).astimezone(moment.tzinfo)

    def next_open(self, moment: datetime) -> datetime:
        """`moment` itself while open, otherwise the next opening, across days and clock changes.

        Raises ValueError for hours that never open.
        """
        if self.open_at(moment):
            return moment
        local = moment.astimezone(ZoneInfo(self.zone))
        for ahead in range(_DAYS + 1):
            day = local.date() + timedelta(days=ahead)
            opening = datetime.combine(day, self.opens, ZoneInfo(self.zone)).astimezone(moment.tzinfo)
            if opening > moment and day.weekday() in self.weekdays and self.opens < self.closes:
                return opening
        raise ValueError("these hours never open")


@dataclass(frozen=True, slots=True)
class OpenPlace:
    """A branch as one finds it; `phone` and `address` may be empty."""

    branch_id: UUID
    name: str
    phone: str
    address: str
    hours: Hours


def local_text(moment: datetime, zone: str) -> str:
    """`moment` on the clock of `zone`, RFC 3339 with its offset then: `2026-11-22T10:30:00+01:00`."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def day_span(day: date, zone: str) -> tuple[datetime, datetime]:
    """The first moment of a calendar day in `zone` and that of the next: 23, 24 or 25 hours."""
    place = ZoneInfo(zone)
    start, end = (datetime.combine(each, time(), place) for each in (day, day + timedelta(days=1)))
    return start.astimezone(UTC), end.astimezone(UTC)
