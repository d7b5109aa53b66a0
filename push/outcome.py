"""What became of one send, and what follows from it: again, or the end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from push.consent import ConsentChannel
from push.kinds import repeats
from push.notice import NoticeKind, Purpose


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
    NO_ADDRESS = "no_address"
    UNKNOWN = "unknown"
    """It may have arrived and must not be repeated."""


OPEN = (DeliveryState.DUE, DeliveryState.LEASED)
MOST_AMBIGUOUS = 6
LONGEST_ID = 400
# A push replaces itself on the screen; a second text message is a second text message.
MOST_AMBIGUOUS_ELSEWHERE = 2
THROTTLED_PAUSE = timedelta(seconds=60)
# Too many for one recipient, or not yet for this one: the line goes on with the others.
OF_ONE_RECIPIENT = frozenset({"greylisted", "131056"})
# Credentials that are right are told this of a phone that belongs elsewhere; its token is the phone's word.
OF_ONE_PHONE = frozenset({"sender-id-mismatch", "bad-device-token", "device-token-not-for-topic"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer: its class, a stable code of why, the provider's id of the message, and when to come again."""

    result: Result
    code: str = ""
    provider_id: str | None = None
    retry_after: timedelta | None = None
    dead_since: datetime | None = None
    """When a dead device was last known to be so: one that showed itself later is not given up."""

    @property
    def kept_id(self) -> str | None:
        """`provider_id`, where it can be one: an oddity of one gateway must not lose the answers of all others."""
        found = self.provider_id
        return found if found and len(found) <= LONGEST_ID and found.isascii() and found.isprintable() else None


@dataclass(frozen=True, slots=True)
class Again:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Final:
    state: DeliveryState
    reason: str
    device_dead: bool = False


def pauses_line(outcome: Outcome, now: datetime) -> datetime | None:
    """Until when nobody is written to on this line; None where the line is well, or only one recipient is not."""
    if outcome.result is not Result.THROTTLED or outcome.code in OF_ONE_RECIPIENT:
        return None
    return now + (outcome.retry_after or THROTTLED_PAUSE)


def next_step(
    outcome: Outcome, attempt: int, now: datetime, expires_at: datetime, purpose: Purpose, jitter: float,
    *, kind: NoticeKind = NoticeKind.VISIT, channel: ConsentChannel = ConsentChannel.PUSH,
) -> Again | Final:  # fmt: skip
    """What follows from `outcome` of the `attempt`-th try (from 1). `jitter` is a draw from [0, 1).

    What was provably not sent costs nobody anything and is tried until it expires; what may have arrived
    at most six times, elsewhere than on a phone's screen twice, and marketing never twice.
    """
    most = MOST_AMBIGUOUS if channel is ConsentChannel.PUSH else MOST_AMBIGUOUS_ELSEWHERE
    match outcome.result:
        case Result.ACCEPTED:
            return Final(DeliveryState.ACCEPTED, outcome.code)
        case Result.DEAD:
            return Final(DeliveryState.DEAD, outcome.code, device_dead=True)
        case Result.BAD_MESSAGE:
            return Final(DeliveryState.FAILED, outcome.code)
        case Result.AMBIGUOUS if not repeats(kind, purpose, channel):
            return Final(DeliveryState.UNKNOWN, outcome.code)
        case Result.AMBIGUOUS if attempt >= most:
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
