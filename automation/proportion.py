"""Shares of people with honest intervals, and whether one way did better than the others for certain."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
FEWEST = 30
"""Of fewer people on one way nothing is concluded."""


@dataclass(frozen=True, slots=True)
class Share:
    """So many `of` these; `low` and `high` enclose what it would be of very many, with 95 % confidence."""

    count: int
    of: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tried:
    """How one way did: to how many it was given, and how many did what was wanted."""

    way: str
    given: int
    did: int


class Finding(StrEnum):
    CLEAR = "clear"
    NOT_CLEAR = "not_clear"
    """The best of them may have been so by chance."""
    TOO_FEW = "too_few"
    """Some way was given to too few to say anything."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`best` is named only of a clear finding."""

    finding: Finding
    best: str | None = None


def share(count: int, of: int, z: float | None = None) -> Share:
    """Wilson's score interval (1927): right for few people and for shares near none and all. Of nobody: 0 to 1."""
    if of == 0:
        return Share(count, of, 0.0, 1.0)
    bound = _z(1) if z is None else z
    part, square = count / of, bound * bound / of
    middle = (part + square / 2) / (1 + square)
    half = bound / (1 + square) * sqrt(part * (1 - part) / of + square / (4 * of))
    # At the ends the interval begins where the share does; what is left of it there is a rounding.
    low, high = (0.0 if count == 0 else middle - half), (1.0 if count == of else middle + half)
    return Share(count, of, max(0.0, low), min(1.0, high))


def difference(one: tuple[int, int], other: tuple[int, int], z: float | None = None) -> tuple[float, float]:
    """The interval of the first share less the second, each (count, of): Newcombe (1998), method 10."""
    first, second = share(*one, z), share(*other, z)
    if not first.of or not second.of:
        return (-1.0, 1.0)
    a, b = first.count / first.of, second.count / second.of
    low = a - b - sqrt((a - first.low) ** 2 + (second.high - b) ** 2)
    high = a - b + sqrt((first.high - a) ** 2 + (b - second.low) ** 2)
    return (max(-1.0, low), min(1.0, high))


def best_of(tried: Sequence[Tried]) -> Comparison:
    """The way that did better than every other, where that cannot well be chance.

    Every pair of ways could have been the one that looks best: the confidence of each comparison is raised by their
    number (Bonferroni), so that of equal ways one is called the best in 5 of 100 tests at most.
    """
    if len(tried) <= 1 or any(each.given < FEWEST for each in tried):
        return Comparison(Finding.TOO_FEW)
    z = _z(len(tried) * (len(tried) - 1) // 2)
    leader = max(tried, key=lambda each: (each.did / each.given, each.way))
    mine = (leader.did, leader.given)
    others = [each for each in tried if each is not leader]
    if all(difference(mine, (each.did, each.given), z)[0] > 0 for each in others):
        return Comparison(Finding.CLEAR, leader.way)
    return Comparison(Finding.NOT_CLEAR)


def _z(comparisons: int) -> float:
    """How many standard errors to either side keep the confidence over so many comparisons."""
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * comparisons))
