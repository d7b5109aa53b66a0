"""Money: whole minor units of one ISO 4217 currency, and percents in basis points. No float, ever."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LARGEST_MINOR = 10**12

Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), Field(examples=["EUR"])]
MinorUnits = Annotated[
    int, Field(strict=True, ge=-LARGEST_MINOR, le=LARGEST_MINOR, json_schema_extra={"format": "int64"})
]
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=10_000, json_schema_extra={"format": "int32"})]


# ISO 4217, list one: what is tender somewhere today, and what the euro replaced since 2023.
CURRENCIES = frozenset({
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF", "BMD",
    "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP",
    "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP",
    "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD",
    "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD",
    "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD",
    "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
    "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES",
    "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
})  # fmt: skip


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
