"""Rules of a conversation: who speaks, how much at once, what is unread, when a reader must start over."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

LARGEST_FRAME = 16 * 1024
LONGEST_BODY = 4_000
LARGEST_PAGE = 200
MOST_BEHIND = 1_000
# Text of one message: something to read in it, and no control character but tab and line ends.
BODY_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Body = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_BODY, pattern=BODY_PATTERN)]


class Side(StrEnum):
    """Who speaks. To a patient all but themselves are the clinic: unread counts know two directions."""

    PATIENT = "patient"
    CLINIC = "clinic"
    AUTOMATION = "automation"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Place:
    """A message's place: `seq` among all (1, 2, 3 …), `ordinal` among those of its own direction."""

    seq: int
    ordinal: int
    from_patient: bool


def heard(place: Place | None, *, from_patient: bool) -> int:
    """How many messages of one direction stand at or before `place`; none before the first.

    Every message is of one of two directions, so the other one's count is `seq - ordinal`: nothing is counted.
    """
    if place is None:
        return 0
    return place.ordinal if place.from_patient == from_patient else place.seq - place.ordinal


def unread(total: int, read: Place | None, *, from_patient: bool) -> int:
    """Messages of one direction past the read mark, of `total`. Own messages are never among them."""
    return total - heard(read, from_patient=from_patient)


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
    """How fast one socket may send: a desk that answers many writes more than one patient."""
    return Bucket.full(10, 1, now) if side is Side.PATIENT else Bucket.full(30, 5, now)


def marking(now: datetime) -> Bucket:
    return Bucket.full(3, 3, now)


def asking(now: datetime) -> Bucket:
    return Bucket.full(10, 10, now)


def patience(now: datetime) -> Bucket:
    """How often one may be told to slow down before the socket is closed: three times in ten seconds."""
    return Bucket.full(3, 0.3, now)
