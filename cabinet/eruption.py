"""Eruption: which teeth stand in a mouth of a given age when nobody has looked yet.

Ages in whole years at which a tooth begins to come through, after the American Dental Association's
eruption charts ("Eruption Charts", MouthHealthy), rounded up for the first teeth. Only a default: every
finding about presence is stronger.
"""

from datetime import date

from cabinet.tooth import is_deciduous, is_upper, position
from core.dates import birthday, whole_years

_DECIDUOUS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 3}
_UPPER = {1: 7, 2: 8, 3: 11, 4: 10, 5: 10, 6: 6, 7: 12, 8: 18}
_LOWER = {1: 6, 2: 7, 3: 9, 4: 10, 5: 11, 6: 6, 7: 12, 8: 18}
# The upper end of the age at which a milk tooth is shed, the same above and below.
_SHED = {1: 7, 2: 8, 3: 12, 4: 11, 5: 12}
ADULT = 18

_GONE = (*_SHED.values(), *(age + 1 for age in _SHED.values()))
_TURNING_POINTS = tuple(sorted({*_DECIDUOUS.values(), *_UPPER.values(), *_LOWER.values(), *_GONE}))


def erupts_at(tooth: str) -> int:
    """The age in years from which `tooth` is taken to be there."""
    if is_deciduous(tooth):
        return _DECIDUOUS[position(tooth)]
    return (_UPPER if is_upper(tooth) else _LOWER)[position(tooth)]


def expected_until(milk_tooth: str, seen_at: int) -> int:
    """The age in years at which a milk tooth seen at the age `seen_at` is taken to be gone.

    Not before children shed it at the latest, and not within a year of being seen.
    """
    return max(_SHED[position(milk_tooth)], seen_at + 2)


def shed_by(milk_tooth: str) -> int:
    return _SHED[position(milk_tooth)]


def chart_holds_until(birth_date: date, at: date) -> date | None:
    """The next birthday on which a default changes; a chart folded `at` is right before it. None for adults."""
    age = whole_years(birth_date, at)
    turning = next((point for point in _TURNING_POINTS if point > age), None)
    return None if turning is None else birthday(birth_date, turning)
