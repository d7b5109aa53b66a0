"""What is told of a promotion: its terms, and the row in which a clinic's own system tells them."""

from datetime import date
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from cabinet.promotion import default_language
from clinic.facts import Fact, Language
from core.moments import Day
from core.money import BasisPoints, Money
from core.values import ShortText, Value

MOST_LANGUAGES = 4

Age = Annotated[int, Field(strict=True, ge=0, le=120, json_schema_extra={"format": "int32"})]
# Terms run over several lines: a line feed is allowed, no other control character.
Terms = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
Stock = Annotated[int, Field(strict=True, ge=1, le=1_000_000, json_schema_extra={"format": "int32"})]
Days = Annotated[int, Field(strict=True, ge=1, le=3650, json_schema_extra={"format": "int32"})]


class PromotionText(Value):
    language: Language
    title: ShortText = Field(examples=["Hygiene for two"])
    terms: Terms = ""


class ReductionTerms(Value):
    """What it takes off a bill: `basis_points` (10 000 is all of it) or an `amount`, never both."""

    basis_points: BasisPoints = Field(default=0, examples=[1000])
    amount: Money | None = None
    minimum: Money | None = Field(default=None, description="Only bills of at least this.")
    combinable: bool = Field(default=True, description="False: no other promotion on the same bill.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.basis_points > 0) == (self.amount is not None):
            raise ValueError("either basis points or an amount")
        moneys = [money for money in (self.amount, self.minimum) if money is not None]
        if any(money.amount_minor <= 0 for money in moneys):
            raise ValueError("amounts must be above zero")
        if len({money.currency for money in moneys}) > 1:
            raise ValueError("one currency")
        return self


class PromotionTerms(Value):
    """An offer: in which words, when, to whom, how often, and what it takes off a price."""

    texts: Annotated[list[PromotionText], Field(min_length=1, max_length=MOST_LANGUAGES)]
    starts_on: Day
    ends_on: Day = Field(description="The last day.")
    min_age: Age | None = None
    languages: Annotated[list[Language], Field(max_length=MOST_LANGUAGES)] = Field(
        default_factory=list, description="Only patients of these languages; everybody where empty."
    )
    reduction: ReductionTerms | None = Field(default=None, description="Where absent, the offer is words only.")
    with_coupon: bool = Field(default=False, description="Whether patients pick it up as a personal coupon.")
    coupon_days: Days | None = Field(default=None, description="A coupon's life, at most to the last day.")
    stock: Stock | None = Field(default=None, description="How many coupons there are; no limit where absent.")

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

    @model_validator(mode="after")
    def _coupons_take_something(self) -> Self:
        if self.with_coupon and self.reduction is None:
            raise ValueError("coupon without reduction")
        if not self.with_coupon and (self.stock is not None or self.coupon_days is not None):
            raise ValueError("stock without coupon")
        return self


class PromotionFact(PromotionTerms, Fact):
    """A promotion as the clinic's own system tells it: published as soon as it is taken in."""


def columns_of(terms: PromotionTerms) -> dict[str, Any]:
    """The terms as they are kept."""
    texts = {text.language: {"title": text.title, "terms": text.terms} for text in terms.texts}
    plain = terms.model_dump(include={"starts_on", "ends_on", "min_age", "with_coupon", "coupon_days", "stock"})
    written = {"texts": texts, "default_language": default_language(texts), "languages": sorted(set(terms.languages))}
    return plain | written | _reduction_columns(terms.reduction)


def _reduction_columns(reduction: ReductionTerms | None) -> dict[str, Any]:
    told = reduction or ReductionTerms.model_construct(basis_points=0, amount=None, minimum=None, combinable=True)
    money = told.amount or told.minimum
    return {
        "basis_points": told.basis_points,
        "amount_minor": told.amount.amount_minor if told.amount else None,
        "minimum_minor": told.minimum.amount_minor if told.minimum else None,
        "currency": money.currency if money else None,
        "combinable": told.combinable,
    }
