"""What a campaign came to, as numbers that may be told: with their intervals, and no small group for everybody."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from automation.campaign import HOLDOUT, CampaignDraft
from automation.proportion import difference, share
from automation.segment import SMALLEST_TOLD
from core.values import Int32, Int64, Value
from push.group import Group

_WHOLE = 10_000

BasisPoints = Annotated[Int32, Field(ge=-_WHOLE, le=_WHOLE)]


class Step(StrEnum):
    """What may come of it, for each member once."""

    SENT = "sent"
    """A provider has it, on whatever way."""
    DELIVERED = "delivered"
    OPENED = "opened"
    COUPON = "coupon"
    ACTED = "acted"
    """They took the coupon or booked."""
    BOOKED = "booked"
    STOPPED = "stopped"
    """They withdrew their consent to such messages, on whatever channel."""


class StepFigure(Value):
    """`count` of those whose turn came; `low_bp` and `high_bp` enclose the share in basis points, with 95 %
    confidence. All null where it is of fewer than five, to who may not read clinical facts."""

    step: Step
    count: Int64 | None
    low_bp: BasisPoints | None
    high_bp: BasisPoints | None


class ArmFigures(Value):
    """`arm` is a key of the campaign's, or `holdout`: whom nothing was said to."""

    arm: str = Field(max_length=10, examples=["a"])
    handed: Int64 | None = Field(description="Of how many the turn has come.")
    steps: list[StepFigure] = Field(max_length=len(Step))


class NotSent(Value):
    """So many were not reached on this way, and why: a stable code (docs/reaching.md). One person may stand in several
    lines."""

    channel: str = Field(max_length=20, examples=["sms"])
    reason: str = Field(max_length=200, examples=["no-consent"])
    count: Int64 | None


class Uplift(Value):
    """By how much more of those who were told booked than of the holdout: the interval, in basis points. Where it
    encloses 0, nothing is known."""

    low_bp: BasisPoints
    high_bp: BasisPoints


def told(count: int, *, clinical: bool) -> int | None:
    """As it is, or null: of few persons it would tell who they are. That there is nobody is told."""
    return count if clinical or count == 0 or count >= SMALLEST_TOLD else None


def arm_figures(arm: str, handed: int, counts: Mapping[Step, int], *, clinical: bool) -> ArmFigures:
    """Of a small arm nothing is told, and of another no small count, nor a count that leaves only few out."""
    steps = [_figure(step, counts[step], handed, clinical=clinical) for step in Step]
    return ArmFigures(arm=arm, handed=told(handed, clinical=clinical), steps=steps)


def _figure(step: Step, count: int, of: int, *, clinical: bool) -> StepFigure:
    hidden = None in (told(of, clinical=clinical), told(count, clinical=clinical), told(of - count, clinical=clinical))
    if hidden:
        return StepFigure(step=step, count=None, low_bp=None, high_bp=None)
    found = share(count, of)
    return StepFigure(step=step, count=count, low_bp=_bp(found.low), high_bp=_bp(found.high))


def uplift(booked: Mapping[str, tuple[int, int]], *, clinical: bool) -> Uplift | None:
    """Of (booked, handed) by arm; null without a holdout, and where a group is too small to be told of."""
    rest = [counts for arm, counts in booked.items() if arm != HOLDOUT]
    all_told = (sum(count for count, _ in rest), sum(of for _, of in rest))
    held = booked.get(HOLDOUT, (0, 0))
    small = any(told(part, clinical=clinical) is None for count, of in (all_told, held) for part in (count, of))
    if small or not all_told[1] or not held[1]:
        return None
    low, high = difference(all_told, held)
    return Uplift(low_bp=_bp(low), high_bp=_bp(high))


def _bp(part: float) -> int:
    return round(part * _WHOLE)


def sms_units(draft: CampaignDraft, people: int, units_by_arm: Mapping[str, int]) -> int:
    """What so many SMS of this language cost in the provider's units, rounded up: each arm has its share of people and
    its length, and the holdout gets none."""
    weighted = sum(arm.percent * units_by_arm[arm.key] for arm in draft.arms)
    return -(-people * weighted * (100 - draft.holdout_percent) // 10_000)


def groups_of(channels: Sequence[str]) -> list[Group]:
    """For which groups of ways an example is shown; what stands in the app is one of them."""
    return [group for group in Group if group.value in channels]
