"""Cabinets asked for at the same moment come from one statement: each whole, exact, and nobody else's."""

import asyncio
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from cabinet.queries.cabinet import CABINET
from core.database import MOST_GATHERED
from tests.api.household import SignedIn
from tests.api.test_private import booked, family, marked, planned, shown
from tests.world import World


async def asked(world: World, who: SignedIn | dict[str, str], path: str, language: str = "it") -> dict[str, Any]:
    headers = {**(who.headers if isinstance(who, SignedIn) else who), "accept-language": language}
    answer = await world.get(path, headers)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_what_is_private_stays_so_whoever_is_asked_for_beside_in_any_order(world: World) -> None:
    emma, own, mother = await family(world)
    visit = await booked(world, emma, "Secret")
    await booked(world, emma, "Hygiene", days=9)
    plan = await planned(world, "secret")
    for kind, thing in (("appointment", visit), ("plan", plan)):
        await marked(world, f"/v1/staff/patients/{emma}/private/{kind}/{thing}", world.here.staff)
    hers = f"/v1/patients/{emma}/cabinet"
    wanted: list[tuple[SignedIn | dict[str, str], str]] = [
        (own, hers), (mother, hers), (own, "/v1/me/cabinet"), (world.here.patient, "/v1/me/cabinet"),
    ]  # fmt: skip
    alone = [await asked(world, who, path) for who, path in wanted]
    assert [shown(each)[:2] for each in alone[:2]] == [("Secret", ["secret"]), ("Hygiene", [])]
    for order in permutations(range(len(wanted))):
        together = await asyncio.gather(*(asked(world, *wanted[place]) for place in (*order, *order)))
        assert together == [alone[place] for place in (*order, *order)]


@pytest.fixture
def cabinets(world: World) -> Iterator[list[str]]:
    """Every statement that built cabinets, as it is run."""
    seen: list[str] = []

    def note(sql: str) -> None:
        if sql == CABINET.sql:
            seen.append(sql)

    world.database.on_trip = note
    yield seen
    world.database.on_trip = None


async def test_clinics_and_languages_never_share_a_statement(world: World, cabinets: list[str]) -> None:
    parties = (world.here.patient, world.there.patient)
    asks = [(patient, "/v1/me/cabinet", language) for patient in parties for language in ("it", "ru")]
    alone = [await asked(world, *ask) for ask in asks]
    cabinets.clear()
    assert await asyncio.gather(*(asked(world, *ask) for ask in asks)) == alone
    assert len(cabinets) == len(asks)
    assert alone[0]["patient"] != alone[2]["patient"]


async def test_a_hundred_of_one_clinic_take_few_statements(world: World, cabinets: list[str]) -> None:
    alone = await asked(world, world.here.patient, "/v1/me/cabinet")
    cabinets.clear()
    every = await asyncio.gather(*(asked(world, world.here.patient, "/v1/me/cabinet") for _ in range(100)))
    assert every == [alone] * 100
    assert len(cabinets) <= 100 / MOST_GATHERED + 4


@pytest.mark.parametrize("beside", [0, 3])
async def test_who_may_not_open_the_record_gets_nothing_whoever_asks_beside(world: World, beside: int) -> None:
    path = f"/v1/patients/{world.here.other_patient_id}/cabinet"
    others = [asked(world, world.here.patient, "/v1/me/cabinet") for _ in range(beside)]
    refused, *opened = await asyncio.gather(world.get(path, world.here.patient), *others)
    assert refused.status_code == 404
    assert all(each["patient"]["relation"] == "self" for each in opened)
