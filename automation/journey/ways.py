"""The ways of a journey: where each step may lead, who gets there, how long it takes at most, how often it speaks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from automation.journey.document import Journey
from automation.journey.step import Step
from automation.journey.words import StepKind

SPEAKS = frozenset({StepKind.MESSAGE, StepKind.CHAT, StepKind.SURVEY})
"""Steps by which the patient is told something."""
_HOURS_OF_A_DAY = 24
_DAYS_OF_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class Way:
    """From the step numbered `start` to the step named `to`; `pointer` is where the document says so.

    `word` is what takes a patient there: a case ("1"), a share ("50 %"), `then`, `late`, or nothing (on).
    """

    start: int
    to: str
    pointer: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a journey may come to for one patient. `days`: from the entry, held hours counted in, on the longest way.

    `around_visit`: a step waits for a moment of the visit, which no document knows; `days` leaves that wait out.
    """

    messages: int
    days: int
    around_visit: bool


def ways(journey: Journey) -> Iterator[Way]:
    """Every way, in the order of the steps; those to the end of the journey are none."""
    for place, step in enumerate(journey.steps):
        yield from _ways_of(journey, place, step)


def ways_by_start(journey: Journey) -> dict[int, list[Way]]:
    found: dict[int, list[Way]] = {place: [] for place in range(len(journey.steps))}
    for way in ways(journey):
        found[way.start].append(way)
    return found


def reached(journey: Journey) -> set[str]:
    """The steps that somebody may come to."""
    leads: dict[str, list[str]] = {step.id: [] for step in journey.steps}
    for way in ways(journey):
        leads[journey.steps[way.start].id].append(way.to)
    seen, ahead = set[str](), [journey.steps[0].id]
    while ahead:
        at = ahead.pop()
        if at in leads and at not in seen:
            seen.add(at)
            ahead += leads[at]
    return seen


def reach(journey: Journey) -> Reach:
    """Of a journey whose ways all lead to later steps; raises KeyError for one that leads nowhere."""
    return Reach(
        messages=_longest(journey, lambda step: int(step.kind in SPEAKS)),
        days=-(-_longest(journey, lambda step: _hours(journey, step)) // _HOURS_OF_A_DAY),
        around_visit=any(step.kind is StepKind.WAIT_VISIT for step in journey.steps),
    )


def _ways_of(journey: Journey, place: int, step: Step) -> Iterator[Way]:
    at = f"/steps/{place}"
    for number, case in enumerate(step.cases or ()):
        yield Way(place, case.to, f"{at}/cases/{number}/to", str(number + 1))
    for number, share in enumerate(step.shares or ()):
        yield Way(place, share.to, f"{at}/shares/{number}/to", f"{share.percent} %")
    for word, to in (("then", step.then), ("late", step.late)):
        if to is not None:
            yield Way(place, to, f"{at}/{word}", word)
    following = journey.after(step)
    if step.kind is not StepKind.SPLIT and following is not None:
        yield Way(place, following, f"{at}/next" if step.next else at)


def _longest(journey: Journey, weight: Callable[[Step], int]) -> int:
    """The heaviest way from the first step: backwards over the steps, since every way leads to a later one."""
    leads, numbers = ways_by_start(journey), _numbers(journey)
    heavy = [0] * len(journey.steps)
    for place in reversed(range(len(journey.steps))):
        ahead = max((heavy[numbers[way.to]] for way in leads[place]), default=0)
        heavy[place] = weight(journey.steps[place]) + ahead
    return heavy[0]


def _numbers(journey: Journey) -> Mapping[str, int]:
    return {step.id: place for place, step in enumerate(journey.steps)}


def _hours(journey: Journey, step: Step) -> int:
    """At most, in hours. What is said may be held until the hours of the journey open."""
    if step.kind in SPEAKS:
        return _HOURS_OF_A_DAY * _days_until(journey.weekdays)
    if step.kind not in (StepKind.WAIT, StepKind.WAIT_EVENT):
        return 0
    whole = (step.days or 0) * _HOURS_OF_A_DAY + (step.hours or 0)
    until = _days_until(step.weekdays or range(_DAYS_OF_A_WEEK)) if step.at or step.weekdays else 0
    return whole + until * _HOURS_OF_A_DAY


def _days_until(weekdays: list[int] | range) -> int:
    """The longest time in days from any moment until one of `weekdays` comes round, a day where it is every one."""
    days = sorted(set(weekdays))
    return max(
        (following - day) % _DAYS_OF_A_WEEK or _DAYS_OF_A_WEEK
        for day, following in zip(days, [*days[1:], days[0]], strict=True)
    )
