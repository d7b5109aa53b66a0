"""What became of one send, and what follows from it: again, or the end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from push.notice import Purpose, repeats


class Result(StrEnum):
    """The seven ways a send ends. An adapter answers one of them and never tries again itself."""

    ACCEPTED = "accepted"
    DEAD = "dead"
    """The provider no longer knows this device."""
    BAD_MESSAGE = "bad_message"
    """The provider will never take this message."""
    CONFIG = "config"
    """Our credentials or the project are wrong; the device is not to blame."""
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    """Provably nothing left us: no token, no connection."""
    AMBIGUOUS = "ambiguous"
    """It may have arrived: whatever goes wrong after the first byte left."""


class DeliveryState(StrEnum):
    DUE = "due"
    LEASED = "leased"
    ACCEPTED = "accepted"
    DEAD = "dead"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    NO_DEVICE = "no_device"
    UNKNOWN = "unknown"
    """It may have arrived and must not be repeated."""


OPEN = (DeliveryState.DUE, DeliveryState.LEASED)
MOST_AMBIGUOUS = 6
THROTTLED_PAUSE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer: its class, a stable code of why, the provider's id of the message, and when to come again."""

    result: Result
    code: str = ""
    provider_id: str | None = None
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Again:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Final:
    state: DeliveryState
    reason: str
    device_dead: bool = False


def next_step(
    outcome: Outcome, attempt: int, now: datetime, expires_at: datetime, purpose: Purpose, jitter: float
) -> Again | Final:
    """What follows from `outcome` of the `attempt`-th try (from 1). `jitter` is a draw from [0, 1).

    What was provably not sent costs nobody anything and is tried until it expires; what may have arrived
    at most six times, and marketing never twice.
    """
    match outcome.result:
        case Result.ACCEPTED:
            return Final(DeliveryState.ACCEPTED, outcome.code)
        case Result.DEAD:
            return Final(DeliveryState.DEAD, outcome.code, device_dead=True)
        case Result.BAD_MESSAGE:
            return Final(DeliveryState.FAILED, outcome.code)
        case Result.AMBIGUOUS if not repeats(purpose):
            return Final(DeliveryState.UNKNOWN, outcome.code)
        case Result.AMBIGUOUS if attempt >= MOST_AMBIGUOUS:
            return Final(DeliveryState.FAILED, outcome.code)
    at = now + _wait(outcome, attempt, jitter)
    return Again(at, outcome.code) if at < expires_at else Final(DeliveryState.EXPIRED, outcome.code)


def _wait(outcome: Outcome, attempt: int, jitter: float) -> timedelta:
    """How long until the next try; spread out, so that a thousand failures do not return as one."""
    asked = outcome.retry_after
    if outcome.result is Result.THROTTLED:
        return (asked or THROTTLED_PAUSE) + 10 * jitter * timedelta(seconds=1)
    doubled = 2.0 ** min(attempt - 1, 10)
    match outcome.result:
        case Result.NOT_SENT:
            seconds = min(2 * doubled, 300) * jitter
        case Result.CONFIG:
            seconds = min(30 * doubled, 600) * (1 + jitter)
        case _:  # FCM wants ten seconds at least, and longer each time
            seconds = min(10 * doubled, 600) * (1 + jitter)
    return max(asked or timedelta(0), timedelta(seconds=seconds))
