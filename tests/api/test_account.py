"""A clinic's own system pushes its books in; patients and staff see what is owed, in whole, by plan and by stage."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Text, cast, select, text
from sqlmodel import col

from cabinet.account_balance import Entry, LedgerKind, PlanAccount, balances, effect, plan_accounts
from cabinet.queries.account import account, plan_account_json
from cabinet.queries.fragments import named_person
from cabinet.tables.plan import TreatmentPlan
from core.clock import now
from core.database import Reading
from core.money import Money
from tests.conftest import Queries
from tests.world import Party, World

TODAY = now().date()


def money(minor: int, currency: str = "EUR") -> dict[str, Any]:
    return {"amount_minor": minor, "currency": currency}


def entry(external_id: str, kind: str, minor: int, **more: Any) -> dict[str, Any]:
    told = {"external_id": external_id, "version": 1, "patient": "anna", "kind": kind, "amount": money(minor)}
    return {**told, "posted_on": TODAY.isoformat(), **more}


def plan(external_id: str = "p1", stages: int = 3, patient: str = "anna") -> dict[str, Any]:
    item = {"name": "Filling", "unit_price": money(10_000)}
    told = {"external_id": external_id, "version": 1, "patient": patient, "title": "A", "currency": "EUR"}
    return {**told, "stages": [{"title": f"Stage {place}", "items": [item]} for place in range(stages)]}


async def push(world: World, kind: str, *items: dict[str, Any], party: Party | None = None) -> dict[str, Any]:
    answer = await world.post(f"/v1/partner/sync/{kind}", (party or world.here).partner, {"items": list(items)})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def mine(world: World) -> dict[str, Any]:
    answer = await world.get("/v1/me/account", world.here.patient)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def minors(balance: dict[str, Any]) -> dict[str, int]:
    return {name: each["amount_minor"] for name, each in balance.items() if isinstance(each, dict)}


async def test_a_patient_sees_what_was_charged_paid_and_is_owed_by_plan_and_stage(world: World) -> None:
    await push(world, "plans", plan())
    yesterday = (TODAY - timedelta(days=2)).isoformat()
    result = await push(
        world, "ledger",
        entry("c0", "charge", 10_000, plan="p1", stage=0),
        entry("c1", "charge", 8_000, plan="p1", stage=1, due_on=yesterday),
        entry("y0", "payment", 10_000, plan="p1", stage=0), entry("d", "deposit", 3_000, plan="p1"),
        entry("x", "charge", 5_000, text="Panoramica"), entry("i", "insurance", 1_000),
        entry("a", "adjustment", -500), entry("r", "refund", 200),
    )  # fmt: skip
    assert (result["created"], result["refusals"]) == (8, [])
    seen = await mine(world)
    [whole] = seen["balances"]
    assert minors(whole) == {
        "charged": 22_500, "paid": 12_800, "insured": 1_000, "owed": 8_700,
        "overdue": 5_000, "pending": 0, "payable": 8_700,
    }  # fmt: skip
    [of_plan] = seen["plans"]
    assert minors(of_plan)["owed"] == 5_000
    assert [(each["stage"], minors(each)["owed"]) for each in of_plan["stages"]] == [(0, 0), (1, 8_000)]


async def test_what_is_past_its_day_is_overdue(world: World) -> None:
    late = (TODAY - timedelta(days=2)).isoformat()
    await push(world, "ledger", entry("c", "charge", 8_000, due_on=late), entry("p", "payment", 3_000))
    assert minors((await mine(world))["balances"][0])["overdue"] == 5_000


async def test_nothing_charged_is_an_empty_account(world: World) -> None:
    assert await mine(world) == {"balances": [], "plans": []}


async def test_a_voided_entry_counts_for_nothing_and_is_not_shown(world: World) -> None:
    await push(world, "ledger", entry("c", "charge", 8_000), entry("wrong", "charge", 9_000))
    await push(world, "ledger", entry("wrong", "charge", 9_000, version=2, voided=True))
    assert minors((await mine(world))["balances"][0])["owed"] == 8_000
    listed = await world.get("/v1/me/account/entries", world.here.patient)
    assert [each["amount"]["amount_minor"] for each in listed.json()["items"]] == [8_000]
    async with world.database.reading(world.here.scope) as reading:
        kinds = list((await reading.execute(text("select kind from event where kind like 'charge.%'"))).scalars())
    assert sorted(kinds) == ["charge.posted", "charge.posted", "charge.voided"]


async def test_entries_come_newest_first_in_pages(world: World) -> None:
    days = [(TODAY - timedelta(days=number)).isoformat() for number in range(5)]
    await push(world, "ledger", *(entry(f"c{day}", "charge", 1, posted_on=day) for day in days))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await world.get("/v1/me/account/entries", world.here.patient, params=params)).json()
        seen += [each["posted_on"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == days


async def test_an_entry_of_a_day_an_amount_or_a_currency_that_cannot_be_is_a_fault_of_its_row(world: World) -> None:
    late = (TODAY + timedelta(days=2)).isoformat()
    result = await push(
        world, "ledger",
        entry("0", "charge", 1, posted_on="9999-12-31"), entry("1", "charge", 1, posted_on=late),
        entry("2", "charge", 1, due_on="1899-12-31"), entry("3", "charge", 1, amount=money(1, "QQQ")),
        entry("4", "charge", 0), entry("5", "adjustment", 0), entry("6", "charge", 1, due_on=late),
    )  # fmt: skip
    faults = {row["index"]: (row["errors"][0]["pointer"], row["errors"][0]["code"]) for row in result["refusals"]}
    assert faults == {
        0: ("/posted_on", "in-the-future"), 1: ("/posted_on", "in-the-future"),
        2: ("/due_on", "greater-than-equal"), 3: ("/amount/currency", "unknown-currency"),
        4: ("/amount/amount_minor", "zero-amount"), 5: ("/amount/amount_minor", "zero-amount"),
    }  # fmt: skip
    assert result["created"] == 1


async def test_a_row_that_speaks_of_somebody_elses_things_is_refused_with_a_pointer(world: World) -> None:
    await push(world, "plans", plan(), plan("of-boris", patient="boris"))
    start = now() - timedelta(days=1)
    visit = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    await push(world, "appointments", {"external_id": "v", "version": 1, "patient": "boris", **visit})
    result = await push(
        world, "ledger",
        entry("0", "charge", 1, patient="nobody"), entry("1", "charge", 1, plan="of-boris"),
        entry("2", "charge", 1, plan="p1", stage=3), entry("3", "charge", 1, visit="v"),
        entry("4", "charge", 1, plan="p1", amount=money(1, "CNY")), entry("5", "charge", -1),
        entry("6", "charge", 1, stage=1), entry("7", "charge", 1, plan="p1", stage=2),
    )  # fmt: skip
    assert [(row["errors"][0]["pointer"], row["errors"][0]["code"]) for row in result["refusals"]] == [
        ("/patient", "unknown-reference"), ("/plan", "unknown-reference"), ("/stage", "unknown-reference"),
        ("/visit", "unknown-reference"), ("/amount/currency", "mixed-currencies"),
        ("/amount/amount_minor", "negative-amount"), ("", "stage-without-plan"),
    ]  # fmt: skip
    assert result["created"] == 1


async def test_sending_the_books_again_changes_nothing(world: World) -> None:
    books = [entry("c", "charge", 8_000), entry("p", "payment", 3_000)]
    await push(world, "ledger", *books)
    again = await push(world, "ledger", *books)
    assert (again["unchanged"], again["created"], again["updated"]) == (2, 0, 0)
    assert minors((await mine(world))["balances"][0])["owed"] == 5_000


async def test_a_thousand_entries_cost_as_many_statements_as_two(world: World, at_most: Queries) -> None:
    await push(world, "plans", plan())
    for rows in (2, 1_000):
        batch = [entry(f"n{rows}-{number}", "charge", 1, plan="p1", stage=1) for number in range(rows)]
        with at_most(8):
            assert (await push(world, "ledger", *batch))["created"] == rows


async def test_staff_needs_the_permission_for_finance_and_finds_no_patient_of_another_clinic(world: World) -> None:
    await push(world, "ledger", entry("c", "charge", 8_000))
    path = f"/v1/staff/patients/{world.here.patient_id}/account"
    assert minors((await world.get(path, world.here.staff)).json()["balances"][0])["owed"] == 8_000
    assert len((await world.get(path + "/entries", world.here.staff)).json()["items"]) == 1
    async with world.database.reading(world.here.scope) as reading:
        looks = text("select kind, actor_id from event where kind like '%.read'")
        assert [tuple(row) for row in await reading.execute(looks)] == [("account.read", world.here.staff_id)]
    for more in ("", "/entries"):
        assert (await world.get(path + more, world.there.staff)).status_code == 404
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = '{patients.read_clinical}'"))
    for more in ("", "/entries"):
        assert (await world.get(path + more, world.here.staff)).status_code == 403


@pytest.mark.parametrize("seed", range(6))
async def test_postgresql_sums_as_the_rules_do(world: World, seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311  a reproducible heap of entries
    await push(world, "plans", plan("p1"), plan("p2"))
    async with world.database.reading(world.here.scope) as reading:
        found = (await reading.execute(text("select external_id, id from plan"))).all()
        plans: dict[str, UUID] = {row.external_id: row.id for row in found}
    told, books = [], []
    for number in range(60):
        kind = pick.choice(list(LedgerKind))
        currency = pick.choice(("EUR", "EUR", "CNY"))
        amount = Money(
            amount_minor=pick.randrange(-900 if kind is LedgerKind.ADJUSTMENT else 0, 900), currency=currency
        )
        name = pick.choice((None, "p1", "p2")) if currency == "EUR" else None
        stage = pick.choice((None, 0, 1, 2)) if name else None
        due = pick.choice((None, TODAY + timedelta(days=pick.randrange(-9, 9))))
        voided = pick.random() < 0.1
        if not voided:
            books.append(Entry(kind, effect(kind, amount), due, plans[name] if name else None, stage))
        more = {"plan": name, "stage": stage, "due_on": due.isoformat() if due else None, "voided": voided}
        told.append(entry(f"e{number}", kind.value, 0, **{**more, "amount": amount.model_dump()}))
    assert (await push(world, "ledger", *told))["refusals"] == []
    async with world.database.reading(world.here.scope) as reading:
        seen = await account(reading, world.here.patient_id, now())
        today = (await reading.execute(text("select date(timezone('Europe/Rome', now()))"))).scalar_one()
        beside = await of_each_plan(reading, world.here.patient_id)
    assert seen is not None
    assert seen.balances == balances(books, [], today)
    assert seen.plans == plan_accounts(books, [], today)
    assert beside == seen.plans


async def of_each_plan(reading: Reading, patient_id: UUID) -> list[PlanAccount]:
    """What stands in the books for each plan, as a document of plans would show it beside them."""
    person = named_person()
    statement = (
        select(cast(plan_account_json(TreatmentPlan, person), Text))
        .join_from(person, TreatmentPlan, col(TreatmentPlan.patient_id) == person.c.id)
        .order_by(col(TreatmentPlan.id))
    )
    found = (await reading.execute(statement, {"patient": patient_id, "now": now()})).scalars()
    return [PlanAccount.model_validate_json(each) for each in found if each is not None]
