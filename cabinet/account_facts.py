"""Facts a clinic's own system tells of its books: the shape of one row."""

from typing import Self

from pydantic import Field, model_validator

from cabinet.account_balance import LedgerKind
from clinic.facts import ExternalId, Fact, HappenedOn
from core.money import Money
from core.values import Int32, MaybeText, ShortText


class LedgerFact(Fact):
    """One entry of the books. What was entered wrongly is told again with `voided`, not left out."""

    patient: ExternalId = Field(description="External id of the patient.")
    kind: LedgerKind
    amount: Money = Field(description="As a positive amount whatever the kind; only an adjustment may be negative.")
    posted_on: HappenedOn
    due_on: HappenedOn | None = Field(
        default=None, description="A charge's last good day; without one it is never overdue."
    )
    plan: ExternalId | None = Field(default=None, description="External id of the plan it belongs to.")
    stage: Int32 | None = Field(default=None, ge=0, description="The stage's place in the plan, from 0.")
    visit: ExternalId | None = Field(default=None, description="External id of the appointment.")
    reference: ShortText | None = Field(
        default=None, description="Of a payment or refund made through Enamel: its `payment_id`. It then counts once."
    )
    text: MaybeText = Field(default="", description="What the patient reads.", examples=["Otturazione"])
    voided: bool = False
    private: bool = Field(default=False, description="Hidden from guardians.")

    @model_validator(mode="after")
    def _stage_of_a_plan(self) -> Self:
        if self.stage is not None and self.plan is None:
            raise ValueError("stage without plan")
        return self
