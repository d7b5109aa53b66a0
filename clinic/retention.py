"""How long the law wants a record kept: by country, from the last treatment, longer for who was treated as a child."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from core.dates import birthday, whole_years

_TABLE = Path(__file__).parent / "data" / "retention.toml"
# Nobody is thought a child longer than in any country there is.
_GROWN = 18


@dataclass(frozen=True, slots=True)
class Retention:
    """`years` after the last treatment, and for a child at least until the `until_age`-th birthday."""

    years: int
    until_age: int
    source: str


@cache
def retentions() -> dict[str, Retention]:
    """By country, and `default`."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {country: Retention(**row) for country, row in table.items()}


def retention_in(country: str) -> Retention:
    return retentions().get(country, retentions()["default"])


def keep_until(retention: Retention, birth_date: date, treated_on: date) -> date:
    """The day from which the record need not be kept any more."""
    ends = birthday(treated_on, retention.years)
    if whole_years(birth_date, treated_on) >= _GROWN:
        return ends
    return max(ends, birthday(birth_date, retention.until_age))
