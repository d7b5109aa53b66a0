"""Referrals: who may be counted as brought by whom."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from core.errors import Fault


class ReferralState(StrEnum):
    BOUND = "bound"
    REWARDED = "rewarded"
    """The first visit of the one who was brought took place; both got their points, once."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """Somebody says that `referrer` brought them; `above` are those who brought the referrer, and so on up."""

    referrer: UUID
    friend: UUID
    one_household: bool
    known_before: bool
    above: Collection[UUID] = ()


def introduction_fault(told: Introduction) -> Fault | None:
    """Why it does not count: one's own code or the family's, somebody known before, a ring back."""
    if told.referrer == told.friend or told.one_household:
        return Fault("/code", "own-code")
    if told.friend in told.above:
        return Fault("/code", "ring")
    return Fault("/code", "known-before") if told.known_before else None
