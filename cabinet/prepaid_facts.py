"""What is told of a prepaid card and of points that a clinic's own system gave."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from clinic.facts import ExternalId, Fact
from core.moments import Day
from core.money import Money
from core.values import ShortText, Value

Sessions = Annotated[int, Field(strict=True, ge=1, le=1000, json_schema_extra={"format": "int32"})]
Used = Annotated[int, Field(strict=True, ge=0, le=1000, json_schema_extra={"format": "int32"})]
Points = Annotated[int, Field(strict=True, ge=1, le=10**9, json_schema_extra={"format": "int64"})]


class CardTerms(Value):
    """Sessions of one service, paid ahead."""

    title: ShortText = Field(examples=["Five hygiene sessions"])
    service: ShortText = Field(description="Which service it pays, as the clinic calls it.", examples=["Hygiene"])
    sessions: Sessions = Field(examples=[5])
    expires_on: Day | None = Field(default=None, description="The last day; for ever where absent.")


class CardFact(CardTerms, Fact):
    """A card as the clinic's own system tells it, with how many sessions are gone."""

    patient: ExternalId = Field(description="External id of the patient.")
    used: Used = 0

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        if self.used > self.sessions:
            raise ValueError("more used than there are")
        return self


class PointsFact(Fact):
    """Points for one payment or another cause over there; `external_id` earns once.

    Of a payment that also stands in `sync/ledger`, `external_id` is the one it has there: then it earns once in all.
    """

    patient: ExternalId = Field(description="External id of the patient.")
    paid: Money | None = Field(default=None, description="Money paid: becomes points by the clinic's programme.")
    points: Points | None = Field(default=None, description="Or the points themselves.")
    private: bool = Field(default=False, description="Hidden from guardians.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.paid is None) == (self.points is None):
            raise ValueError("either paid or points")
        if self.paid is not None and self.paid.amount_minor <= 0:
            raise ValueError("paid must be above zero")
        return self
