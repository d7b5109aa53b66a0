"""A leaf: what its kind must say, what that means, and who may see why it holds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from automation.criteria.meaning import TODAY, Ago, Line, Meaning, On, since, until
from automation.criteria.said import CriterionKind, Said

T = TypeVar("T")

Shape = frozenset[str]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Leaf:
    """`shapes`: the sets of members it may be said with. `clinical`: that it holds tells of somebody's health, their
    treatment or their money, and only who may read that sees it of a person."""

    kind: CriterionKind
    shapes: tuple[Shape, ...]
    means: Callable[[Said], Meaning]
    clinical: bool


def told(member: T | None) -> T:
    """A member that the leaf's shape has made sure of."""
    assert member is not None
    return member


def shaped(*needs: str, may: str = "") -> tuple[Shape, ...]:
    """These members, or these and `may`."""
    shape = frozenset(needs)
    return (shape, shape | {may}) if may else (shape,)


def in_window(*needs: str, may: str = "") -> tuple[Shape, ...]:
    """These members and a window: `within_days`, or `from_day` with `to_day`."""
    windows = (frozenset({"within_days"}), frozenset({"from_day", "to_day"}))
    return tuple(shape | window for shape in shaped(*needs, may=may) for window in windows)


def window(said: Said) -> tuple[Line, Line]:
    """From the first to the last day of the window that a leaf says, both counted, as lines."""
    if said.within_days is not None:
        return since(Ago(said.within_days)), until(TODAY)
    return since(On(told(said.from_day))), until(On(told(said.to_day)))


def before_window(said: Said) -> Line:
    """All days before the window's first."""
    if said.within_days is not None:
        return until(Ago(said.within_days + 1))
    return until(On(told(said.from_day) - _DAY))


def older(said: Said) -> Line:
    """More than `older_than_days` ago: truth turns at local midnight."""
    return until(Ago(told(said.older_than_days) + 1))


def lately(said: Said) -> Line:
    """Not more than `older_than_days` ago."""
    return since(Ago(told(said.older_than_days)))
