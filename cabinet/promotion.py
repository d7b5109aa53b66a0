"""A promotion: what a clinic offers for a time, to whom, in the patient's language."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from core.dates import whole_years


@dataclass(frozen=True, slots=True)
class Promotion:
    """Offered from `starts_on` to `ends_on`, both included, by the calendar of the patient's branch."""

    starts_on: date
    ends_on: date
    min_age: int | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PatientFacts:
    birth_date: date
    language: str


def open_to(promotion: Promotion, patient: PatientFacts, today: date) -> bool:
    """Whether this patient is offered it today; no `min_age` and no `languages` mean everybody."""
    in_time = promotion.starts_on <= today <= promotion.ends_on
    old_enough = promotion.min_age is None or whole_years(patient.birth_date, today) >= promotion.min_age
    addressed = not promotion.languages or patient.language in promotion.languages
    return in_time and old_enough and addressed


def default_language(written: Collection[str]) -> str:
    """The language to fall back to: English where it is written, else the first in the alphabet."""
    return "en" if "en" in written else min(written)
