"""Whose turn it is in a campaign: in which arm, at which moment, and how many before the answer of the test."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from automation.campaign import HOLDOUT, Arm, CampaignDraft, Response
from automation.journey.lot import lot
from automation.proportion import Comparison, Tried, best_of

AHEAD = timedelta(minutes=5)
"""How far ahead the messages of a slow campaign are put into the outbox."""
_ARM = "arm"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """One member's: the arm, and the moment from which it counts; of the holdout too."""

    arm: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Turns:
    """Those of a batch in its order, and from when on the next one is free."""

    turns: Sequence[Turn]
    paced_until: datetime


def arm_of(draft: CampaignDraft, campaign_id: UUID, patient_id: UUID, winner: str | None) -> str:
    """By lot, the same for the same patient and campaign; `winner`: what the test came to, where it came to something.

    The holdout is drawn apart from the arm, so that it is the same before and after.
    """
    if lot(patient_id, str(campaign_id), HOLDOUT) < draft.holdout_percent:
        return HOLDOUT
    return winner or _drawn(draft.arms, lot(patient_id, str(campaign_id), _ARM))


def _drawn(arms: Sequence[Arm], drawn: int) -> str:
    for arm in arms:
        drawn -= arm.percent
        if drawn < 0:
            return arm.key
    return arms[-1].key


def turns_of(
    arms: Sequence[str], per_hour: int | None, paced_until: datetime | None, now: datetime, ends_at: datetime
) -> Turns:
    """One after the other at the pace, the holdout taking no time: as many as begin in `AHEAD` and before the end."""
    gap = _HOUR / per_hour if per_hour else timedelta(0)
    at = max(paced_until or now, now)
    turns = []
    for arm in arms:
        if at > now + AHEAD or at >= ends_at:
            break
        turns.append(Turn(arm, at))
        if arm != HOLDOUT:
            at += gap
    return Turns(turns, at)


def first_part(draft: CampaignDraft, size: int) -> int:
    """To how many it is given before the arms are compared: rounded up, and everybody where nobody is to wait."""
    if draft.winner is None or draft.winner.test_percent is None:
        return size
    return -(-size * draft.winner.test_percent // 100)


def decides_at(draft: CampaignDraft, begun_at: datetime) -> datetime | None:
    return None if draft.winner is None else begun_at + timedelta(hours=draft.winner.after_hours)


def compared(draft: CampaignDraft, given: dict[str, tuple[int, int]]) -> Comparison:
    """What the test came to, of (given, did) by arm. An arm that was drawn for nobody counts as given to nobody."""
    return best_of([Tried(arm.key, *given.get(arm.key, (0, 0))) for arm in draft.arms])


def hours_needed(draft: CampaignDraft, size: int) -> int:
    """For how long it speaks at its pace, in whole hours."""
    return -(-size // draft.per_hour) if draft.per_hour else 0


def is_response(draft: CampaignDraft, opened: bool, coupon: bool) -> bool:
    """Whether this is what the follow-up waits for."""
    wanted = draft.follow_up.on if draft.follow_up else []
    return (opened and Response.OPENED in wanted) or (coupon and Response.COUPON in wanted)
