"""Phones of every way: one install has one address, a shared one is its last user's, and who left hears nothing."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from core.clock import now
from enamel.worker.phones import keep_phones
from push.channel import Way
from push.device import may_hear, one_spelling
from push.notice import NoticeKind, Purpose
from tests.api.test_devices import another_account, reached, register, tell
from tests.push.peers.webpush import Browser
from tests.push.phones import NOON
from tests.world import World

FID, APNS = "fid:dQw4w9WgXcQabcdefghij2", "ab" * 32


async def device_id(world: World, **more: Any) -> str:
    answer = await register(world, world.here.patient, **more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["device_id"])


async def aged(world: World, days: int) -> None:
    async with world.database.sweeping() as sweeping:
        at = now() - timedelta(days=days)
        await sweeping.execute(text("update device set last_seen_at = :at"), {"at": at})
        await sweeping.execute(text("update session set idle_until = 'infinity', ends_at = 'infinity'"))


async def rows(world: World, columns: str) -> list[Any]:
    async with world.database.sweeping() as sweeping:
        return list(await sweeping.execute(text(f"select {columns} from device order by registered_at, id")))  # noqa: S608


async def test_the_same_again_is_the_same_phone_and_what_it_says_now_counts(world: World) -> None:
    first = await device_id(world)
    again = await asyncio.gather(*(device_id(world, permission="denied", app_version="9") for _ in range(8)))
    assert set(again) == {first}
    assert [tuple(row) for row in await rows(world, "way, permission, app_version")] == [("fcm", "denied", "9")]


async def test_a_token_and_an_installation_id_take_each_others_place(world: World) -> None:
    token = await device_id(world)
    by_id = await device_id(world, token=FID)
    assert by_id != token
    await tell(world, world.here)
    assert await reached(world) == [FID]
    assert await device_id(world) == token
    await tell(world, world.here)
    assert await reached(world) == ["token-of-a-phone"]


async def test_each_way_has_its_own_form_of_address(world: World) -> None:
    browser = Browser("https://push.example").target.token
    assert await device_id(world, way="apns", platform="ios", token=APNS)
    assert await device_id(world, way="webpush", platform="web", token=browser)
    assert [row.way for row in await rows(world, "way")] == ["apns", "webpush"]
    for way, token, code in (
        ("apns", "not-hex-" * 10, "not-a-token-of-apns"),
        ("webpush", "no-subscription", "no-web-push-subscription"),
        ("fcm", "fid:short", "not-an-installation-id"),
    ):
        refused = await register(world, world.here.patient, way=way, token=token)
        assert refused.status_code == 422
        assert refused.json()["errors"] == [{"pointer": "/token", "code": code}]


async def test_a_browser_cannot_lead_us_into_the_house(world: World) -> None:
    whole = json.loads(Browser("https://push.example").target.token)
    for endpoint in ("https://localhost/push", "https://169.254.169.254/latest", "https://10.0.0.1/x"):
        token = json.dumps({**whole, "endpoint": endpoint}, separators=(",", ":"))
        refused = await register(world, world.here.patient, way="webpush", platform="web", token=token)
        assert refused.json()["errors"] == [{"pointer": "/token", "code": "not-public"}]


async def test_a_shared_phone_is_whose_sign_in_came_last_however_fast(world: World) -> None:
    stranger = await another_account(world, world.here)
    await asyncio.gather(*(register(world, headers) for headers in (world.here.patient, stranger) for _ in range(6)))
    await register(world, stranger)
    assert len(await rows(world, "id")) == 1
    await tell(world, world.here)
    assert await reached(world) == []


async def test_signing_out_ends_the_phone_at_once(world: World) -> None:
    await device_id(world)
    me = (await world.get("/v1/me", world.here.patient)).json()
    mine = next(each["session_id"] for each in me["devices"] if each["is_this"])
    gone = await world.http.delete(f"/v1/me/devices/{mine}", headers=world.here.patient)
    assert gone.status_code == 204
    assert all(row.dead_at for row in await rows(world, "dead_at"))


async def test_a_session_that_was_revoked_elsewhere_ends_its_phone_too(world: World) -> None:
    await device_id(world)
    assert await keep_phones(world.database, now()) == 0
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update session set revoked_at = now()"))
    assert await keep_phones(world.database, now()) == 1
    assert all(row.dead_at for row in await rows(world, "dead_at"))
    assert await keep_phones(world.database, now()) == 0


@pytest.mark.parametrize(("days", "heard"), [(59, True), (61, False)])
async def test_a_phone_that_stays_away_is_sold_nothing(world: World, days: int, heard: bool) -> None:
    await device_id(world)
    word = {"granted": True, "text_version": "2026-11", "language": "it"}
    await world.http.put("/v1/me/consents/marketing", headers=world.here.patient, json=word)
    await aged(world, days)
    await tell(world, world.here, purpose=Purpose.MARKETING, kind=NoticeKind.OFFER)
    assert await reached(world) == (["token-of-a-phone"] if heard else [])
    await tell(world, world.here)
    assert await reached(world) == ["token-of-a-phone"]


async def test_a_phone_that_nobody_saw_for_nine_months_is_forgotten(world: World) -> None:
    first = await device_id(world)
    await aged(world, 269)
    assert await keep_phones(world.database, now()) == 0
    await aged(world, 271)
    assert await keep_phones(world.database, now()) == 1
    (row,) = await rows(world, "token, locale, zone, app_version, dead_at is not null as dead")
    assert tuple(row) == ("", "", "", "", True)
    assert await keep_phones(world.database, now()) == 0
    assert await device_id(world) != first


async def test_a_subscription_is_one_however_it_is_spelled(world: World) -> None:
    whole = json.loads(Browser("https://push.example").target.token)
    spelled = [json.dumps(whole), json.dumps({**whole, "expirationTime": 1}, indent=None, separators=(",", ":"))]
    assert len({await device_id(world, way="webpush", platform="web", token=each) for each in spelled}) == 1
    assert await device_id(world, way="apns", token=APNS) == await device_id(world, way="apns", token=APNS.upper())


def test_what_is_no_token_is_not_believed() -> None:
    assert one_spelling(Way.FCM, "dQw4w9WgXcQ:APA91b") == "dQw4w9WgXcQ:APA91b"
    assert one_spelling(Way.FCM, FID) == FID
    for way, token in ((Way.WEBPUSH, "{}"), (Way.WEBPUSH, "[" * 4000), (Way.APNS, "0" * 63), (Way.FCM, "a b")):
        with pytest.raises(ValueError, match="no"):
            one_spelling(way, token)


@given(st.integers(0, 400), st.sampled_from(Purpose))
def test_only_marketing_minds_how_long_somebody_stayed_away(days: int, purpose: Purpose) -> None:
    heard = may_hear(purpose, NOON - timedelta(days=days), NOON)
    assert heard == (days < (60 if purpose is Purpose.MARKETING else 270))
