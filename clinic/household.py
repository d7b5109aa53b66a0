"""Households: who may open whose record, what of it, until which birthday, and what a teenager keeps to themself."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.dates import birthday


class Relation(StrEnum):
    SELF = "self"
    GUARDIAN = "guardian"
    """Of a minor: ends by itself on the day the child comes of age."""
    CARER = "carer"
    """Of a grown-up, by a court or by proxy: ends on the day written down, or when it is revoked."""


class AccessScope(StrEnum):
    """What somebody else may see or do in a record; one's own record is open as a whole."""

    VIEW_CHART = "view_chart"
    VIEW_PLAN = "view_plan"
    VIEW_MEDIA = "view_media"
    VIEW_DOCUMENTS = "view_documents"
    CHAT = "chat"
    """Hears what the clinic says and answers: the conversation, the inbox, the pushes."""
    BOOK = "book"
    SIGN = "sign"
    PAY = "pay"


EVERY_SCOPE = frozenset(AccessScope)

# Ages of majority other than 18; the countries of our clinics have 18. Source: civil codes of the countries named.
MAJORITY = {"KR": 19, "TH": 20, "NZ": 20, "SG": 21, "ID": 21}
USUAL_MAJORITY = 18

# From when a minor decides who sees what. RU: Federal Law 323-FZ art. 54(2); ES: Ley 41/2002 art. 9(4);
# DK: Sundhedsloven § 17. Elsewhere 14, as for a minor's own consent to data services in Italy and China.
PRIVACY = {"RU": 15, "ES": 16, "DK": 15}
USUAL_PRIVACY = 14


class AccessState(StrEnum):
    """Why a record is open to somebody, or no longer. A block wins over all, a revocation over the calendar."""

    STANDING = "standing"
    BLOCKED = "blocked"
    REVOKED = "revoked"
    ENDED = "ended"
    WARD_OF_AGE = "ward_of_age"


@dataclass(frozen=True, slots=True)
class Ward:
    """Whose record it is, and whose calendar counts: the clinic's country (ISO 3166-1), the home branch's zone."""

    birth_date: date
    country: str
    zone: str

    def today(self, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.zone)).date()

    def of_age(self, now: datetime) -> bool:
        """From the first minute of the day."""
        return self.today(now) >= majority_on(self.birth_date, self.country)


@dataclass(frozen=True, slots=True)
class Grant:
    """What was written down of somebody's right to open a record."""

    relation: Relation
    ends_at: datetime | None = None
    revoked: bool = False
    blocked: bool = False


def access_state(grant: Grant, ward: Ward, now: datetime) -> AccessState:
    """Evaluated when it is asked, so that a corrected birth date counts at once. SQL: `clinic.queries.fragments`."""
    if grant.blocked:
        return AccessState.BLOCKED
    if grant.revoked:
        return AccessState.REVOKED
    if grant.ends_at is not None and grant.ends_at <= now:
        return AccessState.ENDED
    if grant.relation is Relation.GUARDIAN and ward.of_age(now):
        return AccessState.WARD_OF_AGE
    return AccessState.STANDING


def majority_on(birth_date: date, country: str) -> date:
    """The day a person comes of age in a country (ISO 3166-1 alpha-2), from its first minute in their branch's zone."""
    return birthday(birth_date, MAJORITY.get(country, USUAL_MAJORITY))


def may_be_private(ward: Ward, now: datetime) -> bool:
    """Whether the patient is old enough for things that nobody but they and the clinic see."""
    return ward.today(now) >= birthday(ward.birth_date, PRIVACY.get(ward.country, USUAL_PRIVACY))


def first_minute(day: date, zone: str) -> datetime:
    """When a day begins in a zone: access that ends on a day ends then."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
