"""Rules of a conversation: who speaks, how much at once, when a reader must start over."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

LARGEST_FRAME = 16 * 1024
LONGEST_BODY = 4_000
LARGEST_PAGE = 200
MOST_BEHIND = 1_000
OLDEST_CURSOR = 200_000
"""Transactions of the whole database: that many events at one each are found in some tenths of a second."""
# Text of one message: something to read in it, and no control character but tab and line ends.
BODY_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Body = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_BODY, pattern=BODY_PATTERN)]


class Side(StrEnum):
    """Who speaks. To a patient all but themselves are the clinic: unread counts know two directions."""

    PATIENT = "patient"
    CLINIC = "clinic"
    AUTOMATION = "automation"
    SYSTEM = "system"


class Resume(StrEnum):
    """Why a reader cannot go on from what it holds."""

    TOO_FAR = "too-far"
    """More events were missed than are worth replaying."""
    EPOCH = "epoch"
    """It holds what we never gave, as after a restored backup."""


def must_start_over(held: int, last: int) -> Resume | None:
    """Whether a reader that holds revision `held` of a log that stands at `last` cannot simply go on."""
    if held > last:
        return Resume.EPOCH
    return Resume.TOO_FAR if last - held > MOST_BEHIND else None


def cursor_to_resume(cursor: str | None, horizon: str) -> str | None:
    """The desk's cursor (a horizon it was given before), or None where it is no use: given by another database,
    or so old that looking through everything written since costs more than starting over.
    """
    if cursor is None or not 0 <= int(horizon) - int(cursor) <= OLDEST_CURSOR:
        return None
    return cursor


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many at once, so many a second: a token bucket as a value. `left` tokens were there at `at`."""

    burst: int
    per_second: float
    left: float
    at: datetime

    @classmethod
    def full(cls, burst: int, per_second: float, now: datetime) -> "Bucket":
        return cls(burst, per_second, burst, now)

    def take(self, now: datetime) -> tuple["Bucket", timedelta]:
        """The bucket after one more, and how long to wait first: zero where it may pass at once.

        A refused one takes nothing; a clock that went back refills nothing.
        """
        passed = max((now - self.at).total_seconds(), 0.0)
        left = min(self.left + passed * self.per_second, self.burst)
        if left < 1:
            return replace(self, left=left, at=now), timedelta(seconds=(1 - left) / self.per_second)
        return replace(self, left=left - 1, at=now), timedelta(0)


def sending(side: Side, now: datetime) -> Bucket:
    """How fast one account may send: a desk that answers many writes more than one patient."""
    return Bucket.full(10, 1, now) if side is Side.PATIENT else Bucket.full(30, 5, now)


def marking(now: datetime) -> Bucket:
    return Bucket.full(3, 3, now)


def asking(now: datetime) -> Bucket:
    return Bucket.full(10, 10, now)


def patience(now: datetime) -> Bucket:
    """How often one may be told to slow down before the socket is closed: three times in ten seconds."""
    return Bucket.full(3, 0.3, now)
