"""Points from visits, payments and by hand; tiers; prepaid cards; friends who come by a code."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from clinic.commands import take_appointments
from clinic.facts import AppointmentFact
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from enamel.worker.loyalty import keep_loyalty
from tests.api.loyalty_desk import euro, events, given, ledger_sums, signed_in, with_programme
from tests.world import DAY, World


async def my_points(world: World, token: dict[str, str] | None = None) -> dict[str, Any]:
    answer = await world.get("/v1/me/points", token or world.here.patient)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def came(world: World, name: str, visit: str = "v1", days_ago: int = 0) -> None:
    """A visit that took place, as the clinic's system tells it."""
    start = now() - timedelta(hours=2) - DAY * days_ago
    fact = AppointmentFact.model_validate({
        "external_id": visit, "patient": name, "starts_at": start, "ends_at": start + timedelta(hours=1),
        "status": "completed",
    })  # fmt: skip
    async with world.database.writing(world.here.scope) as writing:
        _, faults = await take_appointments(writing, world.here.clinic_id, "mis", [(0, fact)], SYSTEM, now())
    assert not faults


async def long_since(world: World) -> None:
    """The programme is not from today."""
    async with world.database.sweeping() as sweeping:
        rules = ("visits", "payments", "referrals")
        earlier = ", ".join(f"{rule}_since = {rule}_since - interval '60 days'" for rule in rules)
        await sweeping.execute(text(f"update loyalty_programme set {earlier}"))  # noqa: S608  words of this test


async def test_before_there_is_a_programme_there_are_no_points(world: World) -> None:
    told = await my_points(world)
    assert (told["balance"], told["worth"], told["tier"], told["next_tier"]) == (0, None, None, None)
    assert (await world.get("/v1/staff/loyalty", world.here.staff)).json() == {"programme": None}
    body = {"client_id": str(new_id()), "points": 5, "reason": "x"}
    path = f"/v1/staff/patients/{world.here.patient_id}/points"
    refused = await world.post(path, world.here.staff, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "no-points-programme")


async def test_points_by_hand_reach_a_tier_and_say_how_far_the_next_is(world: World) -> None:
    await with_programme(world)
    client_id = str(new_id())
    await given(world, 120, client_id=client_id)
    told = await given(world, 120, client_id=client_id)  # the second click gives nothing
    assert (told["balance"], told["earned"], told["tier"]) == (120, 120, "Silver")
    assert told["next_tier"] == {"name": "Gold", "points_left": 380}
    taken = await given(world, -20)
    assert (taken["balance"], taken["earned"], taken["tier"]) == (100, 120, "Silver")
    refused = await world.post(
        f"/v1/staff/patients/{world.here.patient_id}/points", world.here.staff,
        {"client_id": str(new_id()), "points": -101, "reason": "x"},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (409, "not-enough-points")
    assert await events(world, "points.", "tier") == ["points.accrued", "points.spent", "tier.reached"]


async def test_the_history_is_paged_and_adds_up(world: World) -> None:
    await with_programme(world)
    for points in (10, 20, -5, 30):
        await given(world, points)
    first = await world.get("/v1/me/points/entries", world.here.patient, params={"limit": 3})
    cursor = first.json()["next_cursor"]
    second = await world.get("/v1/me/points/entries", world.here.patient, params={"cursor": cursor})
    items = [*first.json()["items"], *second.json()["items"]]
    assert sorted(each["points"] for each in items) == [-5, 10, 20, 30]
    assert second.json()["next_cursor"] is None
    assert items[-1]["reason"] == "Because"
    assert await ledger_sums(world) == [(55, 55, 55)]


async def test_a_visit_that_took_place_earns_once(world: World) -> None:
    await with_programme(world)
    await came(world, "anna", "before", days_ago=3)
    await keep_loyalty(world.database, now())
    assert (await my_points(world))["balance"] == 0, "a visit before the programme earns nothing"
    await long_since(world)
    await came(world, "anna", "after")
    assert await keep_loyalty(world.database, now()) == 2
    assert await keep_loyalty(world.database, now()) == 0
    assert (await my_points(world))["balance"] == 20


async def test_a_visit_of_last_year_that_is_told_today_earns_nothing(world: World) -> None:
    await with_programme(world)
    await long_since(world)
    await came(world, "anna", days_ago=200)
    assert await keep_loyalty(world.database, now()) == 0


async def test_a_payment_in_the_books_earns_and_one_that_is_voided_is_taken_back(world: World) -> None:
    await with_programme(world)
    paid = {
        "external_id": "l1", "version": 1, "patient": "anna", "kind": "payment", "amount": euro(12_345),
        "posted_on": now().date().isoformat(),
    }  # fmt: skip
    told = await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [paid]})
    assert told.json()["created"] == 1, told.text
    assert await keep_loyalty(world.database, now()) == 1
    assert await keep_loyalty(world.database, now()) == 0
    assert (await my_points(world))["balance"] == 6  # five percent of 123.45, in whole euros
    voided = {**paid, "version": 2, "voided": True}
    await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [voided]})
    await keep_loyalty(world.database, now())
    told_points = await my_points(world)
    assert (told_points["balance"], told_points["earned"]) == (0, 0)


async def test_the_clinics_system_gives_points_for_a_cause_once(world: World) -> None:
    await with_programme(world)
    rows = [
        {"external_id": "a", "patient": "anna", "paid": euro(10_000)},
        {"external_id": "b", "patient": "anna", "points": 7},
        {"external_id": "c", "patient": "nobody", "points": 7},
        {"external_id": "d", "patient": "anna", "paid": euro(10)},
    ]
    first = (await world.post("/v1/partner/sync/points", world.here.partner, {"items": rows})).json()
    assert (first["created"], first["refused"]) == (2, 2)
    assert [each["errors"][0]["code"] for each in first["refusals"]] == ["unknown-reference", "earns-nothing"]
    again = (await world.post("/v1/partner/sync/points", world.here.partner, {"items": rows})).json()
    assert (again["created"], again["unchanged"]) == (0, 2)
    assert (await my_points(world))["balance"] == 12


async def test_points_end_and_are_written_off(world: World) -> None:
    await with_programme(world, life_days=30)
    told = await given(world, 40)
    assert [each["points"] for each in told["ending"]] == [40]
    assert await keep_loyalty(world.database, now() + 29 * DAY) == 0
    assert await keep_loyalty(world.database, now() + 31 * DAY) == 1
    assert await ledger_sums(world) == [(0, 0, 0)]
    assert await events(world, "points.e") == ["points.expired"]


async def test_points_pay_for_what_is_left_and_no_more_are_spent_than_it_takes(world: World) -> None:
    await with_programme(world)
    await given(world, 50)
    body = {"bill": "R-1", "price": euro(1_250), "points": 50, "patient_id": str(world.here.patient_id)}
    told = (await world.post("/v1/staff/redemptions", world.here.staff, body)).json()
    assert (told["left"], told["points"]) == (euro(0), 13)
    assert (await my_points(world))["balance"] == 37


async def issued(world: World, **more: Any) -> dict[str, Any]:
    body = {"client_id": str(new_id()), "title": "Three", "service": "Hygiene", "sessions": 3, **more}
    path = f"/v1/staff/patients/{world.here.patient_id}/cards"
    answer = await world.post(path, world.here.staff, body)
    assert answer.status_code == 201, answer.text
    card: dict[str, Any] = answer.json()
    return card


async def test_a_card_is_used_session_by_session(world: World) -> None:
    card = await issued(world, sessions=2, expires_on=(now().date() + 10 * DAY).isoformat())
    assert (card["left"], card["expires_soon"], card["is_own"]) == (2, True, True)
    path, use = f"/v1/staff/cards/{card['card_id']}/uses", {"client_id": str(new_id())}
    for _ in range(2):  # the second is the same use
        assert (await world.post(path, world.here.staff, use)).json()["left"] == 1
    assert (await world.post(path, world.here.staff, {"client_id": str(new_id())})).json()["state"] == "used_up"
    refused = await world.post(path, world.here.staff, {"client_id": str(new_id())})
    assert (refused.status_code, refused.json()["code"]) == (409, "card-not-usable")
    [mine] = (await world.get("/v1/me/cards", world.here.patient)).json()["items"]
    assert (mine["left"], mine["title"]) == (0, "Three")
    assert await events(world, "card") == ["card.issued", "card.used", "card.used"]


async def test_a_card_pays_a_bill_and_gets_its_session_back(world: World) -> None:
    card = await issued(world)
    body = {
        "bill": "R-1", "price": euro(9_000), "card_id": card["card_id"], "service": "hygiene ",
        "patient_id": str(world.here.patient_id),
    }  # fmt: skip
    told = (await world.post("/v1/staff/redemptions", world.here.staff, body)).json()
    assert (told["left"], told["taken"][0]["kind"]) == (euro(0), "prepaid")
    wrong = {**body, "bill": "R-2", "patient_id": str(world.here.other_patient_id)}
    assert (await world.post("/v1/staff/redemptions", world.here.staff, wrong)).status_code == 404
    implant = await world.post("/v1/staff/redemptions", world.here.staff, {**body, "bill": "R-2", "service": "Implant"})
    assert (implant.status_code, implant.json()["code"]) == (409, "card-not-usable")
    assert implant.json()["errors"][0]["code"] == "other-service"
    silent = await world.post("/v1/staff/redemptions", world.here.staff, {**body, "bill": "R-2", "service": None})
    assert (silent.status_code, silent.json()["errors"][0]["pointer"]) == (422, "/service")
    path = f"/v1/staff/redemptions/{told['redemption_id']}/reversal"
    await world.post(path, world.here.staff, {"reason": "Wrong card"})
    [mine] = (await world.get("/v1/me/cards", world.here.patient)).json()["items"]
    assert mine["left"] == 3


async def test_a_card_of_the_clinics_system_is_counted_there(world: World) -> None:
    row = {"external_id": "c1", "version": 1, "patient": "anna", "title": "Five", "service": "Hygiene", "sessions": 5}
    told = (await world.post("/v1/partner/sync/cards", world.here.partner, {"items": [row]})).json()
    await world.post("/v1/partner/sync/cards", world.here.partner, {"items": [{**row, "version": 2, "used": 2}]})
    [mine] = (await world.get("/v1/me/cards", world.here.patient)).json()["items"]
    assert (mine["left"], mine["is_own"]) == (3, False)
    path = f"/v1/staff/cards/{told['rows'][0]['id']}/uses"
    refused = await world.post(path, world.here.staff, {"client_id": str(new_id())})
    assert (refused.status_code, refused.json()["code"]) == (409, "card-of-another-system")
    assert await events(world, "card") == ["card.issued", "card.used"]


async def code_of(world: World, token: dict[str, str]) -> str:
    answer = await world.post("/v1/me/referral/code", token, None)
    assert answer.status_code == 200, answer.text
    assert (await world.post("/v1/me/referral/code", token, None)).json() == answer.json()
    return str(answer.json()["code"])


async def name(world: World, token: dict[str, str], code: str) -> tuple[int, str]:
    answer = await world.post("/v1/me/referral/referrer", token, {"code": code})
    return answer.status_code, "" if answer.status_code == 200 else answer.json()["code"]


async def test_both_get_points_once_after_the_friends_first_visit(world: World) -> None:
    await with_programme(world, per_visit=0)
    _, dora = await signed_in(world, "dora", "+390255577777")
    code = await code_of(world, world.here.patient)
    assert await name(world, dora, f"{code[:5].lower()}-{code[5:]}") == (200, "")
    assert await name(world, dora, code) == (200, "")
    assert await keep_loyalty(world.database, now()) == 0, "no reward before a visit took place"
    await came(world, "dora")
    assert await keep_loyalty(world.database, now()) == 1
    await came(world, "dora", "v2")
    assert await keep_loyalty(world.database, now()) == 0
    assert ((await my_points(world))["balance"], (await my_points(world, dora))["balance"]) == (50, 20)
    mine = (await world.get("/v1/me/referral", world.here.patient)).json()
    assert (mine["bound"], mine["rewarded"], mine["was_referred"]) == (0, 1, False)
    assert await events(world, "referral") == ["referral.bound", "referral.rewarded"]


async def test_nobody_brings_themselves_their_family_or_who_was_here_before(world: World) -> None:
    anna = world.here.patient
    own = await code_of(world, anna)
    assert await name(world, anna, own) == (409, "referral-not-possible")
    _, sister = await signed_in(world, "sister", world.here.phone.replace("1234", "9876"))
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update patient set phone = :phone where external_id = 'sister'"),
                               {"phone": world.here.phone})  # fmt: skip
    assert await name(world, sister, own) == (409, "referral-not-possible")
    _, known = await signed_in(world, "known", "+390255577778")
    await came(world, "known", days_ago=9)
    assert await name(world, known, own) == (409, "referral-not-possible")
    assert await name(world, known, "7KQ2M9XARD") == (404, "code-unknown")


async def test_a_ring_does_not_close_and_nobody_is_brought_twice(world: World) -> None:
    people = [await signed_in(world, who, f"+39025557777{place}") for place, who in enumerate(("a", "b", "c"))]
    codes = [await code_of(world, token) for _, token in people]
    assert await name(world, people[1][1], codes[0]) == (200, "")
    assert await name(world, people[2][1], codes[1]) == (200, "")
    assert await name(world, people[0][1], codes[2]) == (409, "referral-not-possible")
    assert await name(world, people[2][1], codes[0]) == (409, "referral-not-possible")


async def test_the_desk_names_the_referrer_and_sees_everything_but_codes(world: World) -> None:
    await with_programme(world)
    code = await code_of(world, world.here.patient)
    path = f"/v1/staff/patients/{world.here.other_patient_id}"
    named = await world.post(f"{path}/referrer", world.here.staff, {"code": code})
    assert (named.status_code, named.json()["was_referred"]) == (200, True)
    seen = (await world.get(f"{path}/loyalty", world.here.staff)).json()
    assert (seen["points"]["balance"], seen["cards"], seen["coupons"]) == (0, [], [])


async def test_a_guardian_sees_a_wards_points_only_with_the_right_to_pay(world: World) -> None:
    here = world.here
    ward: UUID = here.other_patient_id
    async with world.database.writing(here.scope) as writing:
        from clinic.commands import grant_access

        await grant_access(writing, here.clinic_id, here.account_id, ward, "carer", now())
    path = f"/v1/patients/{ward}/points"
    assert (await world.get(path, here.patient)).status_code == 200
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update access set scopes = array['chat'] where relation = 'carer'"))
    refused = await world.get(path, here.patient)
    assert (refused.status_code, refused.json()["code"]) == (403, "access-too-narrow")
