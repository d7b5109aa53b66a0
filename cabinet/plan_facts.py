"""Facts a clinic's own system tells of plans and promotions: the shape of one row of each kind."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from cabinet.plan import Item, ItemStatus, Plan, PlanStatus, Stage
from cabinet.tooth import FDI_PATTERN, canonical_surfaces
from clinic.facts import ExternalId, Fact, Language
from core.moments import Day
from core.money import BasisPoints, Currency, Money
from core.values import ShortText, Value

MOST_STAGES = 20
MOST_ITEMS = 50
MOST_LANGUAGES = 4

FdiCode = Annotated[str, StringConstraints(pattern=FDI_PATTERN)]
"""A tooth by ISO 3950: 11-48 permanent, 51-85 deciduous, supernumerary with a suffix (`11s`)."""
Surfaces = Annotated[str, StringConstraints(pattern=r"^[MDVLOI]{0,6}$")]
Quantity = Annotated[int, Field(strict=True, ge=1, le=999, json_schema_extra={"format": "int32"})]
Visits = Annotated[int, Field(strict=True, ge=1, le=100, json_schema_extra={"format": "int32"})]
Age = Annotated[int, Field(strict=True, ge=0, le=120, json_schema_extra={"format": "int32"})]
# Terms run over several lines: a line feed is allowed, no other control character.
Terms = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]


class ItemFact(Value):
    name: ShortText = Field(examples=["Crown, ceramic"])
    notation: Literal["fdi"] | None = Field(default=None, description="Must be said where `tooth` is.")
    tooth: FdiCode | None = Field(default=None, examples=["16"])
    surfaces: Surfaces = ""
    quantity: Quantity = 1
    unit_price: Money
    discount: Money | None = Field(default=None, description="An amount off the line; or say `discount_basis_points`.")
    discount_basis_points: BasisPoints = 0
    insurance: Money | None = Field(default=None, description="What the insurer is expected to bear of the line.")
    status: ItemStatus = ItemStatus.PROPOSED

    @field_validator("surfaces")
    @classmethod
    def _surfaces_of_this_tooth(cls, letters: str, info: ValidationInfo) -> str:
        if "tooth" not in info.data:
            return letters  # the tooth has its own fault
        tooth = info.data["tooth"]
        if letters and tooth is None:
            raise ValueError("surfaces without tooth")
        return "".join(canonical_surfaces(letters, tooth)) if letters else ""

    @model_validator(mode="after")
    def _says_its_notation(self) -> Self:
        if self.tooth is not None and self.notation is None:
            raise ValueError("tooth without notation")  # 35 of the 52 FDI codes are Universal codes too
        return self


class StageFact(Value):
    title: ShortText = Field(examples=["Treatment of caries"])
    visits: Visits | None = Field(default=None, description="How many visits it is expected to take.")
    items: Annotated[list[ItemFact], Field(min_length=1, max_length=MOST_ITEMS)]


class PlanFact(Fact):
    patient: ExternalId = Field(description="External id of the patient.")
    group: ExternalId | None = Field(default=None, description="Plans of one group are alternatives to each other.")
    title: ShortText = Field(examples=["With implants"])
    currency: Currency
    status: PlanStatus = PlanStatus.PROPOSED
    valid_until: Day | None = Field(default=None, description="The last day on which the prices hold.")
    stages: Annotated[list[StageFact], Field(min_length=1, max_length=MOST_STAGES)]

    def plan(self) -> Plan:
        """The plan as the rules know it."""
        stages = tuple(Stage(stage.title, tuple(_item(item) for item in stage.items)) for stage in self.stages)
        return Plan(self.currency, stages, self.status, self.valid_until, self.group)


def _item(fact: ItemFact) -> Item:
    return Item(
        fact.unit_price, fact.quantity, fact.discount, fact.discount_basis_points, fact.insurance, fact.status
    )  # fmt: skip


class PromotionText(Value):
    language: Language
    title: ShortText = Field(examples=["Hygiene for two"])
    terms: Terms = ""


class PromotionFact(Fact):
    texts: Annotated[list[PromotionText], Field(min_length=1, max_length=MOST_LANGUAGES)]
    starts_on: Day
    ends_on: Day = Field(description="The last day.")
    min_age: Age | None = None
    languages: Annotated[list[Language], Field(max_length=MOST_LANGUAGES)] = Field(
        default_factory=list, description="Only patients of these languages; everybody where empty."
    )

    @field_validator("ends_on")
    @classmethod
    def _ends_after_it_starts(cls, ends_on: date, info: ValidationInfo) -> date:
        if "starts_on" in info.data and ends_on < info.data["starts_on"]:
            raise ValueError("ends before it starts")
        return ends_on

    @field_validator("texts")
    @classmethod
    def _each_language_once(cls, texts: list[PromotionText]) -> list[PromotionText]:
        if len({text.language for text in texts}) < len(texts):
            raise ValueError("language given twice")
        return texts
