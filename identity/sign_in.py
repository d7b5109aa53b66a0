"""Rules of signing in: how long codes and sessions live, how many tries, when a code may be sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CODE_DIGITS = 6
CODE_LIFE = timedelta(seconds=300)
CODE_TRIES = 5
RESEND_WAITS = (timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120))

CODES_A_NUMBER_A_DAY = 5
CODES_AN_ADDRESS_AN_HOUR = 30
CODES_A_PREFIX_AN_HOUR = 20
CODES_WORLDWIDE_AN_HOUR = 2_000
# Without a brake over all numbers, 5 tries x 5 codes x 10 000 numbers guess one code with 22 %.
FAILURES_WORLDWIDE_AN_HOUR = 500

ACCESS_LIFE = timedelta(minutes=10)
PARTNER_ACCESS_LIFE = timedelta(minutes=30)
REFRESH_IDLE = timedelta(days=60)
REFRESH_ABSOLUTE = timedelta(days=365)
STAFF_REFRESH_IDLE = timedelta(minutes=30)
STAFF_REFRESH_ABSOLUTE = timedelta(hours=12)
# A phone that lost the answer to its refresh asks again at once; a thief comes later.
REFRESH_GRACE = timedelta(seconds=10)

PASSWORD_TRIES = 5
# From everywhere together: addresses are cheap (NIST SP 800-63B-4 §3.2.2 allows no more than 100).
PASSWORD_TRIES_IN_ALL = 100
PASSWORD_PAUSE = timedelta(minutes=15)


class Audience(StrEnum):
    """For whom a token is; it is refused by every other door."""

    PATIENT = "enamel:patient"
    STAFF = "enamel:staff"
    PARTNER = "enamel:partner"


@dataclass(frozen=True, slots=True)
class CodeHistory:
    """What was sent lately: the number's codes of a day (newest last) and the counts of an hour."""

    to_number: tuple[datetime, ...]
    from_address: int
    to_prefix: int
    worldwide: int
    failures_worldwide: int


class CodeVerdict(StrEnum):
    SEND = "send"
    WAIT = "wait"
    """Said aloud (429): it says nothing about whose number it is."""
    SILENT = "silent"
    """Not sent, and answered as if sent: an attacker who pumps SMS learns nothing."""


def code_verdict(history: CodeHistory, now: datetime) -> tuple[CodeVerdict, timedelta]:
    """Whether a code may go out now, and how long to wait otherwise."""
    if len(history.to_number) >= CODES_A_NUMBER_A_DAY:
        return CodeVerdict.WAIT, history.to_number[0] + timedelta(days=1) - now
    if history.to_number:
        pause = RESEND_WAITS[min(len(history.to_number), len(RESEND_WAITS)) - 1]
        if history.to_number[-1] + pause > now:
            return CodeVerdict.WAIT, history.to_number[-1] + pause - now
    if history.from_address >= CODES_AN_ADDRESS_AN_HOUR:
        return CodeVerdict.WAIT, timedelta(hours=1)
    pumped = history.to_prefix >= CODES_A_PREFIX_AN_HOUR or history.worldwide >= CODES_WORLDWIDE_AN_HOUR
    if pumped or history.failures_worldwide >= FAILURES_WORLDWIDE_AN_HOUR:
        return CodeVerdict.SILENT, timedelta(0)
    return CodeVerdict.SEND, timedelta(0)


class RefreshVerdict(StrEnum):
    ROTATE = "rotate"
    REPEAT = "repeat"
    """The direct predecessor within the grace: the same new token is given once more."""
    REUSE = "reuse"
    """An old token came back: the whole family dies."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class RefreshState:
    is_current: bool
    is_predecessor: bool
    same_device: bool
    rotated_at: datetime | None
    idle_until: datetime
    ends_at: datetime
    revoked: bool


def refresh_verdict(state: RefreshState, now: datetime) -> RefreshVerdict:
    if state.revoked or now >= state.idle_until or now >= state.ends_at:
        return RefreshVerdict.REFUSE
    if not state.same_device:
        return RefreshVerdict.REUSE
    if state.is_current:
        return RefreshVerdict.ROTATE
    in_grace = state.rotated_at is not None and now - state.rotated_at <= REFRESH_GRACE
    return RefreshVerdict.REPEAT if state.is_predecessor and in_grace else RefreshVerdict.REUSE


def refresh_life(audience: Audience) -> tuple[timedelta, timedelta]:
    """(idle, absolute) life of a refresh family."""
    if audience is Audience.STAFF:
        return STAFF_REFRESH_IDLE, STAFF_REFRESH_ABSOLUTE
    return REFRESH_IDLE, REFRESH_ABSOLUTE
