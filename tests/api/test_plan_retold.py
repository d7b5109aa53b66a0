"""What was answered in the app never contradicts what the clinic's system tells of the plan afterwards."""

import asyncio
from typing import Any

import httpx
import pytest

from core.clock import now
from tests.api.test_plan_answers import accept, dearer, decline, item, offers, outcome, plan, push, seen, sha_of
from tests.api.test_private import family
from tests.world import DAY, World

SOONER = (now() + 9 * DAY).date().isoformat()


def standing(shown: dict[str, Any]) -> tuple[str, int, str | None, int]:
    """Status, number of the offer, the answer to it, and what the patient pays."""
    offer = shown["offer"]
    return shown["status"], offer["number"], offer["answered"], shown["cost"]["patient"]["amount_minor"]


async def shown_as_offered(world: World, plan_id: str) -> bool:
    """Whether what is seen costs what the offer says whose fingerprint stands beside it."""
    shown = await seen(world, plan_id)
    [offer] = [each for each in await offers(world, plan_id) if each["number"] == shown["offer"]["number"]]
    return bool(offer["content"]["cost"] == shown["cost"] and offer["sha256"] == shown["offer"]["sha256"])


# --- Another content ---


@pytest.mark.parametrize("status", ["completed", "stopped", "in_progress"])
async def test_what_was_accepted_and_comes_out_dearer_is_not_shown_as_accepted(world: World, status: str) -> None:
    [plan_id] = await push(world, plan())
    await accept(world, plan_id, await sha_of(world, plan_id))
    await push(world, dearer(90_000, version=2, status=status))
    assert standing(await seen(world, plan_id)) == (status, 2, "again", 173_000)
    assert await shown_as_offered(world, plan_id)
    await push(world, dearer(80_000, version=3, status=status))
    assert standing(await seen(world, plan_id)) == (status, 3, "again", 163_000)


@pytest.mark.parametrize("stages", [(), (0,)])
async def test_a_plan_that_ran_out_keeps_the_prices_at_which_it_was_accepted(
    world: World, stages: tuple[int, ...]
) -> None:
    [plan_id] = await push(world, plan())
    await accept(world, plan_id, await sha_of(world, plan_id), *stages)
    await push(world, dearer(90_000, version=2, status="expired"))
    assert standing(await seen(world, plan_id)) == ("accepted", 1, "accepted", 83_000)
    await push(
        world, dearer(90_000, version=3, status="expired", valid_until=SOONER)
    )  # another last day: another price
    assert standing(await seen(world, plan_id)) == ("expired", 2, "again", 173_000)
    assert await shown_as_offered(world, plan_id)


async def test_a_no_to_what_ran_out_stays_a_no_whatever_it_says_now(world: World) -> None:
    declined, withdrawn = await push(world, plan(), plan(external_id="p2"))
    await decline(world, declined, await sha_of(world, declined))
    path = f"/v1/staff/patients/{world.here.patient_id}/plans/{withdrawn}/withdrawal"
    assert (await world.post(path, world.here.staff, {})).status_code == 200
    over = {"status": "expired", "valid_until": SOONER}
    await push(world, plan(2, **over), plan(2, "p2", **over))
    assert standing(await seen(world, declined)) == ("declined", 2, "declined", 83_000)
    assert (await world.get(f"/v1/me/plans/{withdrawn}", world.here.patient)).status_code == 404


async def test_what_was_stopped_and_resumed_at_another_price_must_be_accepted_again(world: World) -> None:
    [plan_id] = await push(world, plan(status="accepted"))
    await push(world, plan(2, status="in_progress"))
    await push(world, plan(3, status="stopped"))
    await push(world, dearer(90_000, version=4, status="in_progress"))
    assert standing(await seen(world, plan_id)) == ("in_progress", 2, "again", 173_000)
    assert (await accept(world, plan_id, await sha_of(world, plan_id))).status_code == 200


# --- The same content ---


async def test_what_was_accepted_and_ran_out_is_not_forgotten_when_it_is_proposed_anew(world: World) -> None:
    chosen, other = await push(world, plan(group="g"), plan(external_id="p2", group="g", title="B"))
    await accept(world, chosen, await sha_of(world, chosen))
    await push(world, plan(2, group="g", status="expired"))
    await push(world, plan(3, group="g"))
    assert standing(await seen(world, chosen)) == ("proposed", 2, "again", 83_000)
    assert (await seen(world, other))["status"] == "not_chosen"
    assert (await accept(world, chosen, await sha_of(world, chosen))).json()["status"] == "accepted"


async def test_what_the_clinic_told_to_be_declined_is_proposed_anew_without_the_old_answer(world: World) -> None:
    [plan_id] = await push(world, plan())
    await accept(world, plan_id, await sha_of(world, plan_id))
    await push(world, plan(2, status="declined"))
    await push(world, plan(3))
    assert standing(await seen(world, plan_id)) == ("proposed", 2, None, 83_000)


@pytest.mark.parametrize("status", ["accepted", "in_progress"])
async def test_a_yes_at_the_desk_after_a_no_in_the_app_is_a_yes(world: World, status: str) -> None:
    chosen, other = await push(world, plan(group="g"), plan(external_id="p2", group="g", title="B"))
    await decline(world, chosen, await sha_of(world, chosen))
    await push(world, plan(2, group="g", status=status))
    shown = await seen(world, chosen)
    assert standing(shown) == (status, 2, None, 83_000)
    assert [stage["answered"] for stage in shown["stages"]] == [None] * 3
    assert [said["verdict"] for said in (await offers(world, chosen))[1]["answers"]] == ["declined"]
    assert outcome(await accept(world, other, await sha_of(world, other))) == (409, "other-plan-chosen")


async def test_a_no_in_the_app_while_a_yes_is_told_never_outlives_it(world: World) -> None:
    names = [f"p{place}" for place in range(6)]
    plans = await push(world, *(plan(external_id=name) for name in names))
    offered = [await sha_of(world, plan_id) for plan_id in plans]
    answers = await asyncio.gather(
        *(decline(world, plan_id, sha256) for plan_id, sha256 in zip(plans, offered, strict=True)),
        *(push(world, plan(2, name, status="accepted")) for name in names),
    )
    said = [answer.status_code for answer in answers[: len(plans)] if isinstance(answer, httpx.Response)]
    assert set(said) <= {200, 409, 412}
    assert [(await seen(world, plan_id))["status"] for plan_id in plans] == ["accepted"] * len(plans)


async def test_a_yes_at_the_desk_to_a_withdrawn_offer_shows_the_plan_again(world: World) -> None:
    [plan_id] = await push(world, plan())
    path = f"/v1/staff/patients/{world.here.patient_id}/plans/{plan_id}/withdrawal"
    assert (await world.post(path, world.here.staff, {})).status_code == 200
    await push(world, plan(2, status="accepted"))
    assert standing(await seen(world, plan_id)) == ("accepted", 2, None, 83_000)


async def test_what_was_accepted_in_the_app_is_stopped_before_the_clinics_system_has_told_so(world: World) -> None:
    accepted, open_one = await push(world, plan(), plan(external_id="p2"))
    await accept(world, accepted, await sha_of(world, accepted))
    await push(world, plan(2, status="stopped"))
    assert standing(await seen(world, accepted)) == ("stopped", 1, "accepted", 83_000)
    told = {"items": [plan(2, "p2", status="stopped")]}
    [refused] = (await world.post("/v1/partner/sync/plans", world.here.partner, told)).json()["refusals"]
    assert refused["errors"] == [{"pointer": "/status", "code": "transition-not-allowed"}]
    assert (await seen(world, open_one))["status"] == "proposed"


# --- The price lock ---


async def test_a_rise_in_one_stage_holds_that_stage_and_lets_the_others_fall(world: World) -> None:
    [plan_id] = await push(world, plan())
    told = plan(2)
    told["stages"][1]["items"][0], told["stages"][2]["items"][0] = item(20_000), item(8_100)
    answer = await world.post("/v1/partner/sync/plans", world.here.partner, {"items": [told]})
    assert [(row["outcome"], row["remark"]) for row in answer.json()["rows"]] == [("updated", "price-held")]
    assert standing(await seen(world, plan_id)) == ("proposed", 2, None, 43_000)
    assert await shown_as_offered(world, plan_id)


async def test_an_estimate_whose_least_falls_is_held_when_its_most_rises(world: World) -> None:
    def estimate(version: int, low: int, high: int) -> dict[str, Any]:
        told = plan(version)
        told["stages"][0]["items"][0] = item(low, unit_price_high={"amount_minor": high, "currency": "EUR"})
        return told

    [plan_id] = await push(world, estimate(1, 10_000, 20_000))
    before = await seen(world, plan_id)
    await push(world, estimate(2, 9_999, 90_000))
    assert (await seen(world, plan_id))["cost"] == before["cost"]


# --- Alternatives ---


async def test_a_guardian_chooses_no_second_plan_of_a_group_beside_one_that_is_private(world: World) -> None:
    emma, own, mother = await family(world)

    def of_emma(name: str, **more: Any) -> dict[str, Any]:
        return {**plan(external_id=name, group="g", title=name, **more), "patient": "emma"}

    [private] = await push(world, of_emma("private", private=True))
    offer = (await world.get(f"/v1/me/plans/{private}", own.headers)).json()["offer"]
    body = {"offer_sha256": offer["sha256"], "language": "it"}
    assert (await world.post(f"/v1/me/plans/{private}/acceptance", own.headers, body)).status_code == 200
    [open_one] = await push(world, of_emma("open"))
    path = f"/v1/patients/{emma}/plans/{open_one}"
    shown = (await world.get(path, mother.headers)).json()
    body = {"offer_sha256": shown["offer"]["sha256"], "language": "it"}
    answer = await world.post(f"{path}/acceptance", mother.headers, body)
    assert outcome(answer) == (409, "other-plan-chosen")
    listed = (await world.get(f"/v1/patients/{emma}/plans", mother.headers)).json()["items"]
    assert [each["plan_id"] for each in listed] == [open_one]
    assert (await world.post(f"{path}/decline", mother.headers, {**body, "reason": "other_plan"})).status_code == 200
