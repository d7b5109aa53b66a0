"""The links below messages: one tells that it was opened, one ends what was sent; nobody signs in."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from api.links import links_of
from core.clock import now
from core.ids import new_id
from push.channel import Way
from push.consent import ConsentChannel, allowed
from push.links import Links, Opening, Stopping
from push.notice import Purpose
from push.short_token import LENGTH
from tests.push.sent import consents, events, send, standing
from tests.world import World

BROWSER = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"}


def path(link: str) -> str:
    return link.removeprefix("http://127.0.0.1")


async def a_link(world: World, **more: Any) -> tuple[str, UUID]:
    notice = await send(world, world.here, Way.SMS, new_id(), "SM1", **more)
    return path(links_of(world.ports).web_link(Opening(world.here.clinic_id, notice, Way.SMS))), notice


async def test_who_follows_a_link_is_led_on_and_has_opened_the_message_once(world: World) -> None:
    link, notice = await a_link(world, link="/visits/1", state="unknown")
    for _ in range(2):
        page = await world.http.get(link, headers={**BROWSER, "accept-language": "it"})
        assert (page.status_code, "Apri l" in page.text) == (200, True)
    assert "script" not in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert await standing(world, notice) == ("accepted", "receipt", True, True)
    assert await events(world) == ["push.accepted", "push.delivered", "push.opened"]


async def test_where_there_is_an_app_the_link_leads_into_it(world: World) -> None:
    link, _ = await a_link(world, link="/visits/1")
    transport: Any = world.http._transport
    transport.app.app.app.state.ports = replace(world.ports, app_url="https://app.example")
    page = await world.http.get(link, headers=BROWSER)
    assert (page.status_code, page.headers["location"]) == (303, "https://app.example/visits/1")


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": "WhatsApp/2.24 A"}, {"user-agent": "TelegramBot (like TwitterBot)"}, {"user-agent": ""},
        {"user-agent": "facebookexternalhit/1.1"}, {**BROWSER, "purpose": "prefetch"},
        {**BROWSER, "sec-purpose": "prefetch;prerender"}, {"user-agent": "python-requests/2"},
    ],
)  # fmt: skip
async def test_machines_that_look_at_a_link_have_not_opened_it(world: World, headers: dict[str, str]) -> None:
    link, notice = await a_link(world)
    assert (await world.http.get(link, headers=headers)).status_code == 200
    assert (await world.http.head(link, headers=BROWSER)).status_code == 200
    assert await events(world) == []
    assert not (await standing(world, notice))[3]


async def test_a_link_of_nobody_of_elsewhere_or_too_old_leads_nowhere(world: World) -> None:
    link, notice = await a_link(world)
    links = links_of(world.ports)
    elsewhere = path(links.web_link(Opening(world.there.clinic_id, notice, Way.SMS)))
    forged = path(Links(b"x" * 32, links.base).web_link(Opening(world.here.clinic_id, notice, Way.SMS)))
    stop = Stopping(world.here.clinic_id, world.here.patient_id, Purpose.MARKETING, ConsentChannel.SMS)
    another = "/l/" + links.stop_link(stop).rpartition("/")[2]
    async with world.database.sweeping() as sweeping:
        old = text("update notice set expires_at = now() - interval '31 days', not_before = now() - interval '40 days'")
        await sweeping.execute(old)
    for each in (link, elsewhere, forged, another, "/l/" + "A" * LENGTH, "/l/short", "/l/%00", "/v1/stop/%D0%B0"):
        page = await world.http.get(each, headers={**BROWSER, "accept-language": "it"})
        assert (page.status_code, "non è più valido" in page.text) == (404, True)
    assert await events(world) == []


async def test_one_link_again_and_again_and_guesses_are_slowed_down_and_others_are_not(world: World) -> None:
    link, _ = await a_link(world)
    other, _ = await a_link(world)
    for tried, good in ((link, 200), ("/l/" + "A" * LENGTH, 404)):
        statuses = [(await world.http.get(tried, headers=BROWSER)).status_code for _ in range(70)]
        assert (statuses[0], statuses[-1]) == (good, 429)
    assert (await world.http.get(other, headers=BROWSER)).status_code == 200


def test_tokens_say_nothing_to_who_reads_them_and_are_the_same_for_the_same() -> None:
    links = Links(b"k" * 32, "https://c.example")
    one = Opening(new_id(), new_id(), Way.SMS)
    link = links.web_link(one)
    assert link == links.web_link(one)
    assert links.opening(link.rpartition("/")[2]) == one
    assert links.web_link(replace(one, way=Way.EMAIL))[-32:] != link[-32:]
    assert links.stopping(link.rpartition("/")[2]) is None


async def granted(world: World, purpose: str, channel: str) -> bool:
    last = [each[2] for each in await consents(world, world.here.patient_id) if each[:2] == (purpose, channel)]
    return allowed(Purpose(purpose), ConsentChannel(channel), last[-1] if last else None)


async def test_one_click_ends_one_purpose_on_one_channel_for_one_patient(world: World) -> None:
    stopping = Stopping(world.here.clinic_id, world.here.patient_id, Purpose.RECALL, ConsentChannel.PUSH)
    link = path(links_of(world.ports).stop_link(stopping))
    looked = await world.http.get(link, headers={"accept-language": "ru"})
    assert (looked.status_code, "Отписаться" in looked.text) == (200, True)
    assert await granted(world, "recall", "push")  # looking ends nothing
    for _ in range(2):
        done = await world.http.post(link, data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
    assert await consents(world, world.here.patient_id) == [("recall", "push", False, "stop-link")]
    assert await granted(world, "service", "push")
    told = (await world.get("/v1/me/consents", world.here.patient)).json()["items"]
    recall = next(each for each in told if (each["purpose"], each["channel"]) == ("recall", "push"))
    assert recall["granted"] is False
    assert (await world.http.post("/v1/stop/" + "A" * LENGTH)).status_code == 404


async def test_what_others_put_behind_a_link_does_not_break_it(world: World) -> None:
    opening, _ = await a_link(world)
    stopping = Stopping(world.here.clinic_id, world.here.patient_id, Purpose.RECALL, ConsentChannel.PUSH)
    stop = path(links_of(world.ports).stop_link(stopping))
    for behind in ("?fbclid=IwAR0&utm_source=mail&utm_source=x", "?token=x", ".", ")", "%C2%BB"):
        for link in (opening, stop):
            assert (await world.http.get(link + behind, headers=BROWSER)).status_code == 200
    assert (await world.http.post(stop + "?utm_source=mail")).status_code == 200
    assert not await granted(world, "recall", "push")


def test_what_belongs_to_the_treatment_has_no_such_link() -> None:
    links = Links(b"k" * 32, "https://c.example")
    for purpose in (Purpose.SERVICE, Purpose.CHAT, Purpose.RESEARCH):
        assert links.stop_link(Stopping(new_id(), new_id(), purpose, ConsentChannel.EMAIL)) == ""


async def test_the_inbox_is_read_by_each_account_and_stays_read(world: World) -> None:
    for _ in range(3):
        await send(world, world.here, Way.SMS, new_id(), str(new_id()))
    first = (await world.get("/v1/me/notices", world.here.patient)).json()
    assert (first["unread"], [each["read"] for each in first["items"]]) == (3, [False] * 3)
    newest = first["items"][0]["at"]
    body = {"through": newest}
    assert (await world.post("/v1/me/notices/read", world.here.patient, body)).status_code == 204
    early = {"through": (now() - timedelta(days=3)).isoformat()}
    assert (await world.post("/v1/me/notices/read", world.here.patient, early)).status_code == 204
    again = (await world.get("/v1/me/notices", world.here.patient)).json()
    assert again["unread"] <= 1  # of one moment in three decimals
    assert await events(world, "push.opened") == []
