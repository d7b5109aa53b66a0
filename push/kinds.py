"""The kinds of notices: how soon, how long, how secret, and by which ways one after another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from push.consent import ConsentChannel
from push.notice import NoticeKind, Purpose


class Lane(IntEnum):
    """Each is claimed apart: twenty thousand offers delay no reminder."""

    URGENT = 0
    USUAL = 1
    BULK = 2


class Privacy(StrEnum):
    """What may be said outside the app at most; never of health, a price or a tooth."""

    GENERIC = "generic"
    """That there is something, and nothing more."""
    WHEN = "when"
    """Day and time of a visit, to who asked for that."""
    OPEN = "open"
    """The clinic's own words to everybody: they are about no patient."""


class Ends(StrEnum):
    """What keeps the next way from being tried."""

    DELIVERED = "delivered"
    """It is known to have arrived."""
    OPENED = "opened"
    ANSWERED = "answered"
    """Only who does what was asked ends it: its cause is cancelled then."""
    ACCEPTED = "accepted"
    """A provider has it: no second way is worth a second message."""


class Shift(StrEnum):
    """What becomes of a notice that is due while the patient wants quiet, or the branch is closed."""

    LATER = "later"
    EARLIER = "earlier"
    """Before it begins; never past the visit."""
    NEVER = "never"
    """An answer to who is awake: quiet hours do not hold it."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way, and how long it may take before the next one is tried."""

    channel: ConsentChannel
    limit: timedelta


@dataclass(frozen=True, slots=True)
class Kind:
    """`purpose` is the usual one. `repeats`: whether what may have arrived is sent again.

    `spread`: over how long what was held is let go.
    """

    purpose: Purpose
    lane: Lane
    life: timedelta
    with_visit: bool
    privacy: Privacy
    repeats: bool
    ends: Ends
    shift: Shift
    ladder: tuple[Rung, ...]

    @property
    def channels(self) -> frozenset[ConsentChannel]:
        """The ways it may go by at all; a clinic's own ladder adds none."""
        return frozenset(rung.channel for rung in self.ladder)

    @property
    def spread(self) -> timedelta:
        return _SPREADS[self.lane]


_K, _C, _P = NoticeKind, ConsentChannel, Purpose
_SPREADS = {Lane.URGENT: timedelta(0), Lane.USUAL: timedelta(minutes=10), Lane.BULK: timedelta(minutes=45)}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def _rungs(*rungs: tuple[ConsentChannel, float]) -> tuple[Rung, ...]:
    return tuple(Rung(channel, timedelta(hours=hours)) for channel, hours in rungs)


# Ways that cost the patient nothing first; what costs the clinic a person's time last. E-mail is too slow to confirm
# by, and a call is for what cannot be left unsaid.
_TO_THE_VISIT = _rungs((_C.PUSH, 1), (_C.SMS, 2), (_C.MESSENGER, 2), (_C.CALL, 24))
_ABOUT_THE_VISIT = _rungs((_C.PUSH, 1), (_C.SMS, 4), (_C.EMAIL, 12), (_C.MESSENGER, 4), (_C.CALL, 24))
_SOON = _rungs((_C.PUSH, 0.25), (_C.SMS, 0.5), (_C.MESSENGER, 1))
_TO_READ = _rungs((_C.PUSH, 24), (_C.EMAIL, 72), (_C.MESSENGER, 24))
_TO_COME = _rungs((_C.PUSH, 24), (_C.SMS, 24), (_C.EMAIL, 48), (_C.MESSENGER, 24), (_C.CALL, 72))
# Only where a yes was given to that very way: `push.consent` grants none of these unasked.
_OFFERED = _rungs((_C.PUSH, 24), (_C.EMAIL, 48), (_C.MESSENGER, 24), (_C.SMS, 24))


def _of_visit(life: timedelta, ends: Ends, ladder: tuple[Rung, ...], shift: Shift = Shift.LATER) -> Kind:
    return Kind(_P.SERVICE, Lane.URGENT, life, True, Privacy.WHEN, True, ends, shift, ladder)


def _to_read(life: timedelta, ends: Ends, lane: Lane = Lane.USUAL, purpose: Purpose = _P.SERVICE) -> Kind:
    return Kind(purpose, lane, life, False, Privacy.GENERIC, True, ends, Shift.LATER, _TO_READ)


def _offered(life: timedelta, privacy: Privacy) -> Kind:
    return Kind(_P.MARKETING, Lane.BULK, life, False, privacy, False, Ends.ACCEPTED, Shift.LATER, _OFFERED)


KINDS: Mapping[NoticeKind, Kind] = {
    _K.CONFIRMING: _of_visit(_DAY, Ends.ANSWERED, _TO_THE_VISIT, Shift.EARLIER),
    _K.REMINDING: _of_visit(_DAY, Ends.DELIVERED, _ABOUT_THE_VISIT, Shift.EARLIER),
    _K.VISIT: _of_visit(_DAY, Ends.DELIVERED, _ABOUT_THE_VISIT),
    _K.FREED_TIME: _of_visit(2 * _HOUR, Ends.OPENED, _SOON),
    _K.ORGANISATIONAL: Kind(
        _P.SERVICE, Lane.URGENT, _DAY, False, Privacy.OPEN, True, Ends.DELIVERED, Shift.LATER, _ABOUT_THE_VISIT
    ),
    _K.CHAT: Kind(
        _P.CHAT, Lane.URGENT, _DAY, False, Privacy.GENERIC, True, Ends.ACCEPTED, Shift.NEVER, _rungs((_C.PUSH, 24))
    ),
    _K.CARE: _to_read(3 * _DAY, Ends.OPENED),
    _K.PLAN: _to_read(7 * _DAY, Ends.OPENED),
    _K.FILE: _to_read(7 * _DAY, Ends.OPENED),
    _K.NOTE: _to_read(3 * _DAY, Ends.DELIVERED),
    _K.SURVEY: _to_read(3 * _DAY, Ends.ACCEPTED, Lane.BULK, _P.SURVEY),
    _K.RECALL: Kind(_P.RECALL, Lane.BULK, 7 * _DAY, False, Privacy.GENERIC, True, Ends.OPENED, Shift.LATER, _TO_COME),
    _K.OFFER: _offered(2 * _DAY, Privacy.GENERIC),
    _K.ADVERTISING: _offered(2 * _DAY, Privacy.OPEN),
    _K.GREETING: _offered(_DAY, Privacy.OPEN),
    _K.COMBINED: _offered(2 * _DAY, Privacy.GENERIC),
}


def repeats(kind: NoticeKind, purpose: Purpose, channel: ConsentChannel = ConsentChannel.PUSH) -> bool:
    """Whether what may have arrived is sent again.

    A push replaces itself on the screen; what else is sent twice is read twice, which only the treatment is worth.
    """
    if purpose is Purpose.MARKETING or not KINDS[kind].repeats:
        return False
    return channel is ConsentChannel.PUSH or purpose is Purpose.SERVICE


def expiry(kind: NoticeKind, begins: datetime, visit_at: datetime | None = None) -> datetime:
    """When a notice of this kind is worth nothing any more: at the latest as the visit begins that it is of."""
    ends = begins + KINDS[kind].life
    return min(ends, visit_at) if visit_at is not None and KINDS[kind].with_visit else ends
