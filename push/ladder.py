"""Which way is tried next: in order, each for its time, until one of them has done what the kind wants."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from core.values import Int32, Value
from push.consent import ConsentChannel
from push.gate import Stop
from push.kinds import KINDS, Ends, Rung
from push.notice import NoticeKind


class RungRule(Value):
    """One way of a clinic's own ladder."""

    channel: ConsentChannel
    minutes: Annotated[Int32, Field(ge=1, le=20_160)] = Field(
        description="How long it may take before the next is tried.", examples=[60]
    )


class LadderRule(Value):
    """A clinic's own order of ways for one kind; it may leave ways out and add none."""

    kind: NoticeKind
    rungs: list[RungRule] = Field(min_length=1, max_length=6)

    @model_validator(mode="after")
    def _names_ways_of_the_kind_once(self) -> Self:
        named = [rung.channel for rung in self.rungs]
        if len(set(named)) < len(named) or not set(named) <= KINDS[self.kind].channels:
            raise ValueError("a way that this kind never goes by, or one twice")
        return self


@dataclass(frozen=True, slots=True)
class Wishes:
    """The patient's own: which way first, and by which never."""

    order: tuple[ConsentChannel, ...] = ()
    never: frozenset[ConsentChannel] = frozenset()


@dataclass(frozen=True, slots=True)
class Climb:
    """Where a notice goes now. `passed`: ways that are barred, each with the reason. No `rung`: nothing is left.

    `limit`: after which time the next way is tried; None where there is none.
    """

    rung: ConsentChannel | None
    limit: timedelta | None
    passed: tuple[tuple[ConsentChannel, Stop], ...]


def rungs_of(
    kind: NoticeKind, own: Sequence[LadderRule], wishes: Wishes, there: Collection[ConsentChannel]
) -> tuple[Rung, ...]:
    """The ways for a notice, in order: the clinic's or the usual ones, as far as the clinic has them (`there`).

    What the patient named comes first, in their order; a call by a person stays the last.
    """
    ruled = next((rule for rule in own if rule.kind is kind), None)
    rungs = KINDS[kind].ladder
    if ruled is not None:
        rungs = tuple(Rung(each.channel, timedelta(minutes=each.minutes)) for each in ruled.rungs)
    place = {channel: number for number, channel in enumerate(wishes.order)}
    held = [rung for rung in rungs if rung.channel in there]
    last = ConsentChannel.CALL
    return tuple(sorted(held, key=lambda rung: (rung.channel is last, place.get(rung.channel, len(place)))))


def climb(rungs: Sequence[Rung], tried: Collection[ConsentChannel], barred: Mapping[ConsentChannel, Stop]) -> Climb:
    """The first way that was not tried and is not barred; what is barred is passed and will not be asked again."""
    passed: list[tuple[ConsentChannel, Stop]] = []
    left = [rung for rung in rungs if rung.channel not in tried]
    for number, rung in enumerate(left):
        stop = barred.get(rung.channel)
        if stop is None:
            return Climb(rung.channel, rung.limit if number + 1 < len(left) else None, tuple(passed))
        passed.append((rung.channel, stop))
    return Climb(None, None, tuple(passed))


def has_ended(ends: Ends, *, accepted: bool, delivered: bool, opened: bool) -> bool:
    """Whether what the kind wants was reached, so that no other way is tried."""
    match ends:
        case Ends.ACCEPTED:
            return accepted or delivered or opened
        case Ends.DELIVERED:
            return delivered or opened
        case Ends.OPENED:
            return opened
    return False
