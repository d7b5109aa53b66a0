"""Who may open a record: the rule day by day, and SQL that means the same."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from sqlmodel import col

from clinic.household import (
    MAJORITY,
    AccessScope,
    AccessState,
    Grant,
    Relation,
    Ward,
    access_state,
    first_minute,
    majority_on,
    may_be_private,
)
from clinic.queries.fragments import openers, stands
from clinic.tables import Access, Branch, Clinic, Patient
from core.database import Database
from core.ids import new_id
from identity.commands import account_of_phone
from tests.world import World

ROME, TOKYO, KIRITIMATI, HAWAII = "Europe/Rome", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Honolulu"
BORN = date(2008, 6, 15)


def ward(born: date = BORN, country: str = "IT", zone: str = ROME) -> Ward:
    return Ward(born, country, zone)


@pytest.mark.parametrize(
    ("country", "born", "expected"),
    [
        ("IT", date(2008, 6, 15), date(2026, 6, 15)),
        ("IT", date(2008, 2, 29), date(2026, 2, 28)),
        ("KR", date(2008, 6, 15), date(2027, 6, 15)),
        ("SG", date(2008, 2, 29), date(2029, 2, 28)),
        ("XX", date(2008, 6, 15), date(2026, 6, 15)),
    ],
)
def test_one_comes_of_age_by_the_law_of_the_clinics_country(country: str, born: date, expected: date) -> None:
    assert majority_on(born, country) == expected


@pytest.mark.parametrize(
    ("zone", "last"),
    [
        (ROME, datetime(2026, 6, 14, 21, 59, 59, 999_999, UTC)),
        (TOKYO, datetime(2026, 6, 14, 14, 59, 59, 999_999, UTC)),
        (KIRITIMATI, datetime(2026, 6, 14, 9, 59, 59, 999_999, UTC)),
        (HAWAII, datetime(2026, 6, 15, 9, 59, 59, 999_999, UTC)),
    ],
)
def test_a_guardians_access_ends_with_the_first_minute_of_the_birthday_in_the_branch(zone: str, last: datetime) -> None:
    guardian, carer = Grant(Relation.GUARDIAN), Grant(Relation.CARER)
    first = last + timedelta(microseconds=1)
    assert access_state(guardian, ward(zone=zone), last) is AccessState.STANDING
    assert access_state(guardian, ward(zone=zone), first) is AccessState.WARD_OF_AGE
    assert access_state(carer, ward(zone=zone), first) is AccessState.STANDING
    assert access_state(Grant(Relation.SELF), ward(zone=zone), first) is AccessState.STANDING


def test_a_block_wins_over_a_revocation_and_that_over_the_calendar() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    over = Grant(Relation.GUARDIAN, ends_at=at, revoked=True, blocked=True)
    assert access_state(over, ward(), at) is AccessState.BLOCKED
    assert access_state(Grant(Relation.GUARDIAN, at, revoked=True), ward(), at) is AccessState.REVOKED
    assert access_state(Grant(Relation.GUARDIAN, at), ward(), at) is AccessState.ENDED
    assert access_state(Grant(Relation.CARER, at + timedelta(seconds=1)), ward(), at) is AccessState.STANDING


@pytest.mark.parametrize(("country", "age"), [("IT", 14), ("RU", 15), ("ES", 16), ("CN", 14)])
def test_a_teenager_has_private_things_from_the_age_of_the_country(country: str, age: int) -> None:
    birthday = first_minute(BORN.replace(year=BORN.year + age), ROME)
    assert may_be_private(ward(country=country), birthday)
    assert not may_be_private(ward(country=country), birthday - timedelta(seconds=1))


def test_a_day_begins_where_the_branch_is_also_when_the_clocks_change() -> None:
    assert first_minute(date(2026, 3, 29), ROME) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert first_minute(date(2026, 3, 30), ROME) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    # In Santiago there is no midnight on the day the clocks go forward: the day begins at one.
    assert first_minute(date(2026, 9, 6), "America/Santiago") == datetime(2026, 9, 6, 4, tzinfo=UTC)


# --- SQL and rule ---

ZONES = (ROME, TOKYO, KIRITIMATI, HAWAII, "America/Santiago", "Asia/Kathmandu")
COUNTRIES = ("IT", "CN", *sorted(MAJORITY))


@dataclass(frozen=True, slots=True)
class Case:
    clinic_id: UUID
    access_id: UUID
    patient_id: UUID
    grant: Grant
    ward: Ward
    scopes: tuple[AccessScope, ...]


def some_case(dice: random.Random, clinics: dict[str, UUID], now: datetime) -> Case:
    """Birthdays lie within two days of majority on one side or the other, and ends around now: where mistakes are."""
    country = dice.choice(COUNTRIES)
    years = dice.choice((18, 19, 20, 21))
    born = (now - timedelta(days=dice.randint(-2, 2))).date()
    born = date(2008, 2, 29) if dice.random() < 0.1 else born.replace(year=born.year - years, day=min(born.day, 28))
    ends_at = dice.choice((None, now, now + timedelta(seconds=1), now - timedelta(seconds=1)))
    relation = dice.choice((Relation.GUARDIAN, Relation.GUARDIAN, Relation.CARER, Relation.SELF))
    grant = Grant(relation, ends_at, revoked=dice.random() < 0.15, blocked=dice.random() < 0.15)
    scopes = tuple(dice.sample(sorted(AccessScope), dice.randint(0, 8)))
    return Case(clinics[country], new_id(), new_id(), grant, Ward(born, country, dice.choice(ZONES)), scopes)


async def write_down(database: Database, cases: list[Case], clinics: dict[str, UUID], now: datetime) -> None:
    branches = {(country, zone): new_id() for country in clinics for zone in ZONES}
    async with database.sweeping() as sweeping:
        told = {"name": "Clinic", "currency": "EUR", "language": "it", "created_at": now}
        await sweeping.execute(
            insert(Clinic), [{"clinic_id": row_id, "country": country, **told} for country, row_id in clinics.items()]
        )
        places = [
            {"clinic_id": clinics[country], "id": row_id, "name": zone, "zone": zone, "phone": "", "address": ""}
            for (country, zone), row_id in branches.items()
        ]
        await sweeping.execute(insert(Branch), places)
        people = [
            {
                "clinic_id": case.clinic_id, "id": case.patient_id, "source": "mis",
                "external_id": str(case.patient_id),
                "source_version": 1, "content_hash": "", "changed_at": now, "given_name": "A", "family_name": "B",
                "branch_id": branches[case.ward.country, case.ward.zone], "birth_date": case.ward.birth_date,
                "phone": None, "language": "it",
            }
            for case in cases
        ]  # fmt: skip
        await sweeping.execute(insert(Patient), people)
        rows = []
        for number, case in enumerate(cases):
            account_id = await account_of_phone(sweeping, f"+3955{number:06d}", now)
            rows.append(
                {
                    "clinic_id": case.clinic_id, "id": case.access_id, "account_id": account_id,
                    "patient_id": case.patient_id, "relation": case.grant.relation.value, "scopes": list(case.scopes),
                    "granted_at": now, "ends_at": case.grant.ends_at, "revoked_at": now if case.grant.revoked else None,
                    "blocked_at": now if case.grant.blocked else None,
                }
            )  # fmt: skip
        await sweeping.execute(insert(Access), rows)


@pytest.mark.parametrize(
    ("seed", "now"),
    [
        (1, datetime(2026, 6, 15, 10, tzinfo=UTC)),
        (2, datetime(2026, 2, 28, 9, 59, tzinfo=UTC)),
        (3, datetime(2026, 3, 1, 0, 0, tzinfo=UTC)),
        (4, datetime(2028, 2, 29, 23, 30, tzinfo=UTC)),
        (5, datetime(2026, 9, 6, 4, 0, tzinfo=UTC)),
    ],
)
async def test_sql_and_rule_agree_on_who_may_open_what(world: World, seed: int, now: datetime) -> None:
    dice = random.Random(seed)  # noqa: S311  no secret
    clinics = {country: new_id() for country in COUNTRIES}
    cases = [some_case(dice, clinics, now) for _ in range(300)]
    await write_down(world.database, cases, clinics, now)
    expected = {case.access_id for case in cases if access_state(case.grant, case.ward, now) is AccessState.STANDING}
    hearing = {
        case.patient_id
        for case in cases
        if case.access_id in expected and (case.grant.relation is Relation.SELF or AccessScope.CHAT in case.scopes)
    }
    opener = openers(now)
    async with world.database.sweeping() as sweeping:
        found = await sweeping.execute(
            select(col(Access.id)).where(stands(now), col(Access.clinic_id).in_(clinics.values()))
        )
        heard = await sweeping.execute(
            select(opener.c.patient_id).where(opener.c.hears, opener.c.clinic_id.in_(clinics.values()))
        )
        assert set(found.scalars()) == expected
        assert set(heard.scalars()) == hearing
    assert 0 < len(expected) < len(cases)
