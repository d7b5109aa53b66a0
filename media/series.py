"""Rules of series: which views a protocol has and where they stand, how complete one is, what may follow what."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from core.errors import Conflict, Fault, Invalid
from media.kinds import PictureKind

MOST_VIEWS = 60
"""Of a free series; every protocol has fewer."""


class Protocol(StrEnum):
    """What a series is of."""

    ORTHO_PHOTO = "ortho-photo"
    """Eight views, as the American Board of Orthodontics wants them: three of the face, five of the teeth."""
    FACE_PHOTO = "face-photo"
    INTRAORAL_PHOTO = "intraoral-photo"
    AESTHETIC_PHOTO = "aesthetic-photo"
    """Twelve views, in the order of the American Academy of Cosmetic Dentistry's guide."""
    FMX_18 = "fmx-18"
    FMX_20 = "fmx-20"
    BITEWINGS_2 = "bitewings-2"
    BITEWINGS_4 = "bitewings-4"
    FREE = "free"
    """Any pictures, numbered."""


class Phase(StrEnum):
    """When in a treatment a series was taken."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class PlaceState(StrEnum):
    TAKEN = "taken"
    MISSING = "missing"
    """There is no picture, or (to staff) one that stands in quarantine."""
    LEFT_OUT = "left_out"
    """The clinic says that this view was not to be taken."""


@dataclass(frozen=True, slots=True)
class View:
    """One view of a protocol. Row and column from 1, as whoever faces the patient sees it: their right is on the left.

    `kind` None: any. `teeth` are those the view is taken of, FDI, from the viewer's left.
    """

    code: str
    kind: PictureKind | None
    row: int
    column: int
    teeth: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How many views of how many that are to be taken, and how many the clinic leaves out."""

    taken: int
    expected: int
    left_out: int

    @property
    def is_complete(self) -> bool:
        return 0 < self.expected <= self.taken


class PictureOfAnotherKind(Conflict):
    """An X-ray where a photo belongs, or the other way round."""

    slug = "series-picture-kind"


def _photos(*places: tuple[str, int, int]) -> tuple[View, ...]:
    return tuple(View(code, PictureKind.PHOTO, row, column) for code, row, column in places)


_ORTHO = _photos(
    ("face-rest", 1, 2), ("face-smile", 1, 3), ("profile-right-rest", 1, 1),
    ("occlusion-frontal", 3, 2), ("occlusion-right", 3, 1), ("occlusion-left", 3, 3),
    ("arch-upper", 2, 1), ("arch-lower", 2, 3),
)  # fmt: skip
_FACE = _photos(
    ("face-rest", 1, 1), ("face-smile", 1, 2), ("profile-right-rest", 2, 1), ("profile-right-smile", 2, 2),
    ("three-quarter-right", 1, 3),
)  # fmt: skip
_INTRAORAL = _photos(
    ("occlusion-frontal", 2, 2), ("occlusion-right", 2, 1), ("occlusion-left", 2, 3),
    ("arch-upper", 1, 2), ("arch-lower", 3, 2),
)  # fmt: skip
_AESTHETIC = _photos(
    ("face-smile", 1, 1),
    ("smile-frontal", 2, 2), ("smile-right", 2, 1), ("smile-left", 2, 3),
    ("parted-frontal", 3, 2), ("parted-right", 3, 1), ("parted-left", 3, 3),
    ("upper-front", 4, 2), ("upper-front-right", 4, 1), ("upper-front-left", 4, 3),
    ("arch-upper", 1, 2), ("arch-lower", 1, 3),
)  # fmt: skip

_RIGHT_MOLARS, _LEFT_MOLARS = ("8", "7", "6"), ("6", "7", "8")


def _jaw(word: str, right: str, left: str, *, split: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The periapicals of one jaw from the viewer's left; `right` and `left` are its quadrants.

    `split`: the incisors of each side on a picture of their own, and the canine alone on another.
    """
    canine_right, canine_left = (("3",), ("3",)) if split else (("3", "2"), ("2", "3"))
    middle: tuple[tuple[str, tuple[str, ...]], ...] = ((f"{word}-incisors", (f"{right}1", f"{left}1")),)
    if split:
        middle = (
            (f"{word}-right-incisors", (f"{right}2", f"{right}1")),
            (f"{word}-left-incisors", (f"{left}1", f"{left}2")),
        )
    return (
        (f"{word}-right-molars", tuple(right + each for each in _RIGHT_MOLARS)),
        (f"{word}-right-premolars", (f"{right}5", f"{right}4")),
        (f"{word}-right-canine", tuple(right + each for each in canine_right)),
        *middle,
        (f"{word}-left-canine", tuple(left + each for each in canine_left)),
        (f"{word}-left-premolars", (f"{left}4", f"{left}5")),
        (f"{word}-left-molars", tuple(left + each for each in _LEFT_MOLARS)),
    )


_BITEWINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("bitewing-right-molars", ("18", "17", "16", "48", "47", "46")),
    ("bitewing-right-premolars", ("15", "14", "45", "44")),
    ("bitewing-left-premolars", ("24", "25", "34", "35")),
    ("bitewing-left-molars", ("26", "27", "28", "36", "37", "38")),
)
_TWO_BITEWINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("bitewing-right", ("17", "16", "15", "14", "47", "46", "45", "44")),
    ("bitewing-left", ("24", "25", "26", "27", "34", "35", "36", "37")),
)


def _mount(columns: int) -> tuple[View, ...]:
    """A full-mouth series, row by row: upper jaw, bitewings at both ends, lower jaw."""
    is_split = columns == len(_jaw("upper", "1", "2", split=True))
    upper = list(enumerate(_jaw("upper", "1", "2", split=is_split), start=1))
    lower = list(enumerate(_jaw("lower", "4", "3", split=is_split), start=1))
    bites = list(zip((1, 2, columns - 1, columns), _BITEWINGS, strict=True))
    return tuple(_xray(row, each) for row, line in enumerate((upper, bites, lower), start=1) for each in line)


def _xray(row: int, place: tuple[int, tuple[str, tuple[str, ...]]]) -> View:
    column, (code, teeth) = place
    return View(code, PictureKind.XRAY, row, column, teeth)


def _line(*views: tuple[str, tuple[str, ...]]) -> tuple[View, ...]:
    return tuple(_xray(1, each) for each in enumerate(views, start=1))


PROTOCOLS: dict[Protocol, tuple[View, ...]] = {
    Protocol.ORTHO_PHOTO: _ORTHO,
    Protocol.FACE_PHOTO: _FACE,
    Protocol.INTRAORAL_PHOTO: _INTRAORAL,
    Protocol.AESTHETIC_PHOTO: _AESTHETIC,
    Protocol.FMX_18: _mount(7),
    Protocol.FMX_20: _mount(8),
    Protocol.BITEWINGS_2: _line(*_TWO_BITEWINGS),
    Protocol.BITEWINGS_4: _line(*_BITEWINGS),
}
"""The views of each protocol in their order; those of a free series come from what is in it (`views_of`)."""

_FREE_COLUMNS = 4


def views_of(protocol: Protocol, held: Collection[str] = ()) -> tuple[View, ...]:
    """The views of a series in their order; a free one has those that are `held`, by number."""
    if protocol is not Protocol.FREE:
        return PROTOCOLS[protocol]
    numbers = sorted(held, key=int)
    width = min(_FREE_COLUMNS, max(1, len(numbers)))
    return tuple(View(code, None, 1 + at // width, 1 + at % width) for at, code in enumerate(numbers))


def view_named(protocol: Protocol, code: str) -> View | None:
    """The view a series of this protocol may hold under this code."""
    if protocol is Protocol.FREE:
        is_one = code.isascii() and code.isdigit() and code == str(int(code)) and 1 <= int(code) <= MOST_VIEWS
        return View(code, None, 1, 1) if is_one else None
    return next((view for view in PROTOCOLS[protocol] if view.code == code), None)


def is_dark(protocol: Protocol) -> bool:
    """Whether it is looked at on a dark ground, as X-rays are."""
    return protocol is not Protocol.FREE and PROTOCOLS[protocol][0].kind is PictureKind.XRAY


def check_kind(view: View, kind: PictureKind) -> None:
    """Raises `PictureOfAnotherKind`."""
    if kind is PictureKind.VOICE or (view.kind is not None and view.kind is not kind):
        raise PictureOfAnotherKind


def progress(states: Iterable[PlaceState]) -> Progress:
    """How far a series is, from the state of each of its places."""
    every = list(states)
    left_out = every.count(PlaceState.LEFT_OUT)
    return Progress(every.count(PlaceState.TAKEN), len(every) - left_out, left_out)


_RANK = {Phase.BEFORE: 0, Phase.DURING: 1, Phase.AFTER: 2}


def follows(earlier: Phase | None, later: Phase | None) -> bool:
    """Whether a series of phase `later` may be compared with one of phase `earlier`. So no two name each other."""
    return earlier is not None and later is not None and _RANK[earlier] < _RANK[later]


def check_before(protocol: Protocol, phase: Phase | None, before: tuple[Protocol, Phase | None] | None) -> None:
    """Whether a series may name this one as its "before"; None: the patient has none of that id.

    Raises `Invalid` at `/before_id`: unknown-reference, another-protocol, not-earlier.
    """
    if before is None:
        raise Invalid(Fault("/before_id", "unknown-reference"))
    if before[0] is not protocol:
        raise Invalid(Fault("/before_id", "another-protocol"))
    if not follows(before[1], phase):
        raise Invalid(Fault("/before_id", "not-earlier"))


PictureT = TypeVar("PictureT")


def pairs(
    views: Sequence[View], before: dict[str, PictureT], after: dict[str, PictureT]
) -> list[tuple[View, PictureT, PictureT]]:
    """The views that both series have, in the protocol's order, with both pictures."""
    return [(view, before[view.code], after[view.code]) for view in views if view.code in before and view.code in after]
