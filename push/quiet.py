"""When somebody may be disturbed: outside the patient's quiet hours, inside the working hours of the branch.

Instants are computed here and nowhere in SQL: PostgreSQL and Python disagree about local times that a clock change
leaves out or brings twice. What counts is what the clock on the wall says at the instant of sending.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.hours import Hours

# How long before a window closes something that was drawn forward goes out: there is time for a second try.
EARLY = timedelta(minutes=15)
_FARTHEST = timedelta(days=62)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `starts` to `ends` on the clock of `zone`, over midnight where it starts later than it ends."""

    zone: str
    starts: time
    ends: time

    def covers(self, moment: datetime) -> bool:
        at = moment.astimezone(ZoneInfo(self.zone)).time()
        if self.starts <= self.ends:
            return self.starts <= at < self.ends
        return at >= self.starts or at < self.ends

    def ends_after(self, moment: datetime) -> datetime:
        """`moment` itself where it is not quiet, otherwise an instant at which quiet has ended."""
        if not self.covers(moment):
            return moment
        return min(at for at in _instants(moment, self.ends, self.zone) if at > moment and not self.covers(at))

    def starts_after(self, moment: datetime) -> datetime:
        return min(at for at in _instants(moment, self.starts, self.zone) if at > moment)


def _instants(around: datetime, wall: time, zone: str) -> Iterator[datetime]:
    """When the clock of `zone` says `wall`, from the day before to three days after; both where it does twice."""
    place = ZoneInfo(zone)
    today = around.astimezone(place).date()
    for ahead in range(-1, 4):
        for fold in (0, 1):
            yield datetime.combine(today + ahead * _DAY, wall.replace(fold=fold), place).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """The branch's hours, the days it is closed (of its own calendar, hours or none), and the patient's quiet."""

    hours: Hours | None = None
    quiet: QuietHours | None = None
    closed_on: frozenset[date] = frozenset()

    def suits(self, moment: datetime) -> bool:
        return self._open(moment) and not (self.quiet and self.quiet.covers(moment))

    def _open(self, moment: datetime) -> bool:
        if self.hours is None:
            return True
        return self.hours.open_at(moment) and self._day(moment) not in self.closed_on

    def _day(self, moment: datetime) -> date:
        assert self.hours is not None
        return moment.astimezone(ZoneInfo(self.hours.zone)).date()

    def next(self, moment: datetime, before: datetime) -> datetime | None:
        """The first instant from `moment` on that suits both; None where there is none `before`."""
        at, latest = moment, min(before, moment + _FARTHEST)
        while at < latest:
            opening = self._next_open(at, latest)
            quieted = self.quiet.ends_after(opening) if self.quiet else opening
            if quieted == at:
                return at
            at = quieted
        return None

    def _next_open(self, moment: datetime, latest: datetime) -> datetime:
        if self.hours is None:
            return moment
        at = self.hours.next_open(moment)
        while at < latest and self._day(at) in self.closed_on:
            morrow = datetime.combine(self._day(at) + _DAY, time(), ZoneInfo(self.hours.zone)).astimezone(UTC)
            at = self.hours.next_open(max(morrow, at + timedelta(minutes=1)))
        return at

    def closes_after(self, moment: datetime) -> datetime | None:
        """When what `moment` lies in ends: ask it while it suits. None: it never does."""
        ends = [self.hours.closes_after(moment)] if self.hours else []
        if self.quiet:
            ends.append(self.quiet.starts_after(moment))
        return min(ends, default=None)

    def last(self, moment: datetime, earliest: datetime) -> datetime | None:
        """The last instant that suits, up to `moment` and from `earliest` on: for what must not come later."""
        if self.suits(moment):
            return moment
        fitting = (at for at in self._endings(moment) if earliest <= at < moment and self.suits(at))
        return max(fitting, default=None)

    def _endings(self, moment: datetime) -> Iterator[datetime]:
        """A little before each end of a span, going back some days."""
        for back in range(10):
            around = moment - back * _DAY
            if self.hours:
                yield from (at - EARLY for at in _instants(around, self.hours.closes, self.hours.zone))
            if self.quiet:
                yield from (at - EARLY for at in _instants(around, self.quiet.starts, self.quiet.zone))


def spread(opening: datetime, window: Window, key: UUID, over: timedelta, before: datetime) -> datetime:
    """Where in the time after `opening` the notice `key` goes out: always the same, for all of them evenly.

    What was held all night would otherwise leave as one burst.
    """
    room = min(filter(None, (window.closes_after(opening), before, opening + over)), default=opening) - opening
    share = int.from_bytes(hashlib.sha256(key.bytes).digest()[:4]) / 2**32
    return opening + max(room, timedelta(0)) * share


def begins(wanted: datetime, window: Window, now: datetime, visit_at: datetime | None = None) -> datetime | None:
    """When a reminder that is wanted at `wanted` goes out: then, or else before; or after, but before the visit.

    None: at no time that suits.
    """
    if wanted > now and (earlier := window.last(wanted, now)) is not None:
        return earlier
    return window.next(max(wanted, now), visit_at or max(wanted, now) + _FARTHEST)
