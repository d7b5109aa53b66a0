"""A code accepts a plan once: it is spent by the answer that is taken, and by no other, however many come at once."""

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import asyncpg
import httpx
from sqlalchemy import select
from sqlmodel import col

from core.clock import now
from core.database import NOBODY
from identity.commands import Device, open_session
from identity.sign_in import CODE_TRIES, Audience
from identity.tables import CodeChallenge
from tests.api.test_plan_answers import events, insisting, offers, outcome, plan, push, seen, sha_of
from tests.world import World, bearer


async def by_code(world: World, plan_id: str) -> dict[str, Any]:
    """What accepts this plan with the code that was just sent for it."""
    body = {"offer_sha256": await sha_of(world, plan_id), "language": "it"}
    sent = await world.post(f"/v1/me/plans/{plan_id}/acceptance-code", world.here.patient, body)
    assert sent.status_code == 202, sent.text
    return {**body, "method": "code", "code": world.last_code(world.here.phone)}


def wrong(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "code": f"{(int(body['code']) + 1) % 1_000_000:06d}"}


async def tap(world: World, plan_id: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    return await world.post(f"/v1/me/plans/{plan_id}/acceptance", headers, body)


async def taps(
    world: World, plan_id: str, body: dict[str, Any], number: int, *devices: dict[str, str]
) -> list[httpx.Response]:
    """So many at once, by turns from each device."""
    who = devices or (world.here.patient,)
    each = [partial(tap, world, plan_id, body, who[turn % len(who)]) for turn in range(number)]
    return await asyncio.gather(*map(insisting, each))


async def counted(world: World) -> tuple[int, int, bool]:
    """Of the only code that was sent: tries left, failures, and whether it was spent."""
    code = select(col(CodeChallenge.tries_left), col(CodeChallenge.failures), col(CodeChallenge.used_at))
    async with world.database.reading(NOBODY) as reading:
        left, failures, used_at = (await reading.execute(code)).one()
    return left, failures, used_at is not None


async def another_device(world: World) -> dict[str, str]:
    here, device = world.here, Device("another-device-of-anna-0123")
    async with world.database.writing(here.scope) as writing:
        pair = await open_session(
            writing, world.keys, Audience.PATIENT, here.account_id, here.clinic_id, device, now()
        )  # fmt: skip
    return bearer(pair.access_token)


async def test_fifty_taps_with_the_code_hear_one_answer_and_spend_one_code(world: World) -> None:
    [plan_id] = await push(world, plan())
    answers = await taps(world, plan_id, await by_code(world, plan_id), 50)
    assert Counter(map(outcome, answers)) == {(200, ""): 50}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json()["offer"]["answered"] == "accepted"
    assert await counted(world) == (CODE_TRIES - 1, 0, True), "one try was taken, and it was right"
    [offer] = await offers(world, plan_id)
    assert [(said["verdict"], said["how"]) for said in offer["answers"]] == [("accepted", "code")]
    assert len(await events(world, "plan.accepted")) == 1


async def test_fifty_taps_with_a_wrong_code_are_counted_until_the_tries_end(world: World) -> None:
    [plan_id] = await push(world, plan())
    body = await by_code(world, plan_id)
    answers = await taps(world, plan_id, wrong(body), 50)
    assert Counter(map(outcome, answers)) == {(401, "code-wrong"): 50}
    assert await counted(world) == (0, CODE_TRIES, False)
    assert outcome(await tap(world, plan_id, body, world.here.patient)) == (401, "code-wrong")
    assert (await seen(world, plan_id))["status"] == "proposed"
    assert await events(world, "plan.accepted") == []


async def test_wrong_taps_before_the_right_one_stay_counted(world: World) -> None:
    [plan_id] = await push(world, plan())
    body = await by_code(world, plan_id)
    await taps(world, plan_id, wrong(body), 2)
    assert await counted(world) == (CODE_TRIES - 2, 2, False)
    assert (await tap(world, plan_id, body, world.here.patient)).status_code == 200
    assert await counted(world) == (CODE_TRIES - 3, 2, True)


async def test_of_two_devices_with_one_code_the_slower_hears_that_it_is_decided(world: World) -> None:
    [plan_id] = await push(world, plan())
    devices = (world.here.patient, await another_device(world))
    answers = await taps(world, plan_id, await by_code(world, plan_id), 50, *devices)
    told = [set(map(outcome, answers[device::2])) for device in range(2)]
    assert sorted(map(sorted, told)) == [[(200, "")], [(409, "offer-decided")]]
    assert await counted(world) == (CODE_TRIES - 1, 0, True)
    [offer] = await offers(world, plan_id)
    assert len(offer["answers"]) == 1


async def test_an_answer_that_is_not_taken_spends_no_code_and_counts_no_try(world: World) -> None:
    [plan_id] = await push(world, plan())
    body = await by_code(world, plan_id)
    await push(world, plan(2, title="Changed"))
    for said in (body, wrong(body)):
        assert outcome(await tap(world, plan_id, said, world.here.patient)) == (412, "offer-changed")
    assert await counted(world) == (CODE_TRIES, 0, False)
    fresh = {**body, "offer_sha256": await sha_of(world, plan_id)}
    assert (await tap(world, plan_id, {**fresh, "stages": [7]}, world.here.patient)).status_code == 422
    assert (await tap(world, plan_id, fresh, world.here.patient)).status_code == 200
    assert await counted(world) == (CODE_TRIES - 1, 0, True)


_FAILS = """
create function fails() returns trigger language plpgsql as
$$ begin raise exception 'the log is locked' using errcode = 'lock_not_available'; end $$;
create trigger answer_fails before insert on offer_answer for each row execute function fails();
"""
_WORKS = "drop trigger answer_fails on offer_answer; drop function fails()"


async def test_a_code_is_spent_with_the_answer_or_not_at_all(world: World, owner: asyncpg.Connection) -> None:
    [plan_id] = await push(world, plan())
    body = await by_code(world, plan_id)
    await owner.execute(_FAILS)
    try:
        assert (await tap(world, plan_id, body, world.here.patient)).status_code == 503
    finally:
        await owner.execute(_WORKS)
    assert await counted(world) == (CODE_TRIES, 0, False)
    assert (await tap(world, plan_id, body, world.here.patient)).status_code == 200
