"""Offers from draft to bill: who sees them, who picks them up, what comes off, and what is taken back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from enamel.worker.loyalty import keep_loyalty
from tests.api.loyalty_desk import TEN_PERCENT, TEXTS, euro, events, given, picked, published, signed_in, with_programme
from tests.conftest import Queries
from tests.world import DAY, World

OVERDUE = {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180}


async def settled(world: World, status: int = 200, **bill: Any) -> dict[str, Any]:
    body = {"bill": "R-1", "price": euro(10_000), **bill}
    answer = await world.post("/v1/staff/redemptions", world.here.staff, body)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def mine(world: World, token: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = await world.get("/v1/me/promotions", token or world.here.patient)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_draft_is_seen_by_nobody_and_a_published_promotion_by_all(world: World) -> None:
    body = {"texts": TEXTS, "starts_on": "2020-01-01", "ends_on": "2120-01-01"}
    made = await world.post("/v1/staff/promotions", world.here.staff, body)
    assert made.json()["state"] == "draft"
    assert await mine(world) == []
    path = f"/v1/staff/promotions/{made.json()['promotion_id']}"
    assert (await world.post(f"{path}/publication", world.here.staff, None)).json()["state"] == "published"
    [seen] = await mine(world)
    assert (seen["title"], seen["with_coupon"], seen["reduction"], seen["coupon"]) == ("Igiene -10%", False, None, None)
    assert await mine(world, world.there.patient) == []
    again = await world.post(f"{path}/publication", world.here.staff, None)
    assert (again.status_code, again.json()["code"]) == (409, "promotion-not-draft")
    assert (await world.post(f"{path}/end", world.here.staff, None)).json()["state"] == "ended"
    assert await mine(world) == []


async def test_a_coupon_is_picked_up_once_and_shown_again_with_its_code(world: World) -> None:
    promotion_id = await published(world, stock=5)
    coupon = await picked(world, promotion_id)
    assert (coupon["state"], len(coupon["code"])) == ("picked", 10)
    assert await picked(world, promotion_id) == coupon
    listed = (await world.get("/v1/me/coupons", world.here.patient)).json()["items"]
    assert listed == [coupon]
    [seen] = await mine(world)
    assert (seen["left"], seen["coupon"]["coupon_id"]) == (4, coupon["coupon_id"])
    assert seen["reduction"] == {"basis_points": 1_000, "amount": None, "minimum": None, "combinable": True}
    [card] = (await world.get("/v1/staff/promotions", world.here.staff)).json()["items"]
    assert (card["stock"], card["picked"], card["redeemed"]) == (5, 1, 0)
    assert await events(world, "coupon") == ["coupon.picked_up"]


async def test_no_code_stands_in_the_database(world: World) -> None:
    coupon = await picked(world, await published(world))
    async with world.database.sweeping() as sweeping:
        rows = (await sweeping.execute(text("select coupon::text from coupon"))).scalars()
        assert coupon["code"] not in " ".join(rows)


async def test_an_offer_of_words_has_no_coupon(world: World) -> None:
    promotion_id = await published(world, with_coupon=False, reduction=None)
    answer = await world.post(f"/v1/me/promotions/{promotion_id}/coupon", world.here.patient, None)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_patient_outside_the_audience_neither_sees_nor_picks_it_up(world: World) -> None:
    done = {"external_id": "x", "patient": "anna", "kind": "hygiene", "performed_on": "2020-05-05"}
    await world.post("/v1/partner/sync/procedures", world.here.partner, {"items": [done]})
    promotion_id = await published(world, criteria=OVERDUE)
    _, dora = await signed_in(world, "dora", "+390255577777")
    [seen] = await mine(world)
    assert seen["promotion_id"] == promotion_id
    assert await mine(world, dora) == []
    path = f"/v1/me/promotions/{promotion_id}/coupon"
    outside = await world.post(path, dora, None)
    absent = await world.post(f"/v1/me/promotions/{new_id()}/coupon", dora, None)
    assert [each.status_code for each in (outside, absent)] == [404, 404]
    assert outside.json()["code"] == absent.json()["code"] == "not-found"
    assert (await world.post(path, world.here.patient, None)).status_code == 201
    [card] = (await world.get("/v1/staff/promotions", world.here.staff)).json()["items"]
    assert (card["audience"], card["listed"]) == ("listed", 1)


async def test_who_comes_to_match_later_is_listed_by_the_worker_and_stays_listed(world: World) -> None:
    promotion_id = await published(world, criteria=OVERDUE)
    assert await mine(world) == []
    done = {"external_id": "x", "patient": "anna", "kind": "hygiene", "performed_on": "2020-05-05"}
    await world.post("/v1/partner/sync/procedures", world.here.partner, {"items": [done]})
    assert await keep_loyalty(world.database, now()) == 1
    assert await keep_loyalty(world.database, now()) == 0
    assert [each["promotion_id"] for each in await mine(world)] == [promotion_id]
    lately = {"external_id": "y", "patient": "anna", "kind": "hygiene", "performed_on": now().date().isoformat()}
    await world.post("/v1/partner/sync/procedures", world.here.partner, {"items": [lately]})
    await keep_loyalty(world.database, now())
    assert len(await mine(world)) == 1


async def test_all_lists_of_one_criteria_are_one_statement(world: World, at_most: Queries) -> None:
    for _ in range(3):
        await published(world, criteria=OVERDUE)
    with at_most(8):  # two for the lists, one for each of the other steps
        await keep_loyalty(world.database, now())


async def test_the_desk_takes_a_coupon_off_a_bill_once(world: World) -> None:
    coupon = await picked(world, await published(world))
    told = await settled(world, codes=[coupon["code"].lower()])
    assert told["patient_id"] == str(world.here.patient_id)
    assert (told["left"], [each["amount"] for each in told["taken"]]) == (euro(9_000), [euro(1_000)])
    assert await settled(world, codes=[coupon["code"]]) == told
    other = await settled(world, 409, codes=[coupon["code"]], bill="R-2")
    assert other["code"] == "coupon-spent"
    changed = await settled(world, 409, codes=[coupon["code"]], price=euro(20_000))
    assert changed["code"] == "bill-already-settled"
    [seen] = (await world.get("/v1/me/coupons", world.here.patient)).json()["items"]
    assert (seen["state"], seen["code"]) == ("redeemed", None)
    assert await events(world, "coupon", "bill") == ["bill.settled", "coupon.picked_up", "coupon.redeemed"]


async def test_the_desk_redeems_for_a_patient_who_has_no_phone(world: World) -> None:
    promotion_id = await published(world, reduction={"amount": euro(3_000)})
    told = await settled(world, patient_id=str(world.here.other_patient_id), promotion_ids=[promotion_id])
    assert told["left"] == euro(7_000)
    assert told["taken"] == [{"kind": "promotion", "source_id": promotion_id, "amount": euro(3_000)}]


async def test_promotions_that_exclude_each_other_are_refused_together_and_stay_good(world: World) -> None:
    alone = await picked(world, await published(world, reduction={**TEN_PERCENT, "combinable": False}))
    other = await picked(world, await published(world))
    refused = await settled(world, 409, codes=[alone["code"], other["code"]])
    assert (refused["code"], refused["errors"][0]["code"]) == ("promotions-not-combinable", "not-combinable")
    assert (await settled(world, codes=[alone["code"]]))["left"] == euro(9_000)
    assert (await settled(world, codes=[other["code"]], bill="R-2"))["left"] == euro(9_000)


async def test_a_bill_below_the_minimum_is_refused(world: World) -> None:
    coupon = await picked(world, await published(world, reduction={**TEN_PERCENT, "minimum": euro(10_001)}))
    assert (await settled(world, 409, codes=[coupon["code"]]))["errors"][0]["code"] == "below-minimum"
    assert (await settled(world, codes=[coupon["code"]], price=euro(10_001)))["left"] == euro(9_001)


async def test_a_bill_is_taken_back_whole(world: World) -> None:
    await with_programme(world)
    await given(world, 30)
    promotion_id = await published(world, stock=1)
    coupon = await picked(world, promotion_id)
    told = await settled(world, codes=[coupon["code"]], points=30)
    assert (told["left"], told["points"]) == (euro(6_000), 30)
    path = f"/v1/staff/redemptions/{told['redemption_id']}/reversal"
    first = await world.post(path, world.here.staff, {"reason": "Billed twice"})
    assert first.status_code == 200, first.text
    again = await world.post(path, world.here.staff, {"reason": "Billed twice"})
    assert first.json() == again.json()
    assert first.json()["reversed_at"] is not None
    assert (await world.get("/v1/me/points", world.here.patient)).json()["balance"] == 30
    late = await settled(world, codes=[coupon["code"]], points=30)
    assert late == first.json(), "a repeat that comes late settles nothing anew"
    assert await picked(world, promotion_id) == coupon, "it is good again, and kept its place"
    _, dora = await signed_in(world, "dora", "+390255577777")
    out = await world.post(f"/v1/me/promotions/{promotion_id}/coupon", dora, None)
    assert (out.status_code, out.json()["code"]) == (409, "promotion-out-of-stock")
    assert (await settled(world, codes=[coupon["code"]]))["left"] == euro(9_000)


async def test_a_coupon_whose_time_was_over_when_its_bill_was_taken_back_is_gone(world: World) -> None:
    promotion_id = await published(world, stock=1)
    coupon = await picked(world, promotion_id)
    told = await settled(world, codes=[coupon["code"]])
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update coupon set expires_at = picked_at"))
    path = f"/v1/staff/redemptions/{told['redemption_id']}/reversal"
    await world.post(path, world.here.staff, {"reason": "Billed twice"})
    assert (await settled(world, 409, codes=[coupon["code"]], bill="R-2"))["code"] == "coupon-spent"
    assert (await picked(world, promotion_id))["coupon_id"] != coupon["coupon_id"], "its place is free"


async def test_wrong_foreign_and_neighbours_codes_are_answered_alike_and_braked(world: World) -> None:
    foreign = await picked(world, await published(world, world.there), world.there.patient)
    own = await picked(world, await published(world))
    neighbour = str(world.here.other_patient_id)
    answers = [
        await settled(world, 404, codes=["7KQ2M9XARD"]),
        await settled(world, 404, codes=[foreign["code"]]),
        await settled(world, 404, codes=[own["code"]], patient_id=neighbour),
    ]
    assert len({(each["code"], each["detail"]) for each in answers}) == 1
    assert answers[0]["code"] == "code-unknown"
    for _ in range(7):
        await settled(world, 404, codes=["7KQ2M9XARD"])
    braked = await settled(world, 429, codes=[own["code"]])
    assert (braked["code"], 0 < braked["retry_after_seconds"] <= 3601) == ("too-many-codes", True)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update code_try set since = since - interval '1 hour'"))
    for _ in range(12):  # known ones are no tries, whatever becomes of them
        await settled(world, codes=[own["code"]], bill="R-1")
        await settled(world, 409, codes=[own["code"]], bill="R-2")


async def test_a_coupon_whose_time_is_over_gives_its_place_back(world: World) -> None:
    promotion_id = await published(world, stock=1, coupon_days=7)
    coupon = await picked(world, promotion_id)
    later = now() + timedelta(days=8)
    assert await keep_loyalty(world.database, later) == 1
    assert await keep_loyalty(world.database, later) == 0
    assert (await settled(world, 409, codes=[coupon["code"]]))["code"] == "coupon-spent"
    had = await world.post(f"/v1/me/promotions/{promotion_id}/coupon", world.here.patient, None)
    assert (had.status_code, had.json()["code"]) == (409, "coupon-already-had")
    _, dora = await signed_in(world, "dora", "+390255577777")
    await picked(world, promotion_id, dora)
    assert await events(world, "coupon") == ["coupon.expired", "coupon.picked_up", "coupon.picked_up"]


async def test_a_synced_promotion_is_picked_up_and_redeemed_but_not_ended_here(world: World) -> None:
    row = {
        "external_id": "o1", "version": 1, "texts": TEXTS, "starts_on": "2020-01-01", "ends_on": "2120-01-01",
        "reduction": {"amount": euro(500)}, "with_coupon": True, "stock": 3,
    }  # fmt: skip
    result = await world.post("/v1/partner/sync/promotions", world.here.partner, {"items": [row]})
    promotion_id = result.json()["rows"][0]["id"]
    coupon = await picked(world, promotion_id)
    refused = await world.post(f"/v1/staff/promotions/{promotion_id}/end", world.here.staff, None)
    assert (refused.status_code, refused.json()["code"]) == (409, "promotion-of-another-system")
    body = {"bill": "MIS-9", "price": euro(2_000), "codes": [coupon["code"]], "patient": "anna"}
    told = await world.post("/v1/partner/redemptions", world.here.partner, body)
    assert told.status_code == 200, told.text
    assert told.json()["left"] == euro(1_500)
    assert (await world.post("/v1/partner/redemptions", world.here.partner, body)).json() == told.json()


async def test_a_sync_does_not_take_from_a_coupon_what_it_was_picked_up_for(world: World) -> None:
    row = {"external_id": "o1", "texts": TEXTS, "starts_on": "2020-01-01", "ends_on": "2120-01-01", "with_coupon": True}
    other = {**row, "external_id": "o2", "version": 1, "reduction": {"basis_points": 5_000}}

    async def push(version: int, share: int, *more: dict[str, Any]) -> Any:
        items = [{**row, "version": version, "reduction": {"basis_points": share}}, *more]
        return (await world.post("/v1/partner/sync/promotions", world.here.partner, {"items": items})).json()

    promotion_id = (await push(1, 5_000, other))["rows"][0]["id"]
    coupon = await picked(world, promotion_id)
    told = await push(2, 100, {**other, "version": 2, "reduction": {"basis_points": 100}})
    fault = {"pointer": "/reduction", "code": "coupons-out"}
    assert told["refusals"] == [{"index": 0, "external_id": "o1", "errors": [fault]}]
    assert told["updated"] == 1, "of the other nobody has a coupon"
    assert (await push(3, 6_000))["updated"] == 1, "more is always welcome"
    bill = await settled(world, codes=[coupon["code"]])
    assert bill["left"] == euro(4_000)
    assert (await push(4, 100))["updated"] == 1, "the last coupon is redeemed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"reduction": {"basis_points": 100, "amount": euro(1)}},
        {"reduction": {"basis_points": 0}},
        {"reduction": {"amount": euro(0)}},
        {"reduction": None},
        {"ends_on": "2019-12-31"},
        {"reduction": {"amount": euro(5), "minimum": {"amount_minor": 5, "currency": "JPY"}}},
    ],
)
async def test_terms_that_mean_nothing_are_refused(world: World, wrong: dict[str, Any]) -> None:
    body = {"texts": TEXTS, "starts_on": "2020-01-01", "ends_on": "2120-01-01", "with_coupon": True,
            "reduction": TEN_PERCENT, **wrong}  # fmt: skip
    answer = await world.post("/v1/staff/promotions", world.here.staff, body)
    assert answer.status_code == 422, answer.text


async def test_a_promotion_ends_for_everybody_on_the_day_after_its_last(world: World) -> None:
    today = now().date()
    await published(world, ends_on=(today - DAY * 2).isoformat())
    assert await mine(world) == []
