"""What came of a journey: shares with honest intervals, and what is told of few people to whom."""

from automation.proportion import FEWEST, Finding, difference, share
from automation.segment import SMALLEST_TOLD, told_size
from core.values import Int32, Value

_BP = 10_000

Told = Int32 | None
"""A number of people; for who may not read clinical facts none of fewer than five, and else in whole fives."""


class Rate(Value):
    """So many of these met the goal; with 95 % confidence the true share lies within `low_bp` and `high_bp`."""

    count: Told
    of: Told
    low_bp: Int32 | None
    high_bp: Int32 | None


class Uplift(Value):
    """By how much more of those who were let in met the goal, in basis points of all, with 95 % confidence.

    Of fewer than thirty on either side nothing is said (`too_few`); `clear` when the interval does not hold zero.
    """

    finding: Finding
    low_bp: Int32 | None
    high_bp: Int32 | None


def told(count: int, *, clinical: bool, people: int | None = None) -> int | None:
    """What is told of `count`, where it counts `people` (None: as many as it counts).

    Of a few nothing; of more in whole fives, so that no number of a few is left over where two are subtracted.
    """
    if clinical or count == 0:
        return count
    if told_size(count if people is None else people) is None:
        return None
    return count - count % SMALLEST_TOLD


def hides(count: int, of: int, *, clinical: bool) -> bool:
    """Whether these two numbers would tell of a few people."""
    return None in {told(each, clinical=clinical) for each in (count, of, of - count)}


def rate(count: int, of: int, *, clinical: bool) -> Rate:
    """Where either number is hidden the bounds are too: they would tell it. Else both are exact."""
    if hides(count, of, clinical=clinical):
        return Rate(count=None, of=told(of, clinical=clinical), low_bp=None, high_bp=None)
    bounds = share(count, of)
    return Rate(count=count, of=of, low_bp=int(bounds.low * _BP), high_bp=-int(-bounds.high * _BP // 1))


def uplift(reached: tuple[int, int], held_out: tuple[int, int], *, clinical: bool) -> Uplift:
    """Each (met the goal, of): Newcombe's interval for the difference of two independent shares.

    Its bounds are hidden with the numbers of either side: three of the four and a bound tell the fourth.
    """
    if min(reached[1], held_out[1]) < FEWEST:
        return Uplift(finding=Finding.TOO_FEW, low_bp=None, high_bp=None)
    low, high = difference(reached, held_out)
    finding = Finding.CLEAR if low > 0 or high < 0 else Finding.NOT_CLEAR
    if hides(*reached, clinical=clinical) or hides(*held_out, clinical=clinical):
        return Uplift(finding=finding, low_bp=None, high_bp=None)
    return Uplift(finding=finding, low_bp=int(low * _BP // 1), high_bp=-int(-high * _BP // 1))
