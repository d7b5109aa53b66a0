"""Moves a batch of enrolments on: the database says what is true of each, and who stand alike go the same way."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from automation.commands.doings import DOES, Means
from automation.commands.leaving import let_out
from automation.commands.moves_written import Line, Moved, write
from automation.journey.document import Journey
from automation.journey.look import NO_FORK, Ground, Move, look
from automation.journey.words import ExitReason, StepKind, Verdict
from automation.queries.departures import departures
from automation.queries.forks import forks
from automation.queries.places import Key, Place
from core.database import Reading, Sweeping

MOST_LOOKS = 8
"""Steps of one patient in one transaction; whoever has more to do goes on in the next one."""


@dataclass(frozen=True, slots=True)
class _Band:
    """Enrolments that came the same way to the same step. `begun`: they came to it in this transaction."""

    journey: Journey
    step: str
    zone: str
    waiting: bool
    members: list[Place]
    begun: bool = False
    lines: tuple[Line, ...] = ()

    def since(self, place: Place, now: datetime) -> datetime:
        return now if self.begun else place.step_since


async def move(
    sweeping: Sweeping, means: Means, places: Sequence[Place], journeys: Mapping[UUID, Journey], now: datetime
) -> None:
    """Let out who leaves, walk the others on until something is waited for, and write down all of it.

    The statements grow with the steps that people stand on, and not with people. First taken back, then given: push
    locks notices before all else.
    """
    erased = {place.key for place in places if place.zone is None}
    await let_out(sweeping, list(erased), ExitReason.ERASED, now)
    bands = list[_Band]()
    for journey, some in by_journey(places, journeys):
        left = erased | await let_go(sweeping, journey, some, now)
        bands += _alike(journey, (place for place in some if place.key not in left))
    await write(sweeping, means, await _walk(sweeping, bands, now), now)


def _alike(journey: Journey, places: Iterable[Place]) -> Iterable[_Band]:
    bands: dict[tuple[str, str, bool], _Band] = {}
    for place in places:
        assert place.zone is not None
        alike = (place.step, place.zone, place.waiting)
        if alike not in bands:
            bands[alike] = _Band(journey, *alike, members=[])
        bands[alike].members.append(place)
    return bands.values()


async def let_go(sweeping: Sweeping, journey: Journey, some: Sequence[Place], now: datetime) -> set[Key]:
    """Who of these, on this journey and held by the caller, leaves by an exit that is true of them."""
    out: dict[ExitReason, list[Key]] = defaultdict(list)
    who = [(place.key, place.step_since) for place in some]
    for key, reason in (await departures(sweeping, journey, who, now)).items():
        out[reason].append(key)
    for reason, keys in sorted(out.items()):
        await let_out(sweeping, keys, reason, now)
    return {key for keys in out.values() for key in keys}


def by_journey(places: Iterable[Place], journeys: Mapping[UUID, Journey]) -> list[tuple[Journey, list[Place]]]:
    """Places by what they are on: one definition, however many clinics launched it."""
    found: dict[int, tuple[Journey, list[Place]]] = {}
    for place in places:
        journey = journeys[place.journey_id]
        found.setdefault(id(journey), (journey, []))[1].append(place)
    return list(found.values())


async def _walk(reading: Reading, bands: Sequence[_Band], now: datetime) -> list[Moved]:
    """Look again until something is waited for, until something is to be done beside, or for now often enough."""
    over = list[Moved]()
    for _ in range(MOST_LOOKS):
        ahead = list[_Band]()
        for alike in _by_step(bands):
            for band, last in await _looked(reading, alike, now):
                done = last.verdict is Verdict.DONE and band.journey.step(band.lines[-1].step).kind in DOES
                if last.due_at != now or done:
                    over.append(_moved(band, last))
                else:
                    ahead.append(band)
        bands = ahead
    return over + [_moved(band, Move(band.step, now)) for band in bands]


def _by_step(bands: Iterable[_Band]) -> Iterable[list[_Band]]:
    found: dict[tuple[int, str], list[_Band]] = defaultdict(list)
    for band in bands:
        found[id(band.journey), band.step].append(band)
    return found.values()


async def _looked(reading: Reading, bands: Sequence[_Band], now: datetime) -> list[tuple[_Band, Move]]:
    """One look at all who stand on one step of a journey: each band falls apart into those who stand alike."""
    journey = bands[0].journey
    step = journey.step(bands[0].step)
    who = [(place.key, band.since(place, now)) for band in bands for place in band.members]
    found = await forks(reading, journey, step, who, now)
    looked = list[tuple[_Band, Move]]()
    for band in bands:
        grounds: dict[Ground, list[Place]] = defaultdict(list)
        for place in band.members:
            # Only who waits for an event goes by when that began; all others stand on one ground.
            since = band.since(place, now) if step.kind is StepKind.WAIT_EVENT else now
            grounds[Ground(band.zone, since, band.waiting, found.get(place.key, NO_FORK))].append(place)
        for ground, members in grounds.items():
            last = look(journey, step, ground, now)
            looked.append((_after(band, members, last), last))
    return looked


def _after(band: _Band, members: list[Place], last: Move) -> _Band:
    lines = band.lines if last.verdict is None else (*band.lines, Line(band.step, last.verdict, last.reason))
    step = last.to or band.step
    begins = last.to is not None and (step != band.step or (last.waiting and not band.waiting))
    return replace(band, step=step, waiting=last.waiting, members=members, begun=band.begun or begins, lines=lines)


def _moved(band: _Band, last: Move) -> Moved:
    return Moved(band.journey, band.step, band.zone, band.waiting, band.begun, band.lines, last.due_at, band.members)
