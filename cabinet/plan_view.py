"""A plan as patient and staff see it: one value from the database to the wire, and to the paper."""

from uuid import UUID

from pydantic import Field

from cabinet.account_balance import PlanAccount
from cabinet.offer_answer import Verdict
from cabinet.plan import Answer, ItemStatus, PlanStatus, StageStatus
from cabinet.plan_cost import Cost
from cabinet.plan_facts import MOST_ITEMS, MOST_REASONS, MOST_STAGES
from core.moments import Day, Moment
from core.money import Money
from core.values import Int32, Value


class ProgressView(Value):
    """How many of the items that will be done are done."""

    items: Int32
    items_done: Int32


class ItemView(Value):
    name: str
    explanation: str = Field(description="Why, in plain words.")
    tooth: str | None = Field(description="FDI code (ISO 3950).")
    surfaces: list[str] = Field(max_length=5, description="M D V L and O or I, in this order.")
    quantity: Int32
    unit_price: Money = Field(description="The lowest it can be where `unit_price_high` is given.")
    unit_price_high: Money | None
    promotion_title: str
    cost: Cost
    status: ItemStatus


class StageView(Value):
    """`position` is its place in the plan, from 0: an answer names stages by it, `depends_on` too."""

    position: Int32
    title: str
    visits: Int32 | None
    duration_days: Int32 | None
    depends_on: list[Int32] = Field(max_length=MOST_STAGES, description="Stages that must precede it.")
    status: StageStatus
    answered: Verdict | None = Field(description="What was said to the present offer of it.")
    cost: Cost
    progress: ProgressView
    items: list[ItemView] = Field(max_length=MOST_ITEMS)


class OfferView(Value):
    """The present offer of a plan. Who answers names its `sha256`: another content has another one."""

    number: Int32 = Field(description="Rises with every change of content; 1 is the first.")
    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    proposed_at: Moment
    valid_until: Day | None
    answered: Answer | None = Field(
        description="`again`: what was accepted has changed, and this offer waits for an answer of its own."
    )


class PlanView(Value):
    """A treatment plan. Plans with the same `group` are alternatives to each other."""

    plan_id: UUID
    group: str | None
    title: str
    pros: list[str] = Field(max_length=MOST_REASONS)
    cons: list[str] = Field(max_length=MOST_REASONS)
    status: PlanStatus
    valid_until: Day | None
    visits: Int32 | None = Field(description="Expected visits of all stages together.")
    duration_days: Int32 | None = Field(description="Expected days of all stages, one after the other.")
    offer: OfferView | None
    cost: Cost
    progress: ProgressView
    stages: list[StageView] = Field(max_length=MOST_STAGES)


class PlanWithAccount(PlanView):
    """A plan with what was paid of it and what is owed, in whole and for each stage, as the clinic's books say."""

    account: PlanAccount | None = Field(description="Null where the books say nothing of this plan, or not to you.")
