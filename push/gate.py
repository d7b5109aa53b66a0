"""Asks, at the moment a message is claimed, whether it may go out now."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from clinic.hours import Hours
from push.consent import ConsentChannel, allowed
from push.kinds import KINDS, Lane, Shift, repeats
from push.notice import NoticeKind, Purpose
from push.outcome import DeliveryState
from push.quiet import QuietHours, Window, spread
from push.visit import VisitNow, visit_fault

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the gate must know of a message. `consent` is the patient's last word on this purpose and channel.

    None: they never said any.

    `reachable`: its phone is still signed in by somebody who may open the record; its address is still theirs.
    `lease_lost`: an earlier worker took it and never said what came of it. `wanted_at`: when it was to go out, of what
    is looked at before, to be drawn forward. `key` spreads what was held.
    """

    purpose: Purpose
    expires_at: datetime
    hours: Hours | None = None
    consent: bool | None = None
    cancelled: bool = False
    reachable: bool = True
    lease_lost: bool = False
    channel: ConsentChannel = ConsentChannel.PUSH
    kind: NoticeKind = NoticeKind.VISIT
    quiet: QuietHours | None = None
    closed_on: frozenset[date] = frozenset()
    muted_until: datetime | None = None
    unwanted: bool = False
    """The patient said: never by this way."""
    wanted_at: datetime | None = None
    key: UUID = _NOBODY
    silent: bool = False
    visit: VisitNow | None = None
    visit_at: datetime | None = None
    """When the visit was to begin as the notice was made."""

    @property
    def window(self) -> Window:
        """What is silent wakes nobody, and who is talked with is awake."""
        awake = self.silent or KINDS[self.kind].shift is Shift.NEVER
        return Window(self.hours, None if awake else self.quiet, self.closed_on)


@dataclass(frozen=True, slots=True)
class Send:
    """It may go out now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now, but `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """Never; recorded with its reason."""

    state: DeliveryState
    reason: str


def gate(claimed: Claimed, now: datetime) -> Send | Hold | Stop:
    """Exit, opt-out and expiry win over send; closed and quiet hours only move it."""
    return over(claimed, now) or barred(claimed) or timing(claimed, now)


def over(claimed: Claimed, now: datetime) -> Stop | None:
    """What ends the message on every way."""
    if claimed.lease_lost and not repeats(claimed.kind, claimed.purpose, claimed.channel):
        return Stop(DeliveryState.UNKNOWN, "lease-lost")
    if claimed.cancelled:
        return Stop(DeliveryState.SUPPRESSED, "cancelled")
    if reason := visit_fault(claimed.kind, claimed.visit_at, claimed.visit):
        return Stop(DeliveryState.SUPPRESSED, reason)
    if now >= claimed.expires_at:
        return Stop(DeliveryState.EXPIRED, "expired")
    return None


def barred(claimed: Claimed) -> Stop | None:
    """What closes this way alone."""
    if not allowed(claimed.purpose, claimed.channel, claimed.consent):
        return Stop(DeliveryState.SUPPRESSED, "no-consent")
    if claimed.unwanted:
        return Stop(DeliveryState.SUPPRESSED, "unwanted-way")
    if not claimed.reachable:
        is_phone = claimed.channel is ConsentChannel.PUSH
        return Stop(DeliveryState.SUPPRESSED, "device-gone" if is_phone else "address-gone")
    return None


def timing(claimed: Claimed, now: datetime) -> Send | Hold | Stop:
    """Whether now is a time for it; otherwise when, spread over the time after it."""
    kind, window = KINDS[claimed.kind], claimed.window
    if claimed.wanted_at is not None and now < claimed.wanted_at:
        return _drawn_forward(claimed.wanted_at, window, now)
    start = now
    if claimed.muted_until is not None and not claimed.silent and kind.lane is not Lane.URGENT:
        start = max(now, claimed.muted_until)
    opening = window.next(start, claimed.expires_at)
    if opening is None:
        return Stop(DeliveryState.EXPIRED, "closed-until-expiry" if start == now else "muted-until-expiry")
    return Send() if opening <= now else Hold(spread(opening, window, claimed.key, kind.spread, claimed.expires_at))


def _drawn_forward(wanted_at: datetime, window: Window, now: datetime) -> Send | Hold:
    """Looked at before its time: it goes out then or earlier, and is asked again then where only later suits."""
    fitting = window.last(wanted_at, now)
    until = wanted_at if fitting is None else fitting
    return Send() if until <= now else Hold(until)
