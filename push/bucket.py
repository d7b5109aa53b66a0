"""A bucket of tokens: how fast a line or a clinic sends, with ten seconds' worth at once, and whose turn is when."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_BURST_SECONDS = 10.0
_MINUTE = 60.0
BULK_SHARE = 0.8
"""Of the rate: what is told to thousands leaves room for what is told to one."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`tokens` as they were at `filled_at`; below nought are turns that were given and have not come.

    `bulk_until`: when the turn after the last one of the bulk would be.
    """

    rate_per_minute: int
    tokens: float
    filled_at: datetime
    bulk_until: datetime | None = None

    def level(self, now: datetime) -> float:
        """A clock that went back fills nothing."""
        passed = max((now - self.filled_at).total_seconds(), 0.0)
        return min(self.tokens + passed * self.rate_per_minute / _MINUTE, full(self.rate_per_minute))

    def spent(self, now: datetime) -> "Bucket":
        """One token less, whether it is there or not."""
        return replace(self, tokens=self.level(now) - 1, filled_at=max(now, self.filled_at))


def full(rate_per_minute: int) -> float:
    """At least one, or nothing would ever go."""
    return max(rate_per_minute * _BURST_SECONDS / _MINUTE, 1.0)


def turn(bucket: Bucket, now: datetime) -> tuple[Bucket, datetime]:
    """The next turn, at `now` or later; its token is taken."""
    after = bucket.spent(now)
    return after, now + timedelta(seconds=max(-after.tokens, 0.0) * _MINUTE / bucket.rate_per_minute)


def turns_at_once(bucket: Bucket, count: int, now: datetime, *, bulk: bool = False) -> Bucket | None:
    """The bucket after `count` turns that all are at `now`, as if they were taken one by one; None where one is not."""
    level = bucket.level(now)
    if level < count:
        return None
    after = replace(bucket, tokens=level - count, filled_at=max(now, bucket.filled_at))
    if not bulk:
        return after
    place, step = _place(bucket, now)
    return replace(after, bulk_until=place + step * count) if place + step * (count - 1) <= now else None


def bulk_turn(bucket: Bucket, now: datetime) -> tuple[Bucket, datetime]:
    """The next turn of the bulk: a queue of its own at its share of the rate (GCRA, ITU-T I.371). The token of a later
    turn is `spent` when it comes, so that whoever is not of the bulk does not stand behind all of it.
    """
    place, step = _place(bucket, now)
    queued = replace(bucket, bulk_until=place + step)
    after, at = turn(queued, now)
    if place <= now and at == now:
        return after, now
    return queued, max(place, at)


def _place(bucket: Bucket, now: datetime) -> tuple[datetime, timedelta]:
    """When the next turn of the bulk is, and how long one takes."""
    step = timedelta(seconds=_MINUTE / (bucket.rate_per_minute * BULK_SHARE))
    # Of a slow line a single one, as elsewhere.
    burst = max(timedelta(seconds=_BURST_SECONDS) - step, timedelta(0))
    return max(bucket.bulk_until or now - burst, now - burst), step
