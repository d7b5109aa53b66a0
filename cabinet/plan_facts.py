"""Facts a clinic's own system tells of treatment plans: the shape of one row."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from cabinet.facts import SurfaceLetter
from cabinet.plan import Item, ItemStatus, Plan, PlanStatus, Stage
from cabinet.tooth import FDI_PATTERN, canonical_surfaces
from clinic.facts import ExternalId, Fact
from core.moments import Day
from core.money import BasisPoints, Currency, Money
from core.values import MaybeText, ShortText, Value

MOST_STAGES = 20
MOST_ITEMS = 50
MOST_REASONS = 10
# It stands alone in a path: with a slash, or of dots only, it would be another path.
GROUP_PATTERN = r"^[^/]*[^./][^/]*$"

FdiCode = Annotated[str, StringConstraints(pattern=FDI_PATTERN)]
"""A tooth by ISO 3950: 11-48 permanent, 51-85 deciduous, supernumerary with a suffix (`11s`)."""
Quantity = Annotated[int, Field(strict=True, ge=1, le=999, json_schema_extra={"format": "int32"})]
Visits = Annotated[int, Field(strict=True, ge=1, le=100, json_schema_extra={"format": "int32"})]
Days = Annotated[int, Field(strict=True, ge=1, le=2000, json_schema_extra={"format": "int32"})]
Place = Annotated[int, Field(strict=True, ge=0, lt=MOST_STAGES, json_schema_extra={"format": "int32"})]
"""Of a stage in its plan, from 0."""
# It may run over several lines: a line feed is allowed, no other control character.
Explanation = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]


Group = Annotated[ExternalId, StringConstraints(pattern=GROUP_PATTERN)]


class ItemFact(Value):
    name: ShortText = Field(examples=["Crown, ceramic"])
    explanation: Explanation = Field(
        default="", description="Why, in plain words.", examples=["It protects what is left of the tooth."]
    )
    notation: Literal["fdi"] | None = Field(default=None, description="Must be said where `tooth` is.")
    tooth: FdiCode | None = Field(default=None, examples=["16"])
    surfaces: list[SurfaceLetter] = Field(
        default=[], max_length=5, description="M D O I, V (or B, F) outward, L (or P) inward.", examples=[["O", "M"]]
    )
    quantity: Quantity = 1
    unit_price: Money = Field(description="The lowest it can be where `unit_price_high` is given.")
    unit_price_high: Money | None = Field(default=None, description="The highest it can be, where it is an estimate.")
    discount: Money | None = Field(default=None, description="An amount off the line; or say `discount_basis_points`.")
    discount_basis_points: BasisPoints = 0
    promotion: Money | None = Field(default=None, description="An amount; or say `promotion_basis_points`.")
    promotion_basis_points: BasisPoints = Field(default=0, description="Of what the discount leaves.")
    promotion_title: MaybeText = Field(default="", examples=["Autumn hygiene"])
    points: Money | None = Field(default=None, description="What the patient's points pay of the line.")
    insurance: Money | None = Field(default=None, description="What the insurer is expected to bear of the line.")
    status: ItemStatus = ItemStatus.PROPOSED

    @field_validator("surfaces")
    @classmethod
    def _surfaces_of_this_tooth(cls, letters: list[str], info: ValidationInfo) -> list[str]:
        if "tooth" not in info.data:
            return letters  # the tooth has its own fault
        tooth = info.data["tooth"]
        if letters and tooth is None:
            raise ValueError("surfaces without tooth")
        return [surface.value for surface in canonical_surfaces(letters, tooth)] if letters else []

    @model_validator(mode="after")
    def _says_its_notation(self) -> Self:
        if self.tooth is not None and self.notation is None:
            raise ValueError("tooth without notation")  # 35 of the 52 FDI codes are Universal codes too
        return self

    def item(self) -> Item:
        """The line as the rules know it."""
        return Item(
            unit_price=self.unit_price,
            quantity=self.quantity,
            discount=self.discount,
            discount_basis_points=self.discount_basis_points,
            insurance=self.insurance,
            status=self.status,
            unit_price_high=self.unit_price_high,
            promotion=self.promotion,
            promotion_basis_points=self.promotion_basis_points,
            points=self.points,
        )


class StageFact(Value):
    title: ShortText = Field(examples=["Treatment of caries"])
    visits: Visits | None = Field(default=None, description="How many visits it is expected to take.")
    duration_days: Days | None = Field(
        default=None, description="Days from its first visit to its last, healing included."
    )
    depends_on: Annotated[list[Place], Field(max_length=MOST_STAGES)] = Field(
        default=[], description="Places (from 0) of earlier stages that must precede this one.", examples=[[0]]
    )
    items: Annotated[list[ItemFact], Field(min_length=1, max_length=MOST_ITEMS)]

    @field_validator("depends_on")
    @classmethod
    def _each_once(cls, places: list[int]) -> list[int]:
        return sorted(set(places))

    def stage(self) -> Stage:
        items = tuple(item.item() for item in self.items)
        return Stage(self.title, items, self.visits, self.duration_days, tuple(self.depends_on))


class PlanFact(Fact):
    patient: ExternalId = Field(description="External id of the patient.")
    group: Group | None = Field(
        default=None, description="Plans of one group are alternatives to each other. It stands in addresses: no `/`."
    )
    title: ShortText = Field(examples=["With implants"])
    pros: Annotated[list[ShortText], Field(max_length=MOST_REASONS)] = Field(
        default=[], description="For it, beside the other plans of its group.", examples=[["No tooth is ground down"]]
    )
    cons: Annotated[list[ShortText], Field(max_length=MOST_REASONS)] = Field(
        default=[], description="Against it.", examples=[["Takes half a year"]]
    )
    currency: Currency
    status: PlanStatus = PlanStatus.PROPOSED
    valid_until: Day | None = Field(
        default=None,
        description="The last day on which the offer holds. Prices that rise under the same day are not taken in.",
    )
    private: bool = Field(default=False, description="Of a teenager: hidden from guardians.")
    stages: Annotated[list[StageFact], Field(min_length=1, max_length=MOST_STAGES)]

    def plan(self) -> Plan:
        """The plan as the rules know it."""
        stages = tuple(stage.stage() for stage in self.stages)
        return Plan(self.currency, stages, self.status, self.valid_until, self.group)
