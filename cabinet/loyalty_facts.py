"""What a clinic says of its points: what earns them, what they are worth, which tiers there are."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from cabinet.loyalty import Programme, Tier, tiers_fault
from core.money import Money
from core.values import ShortText, Value

MOST_TIERS = 10

Days = Annotated[int, Field(strict=True, ge=1, le=3650, json_schema_extra={"format": "int32"})]
SomePoints = Annotated[int, Field(strict=True, ge=0, le=1_000_000, json_schema_extra={"format": "int32"})]
Threshold = Annotated[int, Field(strict=True, ge=1, le=10**9, json_schema_extra={"format": "int64"})]
Share = Annotated[int, Field(strict=True, ge=0, le=10_000, json_schema_extra={"format": "int32"})]


class TierTerms(Value):
    name: ShortText = Field(examples=["Gold"])
    from_points: Threshold = Field(examples=[500])


class ProgrammeTerms(Value):
    """What the clinic gives points for. Five percent of what is paid, in points of one euro:
    `basis_points` 500, `worth` 100 cents."""

    worth: Money = Field(description="What one point takes off a bill.")
    basis_points: Share = Field(default=0, description="Of the money paid; rounded down to whole points.")
    per_visit: SomePoints = Field(default=0, description="For each visit that took place.")
    life_days: Days = Field(default=365, description="How long points can be spent.")
    tiers: Annotated[list[TierTerms], Field(max_length=MOST_TIERS)] = Field(default_factory=list)
    tier_days: Days = Field(default=365, description="Tiers count what was earned within so many days.")
    referrer_points: SomePoints = Field(default=0, description="For who brought somebody, after their first visit.")
    friend_points: SomePoints = Field(default=0, description="For who was brought, after their first visit.")

    @model_validator(mode="after")
    def _is_a_programme(self) -> Self:
        if self.worth.amount_minor <= 0:
            raise ValueError("worth must be above zero")
        if tiers_fault(self._tiers()):
            raise ValueError("tier given twice")
        return self

    def _tiers(self) -> tuple[Tier, ...]:
        return tuple(Tier(tier.name, tier.from_points) for tier in self.tiers)

    def programme(self) -> Programme:
        """The programme as the rules know it."""
        plain = self.model_dump(exclude={"worth", "tiers"})
        return Programme(worth=self.worth, tiers=self._tiers(), **plain)
