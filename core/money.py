"""Money: whole minor units of one ISO 4217 currency, and percents in basis points. No float, ever."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LARGEST_MINOR = 10**12

Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), Field(examples=["EUR"])]
MinorUnits = Annotated[
    int, Field(strict=True, ge=-LARGEST_MINOR, le=LARGEST_MINOR, json_schema_extra={"format": "int64"})
]
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=10_000, json_schema_extra={"format": "int32"})]


class MixedCurrencies(ValueError):
    """Two amounts of different currencies met in one sum."""


class Money(BaseModel):
    """An amount, for example `{"amount_minor": 12550, "currency": "EUR"}` for 125.50 euro."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount_minor: MinorUnits
    currency: Currency

    def __add__(self, other: Self) -> "Money":
        if self.currency != other.currency:
            raise MixedCurrencies
        return Money(amount_minor=self.amount_minor + other.amount_minor, currency=self.currency)

    def times(self, quantity: int) -> "Money":
        return Money(amount_minor=self.amount_minor * quantity, currency=self.currency)

    def part(self, basis_points: int) -> "Money":
        """`basis_points` of this amount (10 000 is all of it), rounded half to even."""
        return Money(amount_minor=_half_even(self.amount_minor * basis_points, 10_000), currency=self.currency)


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))
