"""How one patient may be reached for one notice: their words, wishes and addresses, and the clinic's rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from uuid import UUID

from clinic.hours import Hours
from push.caps import USUAL_CAPS, Cap
from push.channel import Way
from push.consent import ConsentChannel
from push.gate import Claimed, Hold, Send, Stop, barred, over, timing
from push.kinds import KINDS, Ends, Rung, Shift
from push.ladder import Climb, LadderRule, Wishes, climb, has_ended, rungs_of
from push.line import LINE_PAUSE, Line
from push.notice import NoticeKind, Purpose
from push.outcome import DeliveryState
from push.quiet import QuietHours
from push.visit import VisitNow
from push.ways import WAYS, Lines, awake

_C = ConsentChannel
NO_DEVICE = Stop(DeliveryState.NO_DEVICE, "no-device")
NO_ADDRESS = Stop(DeliveryState.NO_ADDRESS, "no-address")
CAPPED = Stop(DeliveryState.SUPPRESSED, "capped")
_NOT_HERE = (NO_DEVICE, NO_ADDRESS)


@dataclass(frozen=True, slots=True)
class Rules:
    """A clinic's rules of reaching people."""

    caps: tuple[Cap, ...] = USUAL_CAPS
    ladders: tuple[LadderRule, ...] = ()
    calls: bool = False
    closed_on: frozenset[date] = frozenset()
    quiet: tuple[time, time] | None = None


USUAL_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Address:
    """Where one message goes: on this wire, by this line. Empty `text`: a phone of the app."""

    way: Way
    line: Line | None
    text: str


@dataclass(frozen=True, slots=True)
class Person:
    """What a record and its patient say of reaching them. `words`: the last one of each channel, on this purpose."""

    zone: str = "UTC"
    language: str = "en"
    phone: str | None = None
    email: str | None = None
    chats: tuple[str, ...] = ()
    dead: frozenset[tuple[Way, str]] = frozenset()
    words: Mapping[ConsentChannel, bool] = field(default_factory=dict)
    quiet: QuietHours | None = None
    muted_until: datetime | None = None
    wishes: Wishes = field(default_factory=Wishes)

    def addresses(self, channel: ConsentChannel, clinic_id: UUID, lines: Lines) -> list[Address]:
        """Those that may still live, on the first wire of the channel that the clinic has and the patient is on."""
        for way in WAYS.get(channel, ()):
            line = next(iter(awake(lines, clinic_id, way)), None)
            texts = [each for each in self._texts(way) if (way, each) not in self.dead]
            if line is not None and texts:
                return [Address(way, line, each) for each in texts]
        return []

    def waits_for(self, channel: ConsentChannel, clinic_id: UUID, lines: Lines) -> bool:
        """Whether there is an address, and a line for it that rests: asked where no other line carries the channel."""
        return any(
            lines.get((clinic_id, way)) and any((way, each) not in self.dead for each in self._texts(way))
            for way in WAYS.get(channel, ())
        )

    def _texts(self, way: Way) -> tuple[str, ...]:
        match way:
            case Way.SMS | Way.WHATSAPP:
                return (self.phone,) if self.phone else ()
            case Way.EMAIL:
                return (self.email,) if self.email else ()
            case Way.TELEGRAM:
                return self.chats
        return ()

    def still_has(self, way: Way, address: str) -> bool:
        return address in self._texts(way) and (way, address) not in self.dead


@dataclass(frozen=True, slots=True)
class Case:
    """One notice before the gate."""

    key: UUID
    clinic_id: UUID
    kind: NoticeKind
    purpose: Purpose
    not_before: datetime
    expires_at: datetime
    hours: Hours | None
    silent: bool
    cancelled: bool
    tried: frozenset[ConsentChannel]
    accepted: bool
    delivered: bool
    opened: bool
    person: Person
    rules: Rules
    held_until: datetime | None = None
    """A worker has a message of it in its hands, at the latest until then."""
    visit: VisitNow | None = None
    visit_at: datetime | None = None

    def claimed(self, channel: ConsentChannel, *, reachable: bool = True, lease_lost: bool = False) -> Claimed:
        person = self.person
        early = KINDS[self.kind].shift is Shift.EARLIER and not self.tried
        return Claimed(
            self.purpose, self.expires_at, self.hours, person.words.get(channel), self.cancelled, reachable,
            lease_lost, channel, self.kind, person.quiet, self.rules.closed_on, person.muted_until,
            channel in person.wishes.never, self.not_before if early else None, self.key, self.silent, self.visit,
            self.visit_at,
        )  # fmt: skip

    def rungs(self, lines: Lines) -> tuple[Rung, ...]:
        there = {_C.PUSH}
        if not self.silent:
            there |= {each for each, ways in WAYS.items() if any((self.clinic_id, way) in lines for way in ways)}
            there |= {_C.CALL} if self.rules.calls else set()
        return rungs_of(self.kind, self.rules.ladders, self.person.wishes, there)


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a notice now. `addresses` of another channel than push; none of push and calls."""

    passage: Send | Hold | Stop | None
    """None: nothing more is to be done, it has what it wanted or no way is left."""
    channel: ConsentChannel | None
    climb: Climb
    addresses: tuple[Address, ...] = ()


_NOWHERE = Climb(None, None, ())


def step(case: Case, lines: Lines, has_phone: bool, capped: frozenset[ConsentChannel], now: datetime) -> Step:
    """The next way of a notice, and whether now is the time. What is passed by counts only once it is no `Hold`."""
    if case.tried and _is_done(case, now):
        return Step(None, None, _NOWHERE)
    if case.tried and case.held_until is not None and KINDS[case.kind].ends is Ends.ACCEPTED:
        # A provider may be taking it just now, and one of them is enough.
        return Step(Hold(max(case.held_until, now + LINE_PAUSE)), None, _NOWHERE)
    if stop := over(case.claimed(_C.PUSH), now):
        return Step(stop, None, _NOWHERE)
    every = case.rungs(lines)
    resting = {rung.channel for rung in every if _rests(case, rung.channel, lines)}
    rungs = [rung for rung in every if rung.channel not in resting]
    left = [rung.channel for rung in rungs if rung.channel not in case.tried]
    addresses = {channel: case.person.addresses(channel, case.clinic_id, lines) for channel in left}
    stops = {
        channel: _barred(case, channel, bool(addresses[channel]), has_phone, channel in capped) for channel in left
    }
    way = climb(rungs, case.tried, {channel: stop for channel, stop in stops.items() if stop})
    passage = timing(case.claimed(way.rung or _C.PUSH), now)
    channel = way.rung
    if channel is None:
        return Step(_held(case, way, passage, bool(resting), now), None, way)
    if resting and way.limit is None:
        way = replace(way, limit=next(rung.limit for rung in rungs if rung.channel is channel))
    return Step(passage, channel, way, tuple(addresses[channel]))


def _held(case: Case, way: Climb, passage: Send | Hold | Stop, resting: bool, now: datetime) -> Hold | None:
    """Whether a notice that can go no way now is looked at again."""
    if resting:
        return Hold(now + LINE_PAUSE)
    # A phone may be registered, or a number be told, before the hours open.
    is_unknown = any(stop in _NOT_HERE for _, stop in way.passed) and not case.tried
    return passage if isinstance(passage, Hold) and is_unknown else None


def _rests(case: Case, channel: ConsentChannel, lines: Lines) -> bool:
    """Whether this way is open to the patient, and all lines that would carry it rest: it is asked again later."""
    if channel in case.tried or barred(case.claimed(channel)) or case.person.addresses(channel, case.clinic_id, lines):
        return False
    return case.person.waits_for(channel, case.clinic_id, lines)


def _is_done(case: Case, now: datetime) -> bool:
    ends = KINDS[case.kind].ends
    reached = has_ended(ends, accepted=case.accepted, delivered=case.delivered, opened=case.opened)
    return reached or (case.accepted and now >= case.expires_at)


def _barred(case: Case, channel: ConsentChannel, has_address: bool, has_phone: bool, is_capped: bool) -> Stop | None:
    if stop := barred(case.claimed(channel)):
        return stop
    if is_capped:
        return CAPPED
    if channel is _C.PUSH:
        return None if has_phone else NO_DEVICE
    if channel is _C.CALL:
        return None if case.person.phone else NO_ADDRESS
    return None if has_address else NO_ADDRESS


def line_named(lines: Lines, clinic_id: UUID, way: Way, app_build: str) -> Line | None:
    """The line of an app build, also one that rests; None where the clinic has none of its own."""
    return next((line for line in lines.get((clinic_id, way), ()) if line.name == app_build), None)
