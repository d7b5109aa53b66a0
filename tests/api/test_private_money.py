"""What a teenager owes and pays for what they keep to themself is in nobody else's sums, and nobody pays it twice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import now
from core.events import SYSTEM
from core.private import mark_private
from tests.api.household import SignedIn
from tests.api.paying import Till, a_till
from tests.api.test_account import entry, push
from tests.api.test_private import family, planned
from tests.world import World


@pytest.fixture
async def till(world: World) -> AsyncIterator[Till]:
    async with a_till(world) as made:
        yield made


async def owing(till: Till, name: str, kind: str, minor: int, **more: Any) -> None:
    assert (await push(till.world, "ledger", entry(name, kind, minor, patient="emma", **more)))["refusals"] == []


async def begun(till: Till, who: SignedIn, emma: UUID) -> dict[str, Any]:
    answer = await till.world.post(f"/v1/patients/{emma}/payments", who.headers, {})
    payment: dict[str, Any] = answer.json()
    return payment


LOT = text("""
insert into point_lot (clinic_id, id, patient_id, points, left_points, expires_at, payment_id)
select clinic_id, gen_random_uuid(), patient_id, 80, 80, now() + interval '1 year', id from ledger_entry
""")


async def balance(till: Till, who: SignedIn, emma: UUID) -> tuple[int, int, int]:
    """What is owed, what is on its way, what can be paid now, as this person sees it."""
    answer = await till.world.get(f"/v1/patients/{emma}/account", who.headers)
    [found] = answer.json()["balances"]
    owed, pending, payable = (found[name]["amount_minor"] for name in ("owed", "pending", "payable"))
    return owed, pending, payable


async def test_a_payment_of_something_private_is_seen_by_its_patient_alone(till: Till) -> None:
    emma, own, mother = await family(till.world)
    await owing(till, "seen", "charge", 10_000)
    await owing(till, "hidden", "charge", 8_000, private=True)
    payment = await begun(till, own, emma)
    assert payment["amount"]["amount_minor"] == 18_000
    listed = await till.world.get(f"/v1/patients/{emma}/payments", mother.headers)
    assert listed.json()["items"] == []
    assert (await begun(till, mother, emma))["code"] == "payment-open", "one debt is never paid on two pages"
    await till.paid(payment)
    assert await balance(till, own, emma) == (18_000, 18_000, 0)
    assert await balance(till, mother, emma) == (10_000, 0, 10_000)


async def test_what_was_paid_and_booked_in_private_takes_nothing_off_what_others_see(till: Till) -> None:
    emma, own, mother = await family(till.world)
    await owing(till, "hidden", "charge", 8_000, private=True)
    payment = await begun(till, own, emma)
    await till.paid(payment)
    await owing(till, "paid", "payment", 8_000, reference=payment["payment_id"], private=True)
    await owing(till, "seen", "charge", 10_000)
    assert await balance(till, own, emma) == (10_000, 0, 10_000)
    assert await balance(till, mother, emma) == (10_000, 0, 10_000)
    assert (await begun(till, mother, emma))["amount"]["amount_minor"] == 10_000


async def test_what_was_paid_in_the_open_is_booked_for_everybody_when_its_entry_is_hidden_later(till: Till) -> None:
    emma, own, mother = await family(till.world)
    plan_id = await planned(till.world, "secret")
    await owing(till, "c", "charge", 8_000, plan="secret")
    payment = await begun(till, mother, emma)
    await till.paid(payment)
    await owing(till, "p", "payment", 8_000, reference=payment["payment_id"], plan="secret")
    path = f"/v1/staff/patients/{emma}/private/plan/{plan_id}"
    await till.world.http.put(path, headers=till.world.here.staff, json={"private": True})
    await owing(till, "seen", "charge", 10_000)
    assert await balance(till, own, emma) == (10_000, 0, 10_000)
    assert await balance(till, mother, emma) == (10_000, 0, 10_000)


async def test_the_books_of_a_private_plan_are_private_too(till: Till) -> None:
    emma, own, mother = await family(till.world)
    plan_id = await planned(till.world, "secret")
    await owing(till, "c", "charge", 8_000, plan="secret", text="Veneer")
    path = f"/v1/staff/patients/{emma}/private/plan/{plan_id}"
    await till.world.http.put(path, headers=till.world.here.staff, json={"private": True})
    await owing(till, "later", "charge", 500, plan="secret", text="Veneer")
    for who, seen in ((own, ["Veneer", "Veneer"]), (mother, [])):
        entries = await till.world.get(f"/v1/patients/{emma}/account/entries", who.headers)
        assert [line["text"] for line in entries.json()["items"]] == seen
    account = (await till.world.get(f"/v1/patients/{emma}/account", mother.headers)).json()
    assert (account["balances"], account["plans"]) == ([], [])


async def test_who_pays_a_plan_while_it_is_being_hidden_hears_that_there_is_none(till: Till) -> None:
    emma, _, mother = await family(till.world)
    plan_id = await planned(till.world, "secret")
    await owing(till, "c", "charge", 8_000, plan="secret")
    here = till.world.here
    async with till.world.database.writing(here.scope) as writing:
        await mark_private(writing, here.clinic_id, emma, "plan", UUID(plan_id), private=True, actor=SYSTEM, now=now())
        asked = till.world.post(f"/v1/patients/{emma}/payments", mother.headers, {"plan_id": plan_id})
        paying = asyncio.create_task(asked)
        await asyncio.wait([paying], timeout=0.5)
        assert not paying.done()
    answer = await paying
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_points_of_a_payment_that_is_put_under_a_private_plan_are_hidden_with_it(till: Till) -> None:
    emma, _, _ = await family(till.world)
    plan_id = await planned(till.world, "secret")
    await owing(till, "p", "payment", 8_000)
    path = f"/v1/staff/patients/{emma}/private/plan/{plan_id}"
    await till.world.http.put(path, headers=till.world.here.staff, json={"private": True})
    async with till.world.database.writing(till.world.here.scope) as writing:
        await writing.execute(LOT)
        await writing.execute(text("update ledger_entry set plan_id = :plan"), {"plan": plan_id})
    async with till.world.database.reading(till.world.here.scope) as reading:
        assert list((await reading.execute(text("select private from point_lot"))).scalars()) == [True]
