"""Between an erasure's confirmation and the worker: nothing new begins, and no money is lost to the clinic's books."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from clinic.privacy import LEASE, MONEY_WAIT
from core.clock import now
from core.ids import new_id
from tests.api.paying import Till, a_till
from tests.api.test_account import entry, money, push
from tests.enamel.test_erasing import confirmed, erased
from tests.world import HOST, World


@pytest.fixture
async def till(world: World) -> AsyncIterator[Till]:
    async with a_till(world) as made:
        yield made


async def listed(world: World) -> tuple[str, bool]:
    """State of the one erasure, and whether it says that it waits for money."""
    [only] = (await world.get("/v1/staff/privacy/erasures", world.here.staff)).json()["items"]
    return only["state"], only["unbooked"]


async def to_book(world: World) -> list[dict[str, Any]]:
    answer = await world.get("/v1/partner/payments", world.here.partner)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_an_invitation_of_before_opens_nothing_and_there_is_no_new_one(world: World) -> None:
    here = world.here
    path = f"/v1/staff/patients/{here.patient_id}/link-codes"
    codes = [
        (await world.post(path, here.staff, {"relation": relation})).json()["code"] for relation in ("self", "carer")
    ]
    await confirmed(world, here.patient_id)
    for code in codes:
        refused = await world.post("/v1/me/link", here.patient, {"code": code})
        assert (refused.status_code, refused.json()["code"]) == (404, "link-code-wrong")
    assert (await world.post(path, here.staff, {"relation": "self"})).status_code == 404
    assert (await world.get("/v1/me/cabinet", here.patient)).status_code == 403


async def test_a_code_that_is_used_while_the_erasure_is_confirmed_leaves_nothing_open(world: World) -> None:
    here = world.here
    path = f"/v1/staff/patients/{here.other_patient_id}/link-codes"
    code = (await world.post(path, here.staff, {"relation": "carer"})).json()["code"]
    await asyncio.gather(
        world.post("/v1/me/link", here.patient, {"code": code}), confirmed(world, here.other_patient_id)
    )
    opened = await world.get(f"/v1/patients/{here.other_patient_id}/cabinet", here.patient)
    assert opened.status_code == 404


async def test_the_clinics_system_does_not_open_it_to_a_guardian_again(world: World) -> None:
    here = world.here
    await confirmed(world, here.other_patient_id)
    fact = {"external_id": "g", "version": 1, "patient": "boris", "phone": here.phone, "relation": "carer"}
    await push(world, "guardians", fact)
    assert (await world.get(f"/v1/patients/{here.other_patient_id}/cabinet", here.patient)).status_code == 404


async def test_staff_add_nothing_to_it(world: World) -> None:
    here = world.here
    start = now() + timedelta(days=2)
    wanted: dict[str, dict[str, Any]] = {
        "findings": {"notation": "fdi", "tooth": "16", "code": "caries", "observed_on": "2025-01-01"},
        "points": {"client_id": str(new_id()), "points": 5, "reason": "x"},
        "documents": {"template": "anamnesis"},
        "pay-links": {},
        "appointments": {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()},
    }
    await confirmed(world, here.patient_id)
    for path, body in wanted.items():
        answer = await world.post(f"/v1/staff/patients/{here.patient_id}/{path}", here.staff, body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), path


async def test_an_open_pay_link_is_over(till: Till) -> None:
    await till.owe()
    here = till.world.here
    made = await till.world.post(f"/v1/staff/patients/{here.patient_id}/pay-links", here.staff, {})
    path = made.json()["url"].removeprefix(HOST)
    await confirmed(till.world, here.patient_id)
    assert (await till.world.http.get(path)).json()["state"] == "withdrawn"
    assert (await till.world.http.post(path)).status_code == 404
    assert till.peer.sessions == {}


async def test_it_waits_for_money_until_the_books_say_it(till: Till) -> None:
    world, here = till.world, till.world.here
    await till.owe(4_000)
    payment = await till.started()
    await confirmed(world, here.patient_id)
    await erased(world)
    assert await listed(world) == ("confirmed", True), "the page is open"
    await till.paid(payment)
    later = now() + LEASE
    await erased(world, later)
    assert await listed(world) == ("confirmed", True)
    [told] = await to_book(world)
    assert (told["payment_id"], told["not_booked"]) == (payment["payment_id"], money(4_000))
    await push(world, "ledger", entry("y", "payment", 4_000, reference=payment["payment_id"]))
    assert await listed(world) == ("confirmed", False)
    await erased(world, later + LEASE)
    assert await listed(world) == ("done", False)


async def test_it_does_not_wait_for_ever(till: Till) -> None:
    world = till.world
    await till.owe()
    await till.paid(await till.started())
    await confirmed(world, world.here.patient_id)
    await erased(world, now() + MONEY_WAIT - timedelta(minutes=1))
    assert await listed(world) == ("confirmed", True)
    await erased(world, now() + MONEY_WAIT + LEASE)
    assert await listed(world) == ("done", False)


async def test_who_writes_a_payment_down_takes_the_patient_first_as_an_erasure_does(till: Till) -> None:
    """Else the two would meet crosswise: the erasure locks the patient, then whatever is the patient's."""
    world = till.world
    await till.owe()
    payment = await till.started()
    async with world.database.sweeping() as erasing:
        held = text("select 1 from patient where id = :id for update")
        await erasing.execute(held, {"id": world.here.patient_id})
        told = asyncio.create_task(till.paid(payment))
        waiting = text("select count(*) from pg_locks where not granted")
        while not (await erasing.execute(waiting)).scalar_one():
            assert not told.done(), "it went past the patient"
            await asyncio.sleep(0.01)
        await erasing.execute(text("select 1 from payment_intent for update nowait"))
    await told
    assert (await till.payment(payment))["status"] == "succeeded"
