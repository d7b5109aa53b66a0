"""A campaign: one thing said once to a group of patients; who, in which words, when, how fast, and what is learned."""

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from automation.journey.words import PATHS, Place
from automation.segment import Criterion
from automation.task import LONGEST_TEXT, TaskKind, Whose
from core.errors import Fault
from core.moments import Day
from core.values import Int32, ShortText, Value
from identity.permissions import PRESETS
from push.kinds import KINDS
from push.notice import WORDING, NoticeKind, Purpose

HOLDOUT = "holdout"
"""The arm of who is told nothing, so that one sees what would have come by itself."""
MOST_ARMS = 4
_ALL = 100

Percent = Annotated[int, Field(strict=True, ge=1, le=100, json_schema_extra={"format": "int32"})]
Hours = Annotated[int, Field(strict=True, ge=1, le=720, json_schema_extra={"format": "int32"})]
_Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
_Key = Annotated[str, StringConstraints(pattern=r"^[a-d]$")]
_Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Wording = Annotated[str, StringConstraints(pattern=WORDING)]
_Day = Annotated[Day, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
_Preset = Annotated[str, StringConstraints(pattern=f"^({'|'.join(PRESETS)})$")]


class CampaignState(StrEnum):
    DRAFT = "draft"
    ASKED = "asked"
    """It is for so many that a second person is to confirm it."""
    LAUNCHED = "launched"
    """It begins as soon as its time has come; then its audience is fixed."""
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    ABORTED = "aborted"


class CampaignKind(StrEnum):
    """Of which kind its messages are: that decides for what a yes is needed, and by which ways they go."""

    ADVERTISING = "advertising"
    OFFER = "offer"
    GREETING = "greeting"
    COMBINED = "combined"
    RECALL = "recall"
    ORGANISATIONAL = "organisational"


class Response(StrEnum):
    """What somebody did who was told."""

    OPENED = "opened"
    COUPON = "coupon"


class Arm(Value):
    """One way to say it. `wording` names the words (docs/wording.md); without it they are those of the kind."""

    key: _Key = Field(examples=["a"])
    percent: Percent = Field(default=100, examples=[50])
    wording: _Wording | None = Field(default=None, examples=["autumn-a"])


class WinnerRule(Value):
    """After so many hours the arm that did best is taken for the rest, if it did so clearly; else all go on.

    `test_percent`: to so many of the audience first, and the rest waits for the answer. Without it nobody waits, and
    the answer counts for who is not yet told by then.
    """

    by: Response = Field(examples=["opened"])
    after_hours: Hours = Field(examples=[24])
    test_percent: Percent | None = Field(default=None, examples=[20])


class FollowUp(Value):
    """Whoever responded becomes a task, once, unless they have booked by then. For one, for a set of rights, for a
    team, or, of none, for everybody."""

    on: list[Response] = Field(min_length=1, max_length=2, examples=[["opened", "coupon"]])
    kind: TaskKind = TaskKind.CALL
    title: ShortText | None = None
    script: _Text = Field(default="", description="What to say.")
    within_hours: Hours = Field(default=24, description="When it is due after the response was seen.")
    assignee_id: UUID | None = None
    preset: _Preset | None = None
    team_id: UUID | None = None


_EXAMPLE: dict[str, Any] = {
    "name": "Hygiene in autumn",
    "criteria": {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
    "kind": "offer",
    "arms": [{"key": "a", "percent": 50, "wording": "autumn-a"}, {"key": "b", "percent": 50, "wording": "autumn-b"}],
    "place": "offers", "promotion_id": None, "day": "2026-12-01", "at": "10:00", "per_hour": 500, "lasts_hours": 72,
    "holdout_percent": 10, "winner": {"by": "opened", "after_hours": 24, "test_percent": 20},
    "follow_up": {"on": ["opened"], "kind": "call", "script": "Would you like a time?", "preset": "reception"},
    "booked_within_days": 30,
}  # fmt: skip


class CampaignDraft(Value):
    """`day` and `at` are by the clock of the clinic's first branch; without them it begins at once.

    It ends `lasts_hours` after it began: what could not be said by then is not said.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: ShortText
    criteria: Criterion
    kind: CampaignKind
    arms: list[Arm] = Field(default=[Arm(key="a")], min_length=1, max_length=MOST_ARMS)
    place: Place = Field(default=Place.HOME, description="Where the message leads in the app.")
    promotion_id: UUID | None = Field(default=None, description="The offer it is about: it is opened to the audience.")
    day: _Day | None = None
    at: _Clock | None = None
    per_hour: Annotated[Int32, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="So many are told in an hour at most; null: as fast as the lines go."
    )
    lasts_hours: Hours = 72
    holdout_percent: Annotated[Int32, Field(ge=0, le=50)] = 0
    winner: WinnerRule | None = None
    follow_up: FollowUp | None = None
    booked_within_days: Annotated[Int32, Field(ge=1, le=180)] = 30

    @property
    def notice_kind(self) -> NoticeKind:
        return NoticeKind(self.kind.value)

    @property
    def purpose(self) -> Purpose:
        """What one must have agreed to. It follows from the kind: nobody can call an offer a service."""
        return KINDS[self.notice_kind].purpose

    @property
    def link(self) -> str:
        return PATHS[Place.OFFERS] if self.promotion_id is not None else PATHS[self.place]

    @property
    def clock(self) -> time | None:
        return None if self.at is None else time.fromisoformat(self.at)


def campaign_faults(draft: CampaignDraft) -> list[Fault]:
    """Everything for which it could not run one day."""
    return [*_arm_faults(draft), *_offer_faults(draft), *_time_faults(draft), *_task_faults(draft.follow_up)]


def _arm_faults(draft: CampaignDraft) -> list[Fault]:
    faults = []
    if len({arm.key for arm in draft.arms}) < len(draft.arms):
        faults.append(Fault("/arms", "twice"))
    if sum(arm.percent for arm in draft.arms) != _ALL:
        faults.append(Fault("/arms", "not-a-hundred"))
    if draft.winner is not None and len(draft.arms) == 1:
        faults.append(Fault("/winner", "one-arm"))
    return faults


def _offer_faults(draft: CampaignDraft) -> list[Fault]:
    """Coupons need an offer, and an offer needs the yes that offers need."""
    if draft.promotion_id is not None:
        return [] if draft.purpose is Purpose.MARKETING else [Fault("/promotion_id", "not-of-this-kind")]
    faults = []
    if draft.winner is not None and draft.winner.by is Response.COUPON:
        faults.append(Fault("/winner/by", "no-promotion"))
    if draft.follow_up is not None and Response.COUPON in draft.follow_up.on:
        faults.append(Fault("/follow_up/on", "no-promotion"))
    return faults


def _time_faults(draft: CampaignDraft) -> list[Fault]:
    faults = []
    if (draft.day is None) != (draft.at is None):
        faults.append(Fault("/at" if draft.at is None else "/day", "missing"))
    if draft.winner is not None and draft.winner.after_hours >= draft.lasts_hours:
        faults.append(Fault("/winner/after_hours", "after-it-is-over"))
    return faults


def _task_faults(follow_up: FollowUp | None) -> list[Fault]:
    if follow_up is None:
        return []
    try:
        whose_of(follow_up)
    except ValueError:
        return [Fault("/follow_up", "for-several")]
    return []


def whose_of(follow_up: FollowUp) -> Whose:
    return Whose(follow_up.assignee_id, follow_up.preset, follow_up.team_id)
