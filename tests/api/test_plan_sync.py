"""A clinic's own system pushes plans and promotions in; patients and staff see them."""

from typing import Any

from sqlalchemy import text

from tests.conftest import Queries
from tests.world import World

EUR = {"currency": "EUR"}


def item(minor: int, **more: Any) -> dict[str, Any]:
    return {"name": "Filling", "unit_price": {"amount_minor": minor, **EUR}, **more}


def plan(external_id: str = "p1", version: int = 1, **more: Any) -> dict[str, Any]:
    stages = [
        {
            "title": "Caries",
            "visits": 2,
            "items": [item(10_000, tooth="16", notation="fdi", surfaces=["M", "O"]), item(5_000)],
        },
        {"title": "Hygiene", "items": [item(8_000, discount_basis_points=1_250, status="completed")]},
    ]
    told = {"external_id": external_id, "version": version, "patient": "anna", "title": "Plan A", "currency": "EUR"}
    return {**told, "group": "g1", "stages": stages, **more}


def promotion(external_id: str = "o1", **more: Any) -> dict[str, Any]:
    texts = [{"language": "it", "title": "Igiene per due", "terms": "Fino a maggio.\nNon cumulabile."}]
    period = {"starts_on": "2020-01-01", "ends_on": "2120-01-01"}
    return {"external_id": external_id, "version": 1, "texts": texts, **period, **more}


async def push(world: World, kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    answer = await world.post(f"/v1/partner/sync/{kind}", world.here.partner, {"items": list(items)})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def staff_plans(world: World) -> list[dict[str, Any]]:
    answer = await world.get(f"/v1/staff/patients/{world.here.patient_id}/plans", world.here.staff)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def event_kinds(world: World) -> list[str]:
    async with world.database.reading(world.here.scope) as reading:
        found = await reading.execute(text("select kind from event where kind !~ '^(patient|record)' order by id"))
        return list(found.scalars())


async def test_a_plan_is_taken_with_its_stages_items_and_sums(world: World) -> None:
    assert (await push(world, "plans", plan()))["created"] == 1
    [seen] = await staff_plans(world)
    assert seen["group"] == "g1"
    assert [(stage["title"], stage["status"]) for stage in seen["stages"]] == [
        ("Caries", "pending"), ("Hygiene", "done"),
    ]  # fmt: skip
    assert seen["stages"][0]["items"][0]["tooth"] == "16"
    assert {name: amount and amount["amount_minor"] for name, amount in seen["cost"].items()} == {
        "price": 23_000, "discount": 1_000, "promotion": None, "points": None, "insurance": 0, "patient": 22_000,
        "estimate": None,
    }  # fmt: skip
    assert seen["progress"] == {"items": 3, "items_done": 1}


async def test_sending_a_plan_again_changes_nothing_and_says_so(world: World) -> None:
    first = await push(world, "plans", plan())
    again = await push(world, "plans", plan())
    assert (again["unchanged"], again["created"], again["updated"]) == (1, 0, 0)
    assert again["rows"][0]["id"] == first["rows"][0]["id"]
    assert await event_kinds(world) == ["plan.published"]


async def test_a_changed_plan_replaces_all_its_stages(world: World) -> None:
    await push(world, "plans", plan())
    one_stage = [{"title": "Only", "items": [item(1)]}]
    assert (await push(world, "plans", plan(version=2, stages=one_stage)))["updated"] == 1
    [seen] = await staff_plans(world)
    assert [(stage["title"], len(stage["items"])) for stage in seen["stages"]] == [("Only", 1)]
    assert await event_kinds(world) == ["plan.published", "plan.updated", "plan.read"]


async def test_an_item_alone_that_changed_is_a_change_of_the_plan(world: World) -> None:
    await push(world, "plans", plan())
    changed = plan(version=2)
    changed["stages"][0]["items"][1]["status"] = "completed"
    assert (await push(world, "plans", changed))["updated"] == 1
    assert (await staff_plans(world))[0]["stages"][0]["status"] == "active"


async def test_an_older_version_is_refused_as_stale(world: World) -> None:
    await push(world, "plans", plan(version=7))
    late = await push(world, "plans", plan(version=6, title="Old"))
    assert late["refusals"][0]["errors"] == [{"pointer": "/version", "code": "stale-version"}]
    assert (await staff_plans(world))[0]["title"] == "Plan A"


async def test_a_price_in_a_second_currency_is_refused_with_a_pointer_to_the_item(world: World) -> None:
    mixed = plan("mixed")
    mixed["stages"][1]["items"][0]["unit_price"]["currency"] = "CNY"
    result = await push(world, "plans", plan("good"), mixed)
    assert result["created"] == 1
    pointer = "/stages/1/items/0/unit_price/currency"
    assert result["refusals"] == [
        {"index": 1, "external_id": "mixed", "errors": [{"pointer": pointer, "code": "mixed-currencies"}]}
    ]


async def test_a_tooth_needs_its_notation_and_a_plan_its_patient(world: World) -> None:
    bare_tooth = plan("bare", stages=[{"title": "s", "items": [item(1, tooth="16")]}])
    result = await push(world, "plans", bare_tooth, plan("lost", patient="nobody"))
    assert [row["errors"] for row in result["refusals"]] == [
        [{"pointer": "/stages/0/items/0", "code": "tooth-without-notation"}],
        [{"pointer": "/patient", "code": "unknown-reference"}],
    ]


async def test_a_surface_is_one_of_the_tooth_and_needs_one(world: World) -> None:
    def with_item(name: str, **more: Any) -> dict[str, Any]:
        return plan(name, stages=[{"title": "s", "items": [item(1), item(1, **more)]}])

    molar = {"notation": "fdi", "tooth": "16"}
    result = await push(
        world, "plans", with_item("front", notation="fdi", tooth="11", surfaces=["O"]),
        with_item("molar", **molar, surfaces=["I"]), with_item("nowhere", surfaces=["M"]),
        with_item("good", **molar, surfaces=["O", "M", "O"]),
    )  # fmt: skip
    pointer = "/stages/0/items/1/surfaces"
    assert [row["errors"] for row in result["refusals"]] == [
        [{"pointer": pointer, "code": "surface-not-on-this-tooth"}],
        [{"pointer": pointer, "code": "surface-not-on-this-tooth"}],
        [{"pointer": pointer, "code": "surfaces-without-tooth"}],
    ]
    [seen] = await staff_plans(world)
    assert seen["stages"][0]["items"][1]["surfaces"] == ["M", "O"]


async def test_what_is_completed_cannot_be_proposed_again(world: World) -> None:
    await push(world, "plans", plan(status="completed"))
    back = await push(world, "plans", plan(version=2, status="proposed"))
    assert back["refusals"][0]["errors"] == [{"pointer": "/status", "code": "transition-not-allowed"}]


async def test_a_thousand_plans_cost_as_many_statements_as_two(world: World, at_most: Queries) -> None:
    for rows in (2, 1_000):
        batch = [plan(f"n{rows}-{number}") for number in range(rows)]
        with at_most(11):
            assert (await push(world, "plans", *batch))["created"] == rows
    newer = [plan(f"n1000-{number}", version=2, title="B") for number in range(1_000)]
    with at_most(14):
        assert (await push(world, "plans", *newer))["updated"] == 1_000


async def test_staffs_reading_of_plans_is_recorded_and_needs_the_clinical_permission(world: World) -> None:
    await push(world, "plans", plan(status="draft"))
    assert [seen["status"] for seen in await staff_plans(world)] == ["draft"]
    assert (await event_kinds(world))[-1] == "plan.read"
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = '{patients.read_contact}'"))
    refused = await world.get(f"/v1/staff/patients/{world.here.patient_id}/plans", world.here.staff)
    assert refused.status_code == 403


async def test_staff_of_another_clinic_finds_no_such_patient(world: World) -> None:
    answer = await world.get(f"/v1/staff/patients/{world.here.patient_id}/plans", world.there.staff)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_patient_sees_what_is_open_to_them_in_their_language(world: World) -> None:
    english = [{"language": "en", "title": "English only"}]
    result = await push(
        world, "promotions", promotion(), promotion("old", min_age=110), promotion("zh", languages=["zh"]),
        promotion("past", ends_on="2020-02-01"), promotion("en", texts=english, ends_on="2119-01-01"),
    )  # fmt: skip
    assert result["created"] == 5
    mine = await world.get("/v1/me/promotions", world.here.patient)
    assert [(one["title"], one["terms"]) for one in mine.json()["items"]] == [
        ("English only", ""), ("Igiene per due", "Fino a maggio.\nNon cumulabile."),
    ]  # fmt: skip
    assert (await world.get("/v1/me/promotions", world.there.patient)).json() == {"items": []}
    assert await event_kinds(world) == ["promotion.published"] * 5


async def test_a_promotion_that_ends_before_it_starts_is_refused(world: World) -> None:
    result = await push(world, "promotions", promotion(ends_on="2019-01-01"))
    assert result["refusals"][0]["errors"] == [{"pointer": "/ends_on", "code": "ends-before-it-starts"}]
