"""Working hours of a branch, in its own time zone."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, StringConstraints


def _known_zone(name: str) -> str:
    if name not in available_timezones():
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
