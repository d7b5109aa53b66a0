"""Points for money and visits: corrected, refunded, voided, moved, told twice, hidden; and never paid for the past."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from cabinet.commands.paid_points import judge_anew
from core.clock import now
from enamel.worker.loyalty import keep_loyalty
from tests.api.loyalty_desk import euro, given, ledger_sums, with_programme
from tests.api.test_loyalty import came, long_since, my_points
from tests.api.test_private import family, marked
from tests.world import World


async def told(world: World, **row: Any) -> str:
    """An entry of the books, and what the worker makes of it; its id."""
    base = {
        "external_id": "l1", "version": 1, "patient": "anna", "kind": "payment", "amount": euro(10_000),
        "posted_on": now().date().isoformat(),
    }  # fmt: skip
    answer = await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [{**base, **row}]})
    body = answer.json()
    assert body["refused"] == 0, answer.text
    await settled_books(world)
    entry_id: str = body["rows"][0]["id"]
    return entry_id


async def settled_books(world: World) -> None:
    await keep_loyalty(world.database, now())
    assert await keep_loyalty(world.database, now()) == 0, "what was judged is not judged again"


async def balance(world: World) -> int:
    found: int = (await my_points(world))["balance"]
    return found


async def test_less_money_keeps_less_points_and_more_money_earns_more(world: World) -> None:
    await with_programme(world)
    balances = []
    for version, minor in enumerate((10_000, 4_000, 4_000, 12_345, 10_000), start=1):
        await told(world, version=version, amount=euro(minor))
        balances.append(await balance(world))
    assert balances == [5, 2, 2, 6, 5]
    assert (await my_points(world))["earned"] == 5


async def test_a_refund_takes_its_points_along_and_one_that_was_a_mistake_gives_them_back(world: World) -> None:
    await with_programme(world)
    await told(world, amount=euro(12_345))
    await told(world, external_id="l2", kind="refund", amount=euro(2_345))
    assert await balance(world) == 5
    await told(world, external_id="l3", kind="refund", amount=euro(10_000))
    assert await balance(world) == 0
    await told(world, external_id="l3", kind="refund", amount=euro(10_000), version=2, voided=True)
    assert await balance(world) == 5
    await given(world, 40)
    await told(world, external_id="l4", kind="refund", amount=euro(90_000))
    assert await balance(world) == 40, "no refund takes what money did not earn"
    assert len(set(next(iter(await ledger_sums(world))))) == 1


async def test_a_refund_of_money_that_earned_nothing_takes_nothing(world: World) -> None:
    await with_programme(world)
    await given(world, 40)
    await told(world, kind="refund")
    assert await balance(world) == 40


async def test_a_change_of_the_programme_does_not_judge_the_past_anew(world: World) -> None:
    await with_programme(world)
    await told(world)
    await with_programme(world, basis_points=100)
    await settled_books(world)
    assert await balance(world) == 5
    await told(world, version=2, amount=euro(8_000))
    assert await balance(world) == 4, "the share of what it had earned"


async def test_spent_points_of_a_voided_payment_are_not_taken_from_what_is_earned_later(world: World) -> None:
    await with_programme(world)
    await told(world)
    await given(world, -5)
    await told(world, version=2, voided=True)
    await given(world, 7)
    await settled_books(world)
    assert await balance(world) == 7


async def test_a_payment_that_was_a_mistake_after_all_gives_back_no_more_than_it_had_taken(world: World) -> None:
    await with_programme(world)
    await told(world)
    await given(world, -5)
    for version in (2, 4, 6):
        await told(world, version=version, voided=True)
        await told(world, version=version + 1)
        assert await balance(world) == 0, "its points are spent, however often it is told"
    await told(world, version=8, amount=euro(14_000))
    assert await balance(world) == 2


@pytest.mark.parametrize("kind", ["insurance", "charge"])
async def test_an_entry_that_is_no_payment_any_more_loses_its_points_and_gets_them_back_as_one(
    world: World, kind: str
) -> None:
    await with_programme(world)
    await told(world)
    await told(world, version=2, kind=kind)
    assert await balance(world) == 0
    await told(world, version=3, kind="deposit")
    assert await balance(world) == 5


async def test_a_refund_that_was_a_payment_after_all_earns_as_one(world: World) -> None:
    await with_programme(world)
    await told(world, kind="refund")
    await told(world, version=2)
    assert await balance(world) == 5


async def test_two_workers_take_the_points_of_a_refund_once(world: World) -> None:
    await with_programme(world)
    await told(world)
    await given(world, 40)
    refund = {
        "external_id": "r1", "version": 1, "patient": "anna", "kind": "refund", "amount": euro(10_000),
        "posted_on": now().date().isoformat(),
    }  # fmt: skip
    await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [refund]})

    async def worker() -> int:
        async with world.database.sweeping() as sweeping:
            return await judge_anew(sweeping, now(), 100)

    async with world.database.sweeping() as sweeping:
        assert await judge_anew(sweeping, now(), 100) == 1
        second = asyncio.create_task(worker())
        await _somebody_waits(world)
    assert await second == 1, "it had found the refund not judged"
    assert await balance(world) == 40
    assert await ledger_sums(world) == [(40, 40, 40)]


async def _somebody_waits(world: World) -> None:
    waits = text(
        "select exists (select from pg_locks join pg_stat_activity using (pid)"
        " where not granted and datname = current_database())"
    )
    async with asyncio.timeout(10):
        while True:
            async with world.database.reading(world.here.scope) as reading:
                if (await reading.execute(waits)).scalar_one():
                    return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("change", [{"version": 2, "voided": True}, {"external_id": "l2", "kind": "refund"}])
async def test_points_of_a_payment_that_is_gone_do_not_come_back_with_a_reversed_bill(
    world: World, change: dict[str, Any]
) -> None:
    await with_programme(world)
    await told(world)
    await given(world, 2)
    bill = {"bill": "R-1", "price": euro(10_000), "points": 6, "patient_id": str(world.here.patient_id)}
    settled = await world.post("/v1/staff/redemptions", world.here.staff, bill)
    await told(world, **change)
    assert await balance(world) == 0, "one that was left, and the six are spent"
    path = f"/v1/staff/redemptions/{settled.json()['redemption_id']}/reversal"
    assert (await world.post(path, world.here.staff, {"reason": "Wrong"})).status_code == 200
    assert await balance(world) == 2, "what was given by hand"
    assert await ledger_sums(world) == [(2, 2, 2)]


async def test_a_payment_that_was_another_patients_moves_its_points_and_stops_nobody(world: World) -> None:
    here = world.here
    async with world.database.sweeping() as sweeping:
        names = text("select external_id from patient where id = :id")
        other = (await sweeping.execute(names, {"id": here.other_patient_id})).scalar_one()
    await with_programme(world)
    await told(world)
    await told(world, version=2, patient=other)
    path = f"/v1/staff/patients/{here.other_patient_id}/loyalty"
    moved = (await world.get(path, here.staff)).json()["points"]["balance"]
    assert (await balance(world), moved) == (0, 5)
    await told(world, version=3, patient=other, voided=True)
    assert (await world.get(path, here.staff)).json()["points"]["balance"] == 0
    assert {len(set(sums)) for sums in await ledger_sums(world)} == {1}


@pytest.mark.parametrize("books_first", [True, False])
async def test_a_payment_told_in_the_books_and_as_points_earns_once(world: World, *, books_first: bool) -> None:
    await with_programme(world)
    row = {"external_id": "l1", "patient": "anna", "paid": euro(10_000)}
    for books in (books_first, not books_first):
        if books:
            await told(world)
        else:
            await world.post("/v1/partner/sync/points", world.here.partner, {"items": [row]})
    assert await balance(world) == 5
    await told(world, version=2, voided=True)
    assert await balance(world) == 0


async def test_a_rule_that_begins_later_does_not_pay_for_the_past(world: World) -> None:
    await with_programme(world, per_visit=0, basis_points=0)
    await long_since(world)
    await came(world, "anna", "old", days_ago=20)
    await told(world, posted_on=(now().date().replace(day=1)).isoformat())
    await with_programme(world, per_visit=10, basis_points=500)
    await settled_books(world)
    assert await balance(world) == 0
    await long_since(world)
    await with_programme(world, per_visit=20, basis_points=500)
    await settled_books(world)
    assert await balance(world) == 25, "a rule that only changes goes on from where it began"


async def test_a_step_that_fails_keeps_no_other_from_its_turn(world: World) -> None:
    await with_programme(world)
    await given(world, 40)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update point_lot set expires_at = now() - interval '1 day'"))
        await sweeping.execute(text("update point_account set balance = 0"))  # writing them off fails
    body = {
        "external_id": "l1", "version": 1, "patient": "anna", "kind": "payment", "amount": euro(10_000),
        "posted_on": now().date().isoformat(),
    }  # fmt: skip
    await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [body]})
    with pytest.raises(ExceptionGroup):
        await keep_loyalty(world.database, now())
    assert await balance(world) == 5


@pytest.mark.parametrize("earlier", [True, False])
async def test_points_of_a_private_visit_and_payment_tell_no_guardian_of_them(world: World, *, earlier: bool) -> None:
    emma, own, mother = await family(world)
    await with_programme(world)
    await long_since(world)
    await given(world, 7, emma)
    await came(world, "emma", "secret")
    entry = await told(world, patient="emma", private=earlier)
    if earlier:
        assert await seen(world, emma, mother.headers) == (17, 2, 17)
    async with world.database.sweeping() as sweeping:
        visit = (await sweeping.execute(text("select id from appointment where external_id = 'secret'"))).scalar_one()
    assert await seen(world, emma, own.headers) == (22, 3, 22)
    await marked(world, f"/v1/staff/patients/{emma}/private/appointment/{visit}", world.here.staff)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update ledger_entry set private = true where id = :id"), {"id": entry})
    assert await seen(world, emma, mother.headers) == (7, 1, 7)
    assert await seen(world, emma, own.headers) == (22, 3, 22)
    await given(world, -20, emma)
    assert await seen(world, emma, own.headers) == (2, 3 + 3, 2)
    balance, _, on_screen = await seen(world, emma, mother.headers)
    assert balance == on_screen <= 2


async def test_points_that_were_told_before_the_books_are_hidden_with_a_private_payment(world: World) -> None:
    emma, own, mother = await family(world)
    await with_programme(world)
    row = {"external_id": "l1", "patient": "emma", "paid": euro(10_000)}
    await world.post("/v1/partner/sync/points", world.here.partner, {"items": [row]})
    assert await seen(world, emma, mother.headers) == (5, 1, 5)
    await told(world, patient="emma", private=True)
    assert (await world.get(f"/v1/patients/{emma}/points", mother.headers)).json()["balance"] == 0
    assert (await world.get(f"/v1/patients/{emma}/points/entries", mother.headers)).json()["items"] == []
    assert await seen(world, emma, own.headers) == (5, 1, 5)


async def seen(world: World, patient_id: Any, who: dict[str, str]) -> tuple[int, int, int]:
    """The balance, the lines of the history, and the balance on the first screen; the history adds up to it."""
    mine = (await world.get(f"/v1/patients/{patient_id}/points", who)).json()
    lines = (await world.get(f"/v1/patients/{patient_id}/points/entries", who)).json()["items"]
    screen = (await world.get(f"/v1/patients/{patient_id}/cabinet", who)).json()
    assert sum(line["points"] for line in lines) == mine["balance"]
    return mine["balance"], len(lines), screen["points"]
