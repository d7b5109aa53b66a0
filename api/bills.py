"""What staff and a clinic's own system say to take coupons, points and a card off a bill."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from cabinet.commands.redemptions import Settling
from cabinet.queries.coupons import RedemptionView
from clinic.facts import ExternalId
from core.money import Money
from core.values import PLAIN, ShortText, Value

MOST_PROMOTIONS_A_BILL = 5

Code = Annotated[str, StringConstraints(min_length=8, max_length=40, pattern=PLAIN)]
"""Ten letters and digits, as people type them: case, blanks and dashes do not matter."""
Points = Annotated[int, Field(strict=True, ge=0, le=10**9, json_schema_extra={"format": "int64"})]


class BillTerms(Value):
    """One bill and what comes off it, all in one call: a bill is settled once."""

    bill: ExternalId = Field(
        description="Your number of the bill. Sending it again changes nothing.", examples=["R-17"]
    )
    price: Money = Field(description="Before anything comes off.")
    codes: Annotated[list[Code], Field(max_length=MOST_PROMOTIONS_A_BILL)] = Field(
        default_factory=list, examples=[["7KQ2M-9XARD"]]
    )
    promotion_ids: Annotated[list[UUID], Field(max_length=MOST_PROMOTIONS_A_BILL)] = Field(
        default_factory=list, description="Promotions of the patient, picked up now where they were not before."
    )
    card_id: UUID | None = Field(default=None, description="A prepaid card: one session of it pays what is left.")
    service: ShortText | None = Field(
        default=None, description="What the bill is for, as the card calls it. A card needs it.", examples=["Hygiene"]
    )
    points: Points = Field(default=0, description="At most so many points; only as many as the price takes are spent.")

    @model_validator(mode="after")
    def _is_a_bill(self) -> Self:
        if self.price.amount_minor <= 0:
            raise ValueError("price must be above zero")
        if not (self.codes or self.promotion_ids or self.card_id or self.points):
            raise ValueError("nothing to take off")
        return self

    def settling(self, source: str, patient_id: UUID | None) -> Settling:
        return Settling(
            source, self.bill, self.price, patient_id, tuple(self.codes), tuple(self.promotion_ids), self.card_id,
            self.points, self.service,
        )  # fmt: skip


class RedemptionPage(Value):
    items: list[RedemptionView] = Field(max_length=200)
    next_cursor: str | None


class ReversalRequest(Value):
    reason: ShortText = Field(description="Why, for the clinic's own books.", examples=["Billed twice"])
