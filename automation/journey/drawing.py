"""Where the boxes and lines of a picture of a journey lie: one row for each step, a lane for each way beside another.

Every way leads to a later step, so every line goes down. A line that passes over steps runs in the gutter to the right
of its lane, on a track of its own; between two rows there is one line for all that leaves the upper one and one for all
that comes to the lower one, so no two lines lie upon each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from automation.journey.document import Journey
from automation.journey.step import Step
from automation.journey.ways import ways_by_start
from automation.journey.words import MOST_STEPS

WIDTH, GAP, TRACK, MARGIN = 248, 44, 14, 24
LINE = 18
HEAD = 12
"""Height of the edge above the first and below the last line of a box."""


@dataclass(frozen=True, slots=True)
class Box:
    step: Step
    lines: tuple[str, ...]
    left: int
    top: int

    @property
    def height(self) -> int:
        return len(self.lines) * LINE + 2 * HEAD

    @property
    def middle(self) -> int:
        return self.left + WIDTH // 2

    @property
    def bottom(self) -> int:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Drawing:
    """`lines` are paths of corners, from a box down to another."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[tuple[int, int], ...], ...]
    width: int
    height: int


def drawn(journey: Journey, texts: Mapping[str, tuple[str, ...]], top: int) -> Drawing:
    """`texts`: what stands in each box. Raises KeyError for a way that leads nowhere."""
    numbers = {step.id: place for place, step in enumerate(journey.steps)}
    leads = [sorted({numbers[way.to] for way in ways}) for _, ways in sorted(ways_by_start(journey).items())]
    lanes = _lanes(journey, leads, numbers)
    tracks = _tracks(leads, lanes)
    lefts = _lefts(lanes, tracks)
    boxes, below = list[Box](), top
    for place, step in enumerate(journey.steps):
        boxes.append(Box(step, texts[step.id], lefts[lanes[place]], below))
        below = boxes[-1].bottom + GAP
    lines = [
        tuple(_corners(boxes[start], boxes[to], _across(start, to, lanes, tracks, lefts)))
        for start, ahead in enumerate(leads)
        for to in ahead
    ]
    return Drawing(tuple(boxes), tuple(lines), lefts[-1] + MARGIN, below - GAP + MARGIN)


def _lanes(journey: Journey, leads: list[list[int]], numbers: Mapping[str, int]) -> list[int]:
    """What a step goes on to stays in its lane, and any other way takes the next one that is free down to its step.
    Where ways meet again, it is in the innermost of their lanes."""
    lanes: list[int] = []
    until: dict[int, int] = {}
    for place in range(len(journey.steps)):
        before = [start for start in range(place) if place in leads[start]]
        if not before:
            lanes.append(0)
            continue
        inner = min(lanes[start] for start in before)
        on = journey.after(journey.steps[before[0]])
        if len(before) > 1 or (on is not None and numbers[on] == place):
            lanes.append(inner)
            continue
        beside = next(each for each in range(inner + 1, MOST_STEPS + 1) if until.get(each, -1) <= before[0])
        lanes.append(beside)
        until[beside] = place
    return lanes


_Tracks = Mapping[tuple[int, int], int]


def _tracks(leads: list[list[int]], lanes: list[int]) -> _Tracks:
    """For each line that passes over steps the number of its track in the gutter beside the inner of its lanes."""
    taken: dict[int, list[int]] = {}
    tracks: dict[tuple[int, int], int] = {}
    for start, ahead in enumerate(leads):
        for to in ahead:
            if to > start + 1:
                rows = taken.setdefault(min(lanes[start], lanes[to]), [])
                free = next((number for number, end in enumerate(rows) if end <= start), len(rows))
                rows[free : free + 1] = [to]
                tracks[start, to] = free
    return tracks


def _lefts(lanes: list[int], tracks: _Tracks) -> list[int]:
    """Where each lane begins, and where the last gutter ends."""
    lefts = [MARGIN]
    for lane in range(max(lanes) + 1):
        in_it = [track for (start, to), track in tracks.items() if min(lanes[start], lanes[to]) == lane]
        lefts.append(lefts[-1] + WIDTH + TRACK * (max(in_it, default=-1) + 2))
    return lefts


def _across(start: int, to: int, lanes: list[int], tracks: _Tracks, lefts: list[int]) -> int | None:
    """Where its line runs down; None: it goes to the next row and passes over nothing."""
    if (start, to) not in tracks:
        return None
    return lefts[min(lanes[start], lanes[to])] + WIDTH + TRACK * (tracks[start, to] + 1)


def _corners(start: Box, to: Box, across: int | None) -> Iterator[tuple[int, int]]:
    leaves, comes = start.bottom + GAP // 3, to.top - GAP // 3
    yield start.middle, start.bottom
    if across is not None:
        yield from ((start.middle, leaves), (across, leaves), (across, comes), (to.middle, comes))
    elif start.middle != to.middle:
        yield from ((start.middle, comes), (to.middle, comes))
    yield to.middle, to.top
