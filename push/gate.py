"""Asks, at the moment a message is claimed, whether it may go out now."""

from dataclasses import dataclass
from datetime import datetime

from clinic.hours import Hours
from push.consent import ConsentChannel, allowed
from push.notice import Purpose, repeats
from push.outcome import DeliveryState


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the gate must know of a message. `consent` is the patient's last word on this purpose and channel.

    None: they never said any.

    `reachable`: its phone is still signed in by somebody who may open the record. `lease_lost`: an earlier
    worker took it and never said what came of it.
    """

    purpose: Purpose
    expires_at: datetime
    hours: Hours | None = None
    consent: bool | None = None
    cancelled: bool = False
    reachable: bool = True
    lease_lost: bool = False
    channel: ConsentChannel = ConsentChannel.PUSH


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
    """Exit, opt-out and expiry win over send; closed hours only put it off."""
    if stop := _stop(claimed, now):
        return stop
    until = claimed.hours.next_open(now) if claimed.hours else now
    if until >= claimed.expires_at:
        return Stop(DeliveryState.EXPIRED, "closed-until-expiry")
    return Send() if until <= now else Hold(until)


def _stop(claimed: Claimed, now: datetime) -> Stop | None:
    if claimed.lease_lost and not repeats(claimed.purpose):
        return Stop(DeliveryState.UNKNOWN, "lease-lost")
    if claimed.cancelled:
        return Stop(DeliveryState.SUPPRESSED, "cancelled")
    if now >= claimed.expires_at:
        return Stop(DeliveryState.EXPIRED, "expired")
    if not allowed(claimed.purpose, claimed.channel, claimed.consent):
        return Stop(DeliveryState.SUPPRESSED, "no-consent")
    if not claimed.reachable:
        return Stop(DeliveryState.SUPPRESSED, "device-gone")
    return None
