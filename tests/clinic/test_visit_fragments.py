"""What the first screen says of visits in SQL is what the lists say of them in Python, word for word."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Text, bindparam, cast, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from clinic.hours import local_text
from clinic.queries import Viewer, VisitView, When, person_row, visits
from clinic.queries.visit_fragments import local_sql, next_visit_view_json, open_offers_json
from clinic.queries.waiting import Offer, offers_of
from core.clock import now
from core.database import MOMENT_PARAMETER, UUID_PARAMETER, Document, scope_row
from tests.api.visits import booked, published, pushed, rules, waiting
from tests.world import DAY, World


def document() -> Document:
    clinic = scope_row()
    person = person_row(clinic, bindparam("patient", type_=UUID_PARAMETER)).lateral("person")
    whose = (person.c.clinic_id, person.c.id)
    language = bindparam("language", type_=Text())
    both = func.json_build_object(
        *("visit", next_visit_view_json(*whose, language), "english", next_visit_view_json(*whose)),
        *("offers", open_offers_json(*whose)),
    )
    return Document(select(both).select_from(clinic.table.join(person, true())))


async def told(world: World, language: str) -> dict[str, Any]:
    here = world.here
    values = {"clinic": here.clinic_id, "patient": here.patient_id, "now": now(), "language": language}
    found = await world.database.document(document(), **values)
    assert found is not None
    made: dict[str, Any] = json.loads(found)
    return made


async def listed(world: World, language: str) -> list[VisitView]:
    async with world.database.reading(world.here.scope) as reading:
        return await visits(reading, world.here.patient_id, When.UPCOMING, Viewer(language), now(), after=None, limit=9)


async def test_the_next_visit_is_told_alike_in_every_language(world: World) -> None:
    await rules(world, notice=30)
    assert (await told(world, "it"))["visit"] is None
    visit = await booked(world, now() + 3 * DAY, service="Hygiene")
    await pushed(world, now() + 5 * DAY, status="confirmed")
    words = {"items": [{"status": "booked", "language": "it", "label": "In agenda"}]}
    await world.http.put("/v1/staff/visit-labels", headers=world.here.staff, json=words)
    for language in ("it", "ru", "zh", "en", "xx"):
        first = (await listed(world, language))[0]
        found = await told(world, language)
        assert found["visit"] == json.loads(first.model_dump_json())
        assert found["english"] == json.loads((await listed(world, "en"))[0].model_dump_json())
    assert found["visit"]["appointment_id"] == visit["appointment_id"]


@pytest.mark.parametrize("status", ["requested", "confirmed"])
async def test_a_visit_of_another_system_is_told_alike_in_every_state(world: World, status: str) -> None:
    await pushed(world, now() + 3 * DAY, status=status)
    found = (await told(world, "ru"))["visit"]
    assert found == json.loads((await listed(world, "ru"))[0].model_dump_json())


async def test_open_offers_are_told_alike_until_they_are_answered(world: World) -> None:
    assert (await told(world, "it"))["offers"] == []
    await waiting(world, world.here.patient)
    await published(world, now() + 2 * DAY, freed=True)
    async with world.database.reading(world.here.scope) as reading:
        offers = await offers_of(reading, world.here.patient_id, Viewer(), now())
    found = (await told(world, "it"))["offers"]
    assert found == [json.loads(each.model_dump_json()) for each in offers]
    assert Offer.model_validate_json(json.dumps(found[0])).status == "open"
    path = f"/v1/me/slot-offers/{offers[0].offer_id}/refusal"
    await world.http.post(path, headers=world.here.patient)
    assert (await told(world, "it"))["offers"] == []


ZONES = ("Europe/Rome", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu", "America/St_Johns", "UTC")


@pytest.mark.parametrize("zone", ZONES)
async def test_postgresql_reads_the_branchs_clock_as_we_do_around_every_change_of_a_year(
    world: World, zone: str
) -> None:
    moments = [datetime(2030, 1, 1, tzinfo=UTC) + timedelta(minutes=each * 30) for each in range(0, 17_520, 7)]
    at = func.unnest(cast(moments, ARRAY(MOMENT_PARAMETER))).column_valued("at")
    async with world.database.reading(world.here.scope) as reading:
        rows = (await reading.execute(select(at, local_sql(at, literal(zone))))).all()
    assert len(rows) == len(moments)
    assert [local for _, local in rows] == [local_text(moment, zone) for moment, _ in rows]
