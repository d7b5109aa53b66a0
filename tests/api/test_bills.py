"""Bills at the desk: what may come off one, what is refused rather than burnt, and how a bill is found again."""

from typing import Any

import httpx
import pytest

from core.ids import new_id
from core.money import LARGEST_MINOR
from tests.api.household import EMMA, MOTHER, aged, child, linked, sign_in
from tests.api.loyalty_desk import euro, given, picked, published, with_programme
from tests.api.test_loyalty import issued, my_points
from tests.world import World


async def settle(world: World, **more: Any) -> httpx.Response:
    body = {"bill": "R-1", "price": euro(10_000), **more}
    return await world.post("/v1/staff/redemptions", world.here.staff, body)


async def reverse(world: World, redemption_id: str) -> dict[str, Any]:
    path = f"/v1/staff/redemptions/{redemption_id}/reversal"
    answer = await world.post(path, world.here.staff, {"reason": "Wrong bill"})
    assert answer.status_code == 200, answer.text
    bill: dict[str, Any] = answer.json()
    return bill


async def bills(world: World, path: str, token: dict[str, str], **params: Any) -> list[str]:
    answer = await world.get(path, token, params=params)
    assert answer.status_code == 200, answer.text
    return [each["bill"] for each in answer.json()["items"]]


async def test_a_coupon_of_a_promotion_that_was_ended_is_redeemed_without_its_code(world: World) -> None:
    anna, promotion_id = str(world.here.patient_id), await published(world)
    coupon = await picked(world, promotion_id)
    await world.post(f"/v1/staff/promotions/{promotion_id}/end", world.here.staff, None)
    assert await picked(world, promotion_id) == coupon
    neighbour = await settle(world, patient_id=str(world.here.other_patient_id), promotion_ids=[promotion_id])
    assert neighbour.status_code == 404
    told = await settle(world, patient_id=anna, promotion_ids=[promotion_id])
    assert (told.status_code, told.json()["left"]) == (200, euro(9_000))


async def test_a_correction_after_the_promotion_ended_does_not_lose_the_coupon(world: World) -> None:
    promotion_id = await published(world)
    coupon = await picked(world, promotion_id)
    first = (await settle(world, codes=[coupon["code"]])).json()
    await world.post(f"/v1/staff/promotions/{promotion_id}/end", world.here.staff, None)
    await reverse(world, first["redemption_id"])
    corrected = await settle(world, codes=[coupon["code"]], price=euro(5_000))
    assert (corrected.status_code, corrected.json()["left"]) == (200, euro(4_500))


async def test_nothing_is_used_up_that_takes_nothing(world: World) -> None:
    anna, card = str(world.here.patient_id), await issued(world)
    whole = await published(world, reduction={"basis_points": 10_000})
    coupon = await picked(world, await published(world, reduction={"amount": euro(500)}))
    with_card = {"card_id": card["card_id"], "service": "Hygiene"}
    for more in ({"codes": [coupon["code"]]}, with_card):
        refused = await settle(world, patient_id=anna, promotion_ids=[whole], **more)
        assert (refused.status_code, refused.json()["code"]) == (409, "promotions-not-combinable")
        assert refused.json()["errors"][0]["code"] == "takes-nothing"
    assert (await settle(world, patient_id=anna, promotion_ids=[whole])).json()["left"] == euro(0)
    assert (await settle(world, bill="R-2", codes=[coupon["code"]], **with_card)).json()["left"] == euro(0)


async def test_as_many_points_as_there_are_is_a_wish_like_any_other(world: World) -> None:
    anna = str(world.here.patient_id)
    await with_programme(world, worth=euro(LARGEST_MINOR))
    await given(world, 5)
    told = await settle(world, patient_id=anna, points=10**9)
    assert (told.status_code, told.json()["points"], told.json()["left"]) == (200, 1, euro(0))


async def test_an_id_of_the_desk_means_one_change_of_one_patient(world: World) -> None:
    await with_programme(world)
    client_id = str(new_id())
    await given(world, 50, client_id=client_id)
    for patient_id, points in (
        (world.here.patient_id, -20), (world.here.patient_id, 51), (world.here.other_patient_id, 50),
        (world.here.other_patient_id, -50),
    ):  # fmt: skip
        body = {"client_id": client_id, "points": points, "reason": "x"}
        refused = await world.post(f"/v1/staff/patients/{patient_id}/points", world.here.staff, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "points-id-reused")
    taken = str(new_id())
    for _ in range(2):
        assert (await given(world, -20, client_id=taken))["balance"] == 30


async def test_a_late_repeat_of_what_was_taken_back_takes_nothing_again(world: World) -> None:
    anna = str(world.here.patient_id)
    await with_programme(world)
    await given(world, 60)
    first = (await settle(world, patient_id=anna, points=20)).json()
    gone = await reverse(world, first["redemption_id"])
    assert (await settle(world, patient_id=anna, points=20)).json() == gone
    assert (await my_points(world))["balance"] == 60
    assert (await settle(world, patient_id=anna, points=10)).json()["points"] == 10, "another wish is another bill"
    assert (await settle(world, patient_id=anna, points=20)).json() == gone


async def test_bills_are_found_by_number_by_patient_and_by_their_owner(world: World) -> None:
    here = world.here
    await with_programme(world)
    await given(world, 60)
    for bill in ("R-1", "R-2", "R-3"):
        told = (await settle(world, patient_id=str(here.patient_id), points=1, bill=bill)).json()
    await reverse(world, told["redemption_id"])
    of_anna = f"/v1/staff/patients/{here.patient_id}/redemptions"
    assert await bills(world, "/v1/staff/redemptions", here.staff, bill="R-3") == ["R-3"]
    assert await bills(world, "/v1/staff/redemptions", here.staff, bill="R-9") == []
    assert await bills(world, "/v1/staff/redemptions", world.there.staff, bill="R-1") == []
    assert await bills(world, of_anna, here.staff) == ["R-3", "R-2", "R-1"]
    assert await bills(world, f"/v1/staff/patients/{here.other_patient_id}/redemptions", here.staff) == []
    assert await bills(world, "/v1/me/redemptions", here.patient) == ["R-3", "R-2", "R-1"]
    first = (await world.get("/v1/me/redemptions", here.patient, params={"limit": 2})).json()
    assert first["items"][0]["reversed_at"] is not None
    assert await bills(world, "/v1/me/redemptions", here.patient, cursor=first["next_cursor"]) == ["R-1"]


@pytest.mark.parametrize(("years", "seen"), [(13, ["R-1"]), (15, [])])
async def test_who_may_keep_a_treatment_private_is_alone_with_the_clinic_to_see_bills(
    world: World, years: int, seen: list[str]
) -> None:
    emma = await child(world, born=aged(years))
    mother, own = await sign_in(world, MOTHER), await sign_in(world, EMMA)
    await linked(world, mother, emma, "guardian")
    await linked(world, own, emma, "self")
    await with_programme(world)
    await given(world, 9, emma)
    await settle(world, patient_id=str(emma), points=1)
    assert await bills(world, f"/v1/patients/{emma}/redemptions", mother.headers) == seen
    for path in ("/v1/me/redemptions", f"/v1/patients/{emma}/redemptions"):
        assert await bills(world, path, own.headers) == ["R-1"]
    assert await bills(world, f"/v1/staff/patients/{emma}/redemptions", world.here.staff) == ["R-1"]


async def test_a_reduction_that_nobody_picks_up_is_named_at_the_desk_once_a_patient(world: World) -> None:
    anna, promotion_id = str(world.here.patient_id), await published(world, with_coupon=False)
    unasked = await world.post(f"/v1/me/promotions/{promotion_id}/coupon", world.here.patient, None)
    assert unasked.status_code == 404
    told = await settle(world, patient_id=anna, promotion_ids=[promotion_id])
    assert (told.status_code, told.json()["left"]) == (200, euro(9_000))
    again = await settle(world, patient_id=anna, promotion_ids=[promotion_id], bill="R-2")
    assert (again.status_code, again.json()["code"]) == (409, "coupon-already-had")
    words = await published(world, with_coupon=False, reduction=None)
    assert (await settle(world, patient_id=anna, promotion_ids=[words], bill="R-3")).status_code == 404
