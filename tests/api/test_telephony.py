"""Calls that a telephone system tells of: believed for its signature alone, in any order, each effect once."""

import asyncio
import itertools
import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from enamel.worker.tasks import keep_tasks
from tests.api.foreign import own_task
from tests.api.ringing import Exchange, exchange, post, ring
from tests.api.test_tasks import colleague, events
from tests.world import DAY, World

TASKS = "/v1/staff/tasks"
STRANGER = "+390255509999"


@pytest.fixture
async def reception(world: World) -> Exchange:
    """At extension 7 sits the owner."""
    return await exchange(world, world.here, extensions=[{"extension": "7", "staff_id": str(world.here.staff_id)}])


async def open_tasks(world: World) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await world.get(TASKS, world.here.staff)).json()["items"]
    return listed


async def calls(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        return int((await sweeping.execute(text("select count(*) from phone_call"))).scalar_one())


async def test_nothing_is_believed_that_is_not_signed_as_it_must_be(world: World, reception: Exchange) -> None:
    there = await exchange(world, world.there)
    body = b'{"call_id":"1","what":"missed","direction":"in","at":"2026-11-23T09:30:00.000Z"}'
    nobody = {"exchange": {"exchange_id": str(new_id())}, "secret": reception["secret"]}
    path = f"/v1/hooks/telephony/{reception['exchange']['exchange_id']}"
    refused = [
        await post(world, reception, body, secret=there["secret"]),
        await post(world, reception, body, seconds=-301),
        await post(world, reception, body, seconds=301),
        await post(world, reception, body, signed=body + b" "),
        await post(world, nobody, body),
        await world.http.post(path, headers={"content-type": "application/json"}, content=body),
    ]
    assert [each.status_code for each in refused] == [401] * 6
    told = {each.json()["type"] for each in refused}
    assert len(told) == 1
    assert told.pop().endswith("call-news-unproven")
    assert (await post(world, reception, b"x" * 20_000)).status_code == 413
    ended = await world.http.delete(
        f"/v1/staff/phone-exchanges/{reception['exchange']['exchange_id']}", headers=world.here.staff
    )
    assert (ended.status_code, (await post(world, reception, body)).status_code, await calls(world)) == (204, 401, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": "sung"}, {"number": "5"}, {"recording_url": "http://calls.example/1"}, {"loud": True},
        {"recording_url": "https://user:word@calls.example/1"},
        {"recording_url": "https://127.0.0.1/1"}, {"recording_url": "https://localhost:8443/1?key=2"},
        {"recording_url": "https://[fd00::1]/1"}, {"recording_url": "https://169.254.169.254/latest"},
        {"recording_url": "https://a..b/1"}, {"recording_url": "https://pbx.local/1"}, {"recording_url": "file:///etc/passwd"},
        {"at": "yesterday"}, {"extension": "7" * 201},
    ],
)  # fmt: skip
async def test_a_notice_that_cannot_be_read_is_refused_without_its_words(
    world: World, reception: Exchange, wrong: dict[str, Any]
) -> None:
    answer = await ring(world, reception, "1", **wrong)
    assert answer.status_code == 422
    assert not any(str(value) in answer.text for value in wrong.values() if isinstance(value, str) and len(value) > 4)
    assert await calls(world) == 0


async def test_a_missed_call_is_one_task_to_call_back_however_often_they_called(
    world: World, reception: Exchange
) -> None:
    told = [ring(world, reception, f"c-{n % 4}", what="missed", number=world.here.phone) for n in range(20)]
    assert Counter(each.status_code for each in await asyncio.gather(*told)) == {204: 20}
    (task,) = await open_tasks(world)
    assert (task["kind"], task["origin"], task["name"], task["preset"]) == (
        "call",
        "telephone",
        "Anna Rossi",
        "operator",
    )
    assert await calls(world) == 4
    assert await events(world, "phone_call.missed") == 4
    path = f"/v1/staff/patients/{world.here.patient_id}/touchpoints"
    lines = (await world.get(path, world.here.staff)).json()["items"]
    assert [(each["what"], each["channel"]) for each in lines] == [("missed", "call")] * 4


async def test_a_notice_is_read_as_strictly_as_any_body_of_ours(world: World, reception: Exchange) -> None:
    news = {"call_id": "1", "what": "started", "direction": "in", "at": rfc3339(now())}
    long = await post(world, reception, json.dumps({**news, "x" * 3_000: 1, "a/b": 1}).encode())
    assert long.status_code == 422
    assert [each["pointer"] for each in long.json()["errors"]] == ["/" + "x" * 80, "/a~1b"]
    twice = await post(world, reception, json.dumps(news).encode()[:-1] + b', "call_id": "2"}')
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (400, "member-given-twice")
    assert await calls(world) == 0


WHATS = ["started", "missed", "answered", "ended", "recorded"]


@pytest.mark.parametrize("order", list(itertools.permutations(WHATS))[::9])
async def test_a_call_comes_to_the_same_in_whatever_order_it_is_told(
    world: World, reception: Exchange, order: tuple[str, ...]
) -> None:
    """It rang at one desk, which missed it, and was answered at another."""
    began = now()
    for what in (*order, *order):
        at = rfc3339(began + WHATS.index(what) * DAY / 86_400)
        more = {"extension": "7"} if what == "answered" else {}
        more |= {"recording_url": "https://calls.example/1"} if what == "recorded" else {}
        answer = await ring(world, reception, "c-1", what=what, number=world.here.phone, at=at, **more)
        assert answer.status_code == 204
    assert await open_tasks(world) == []
    path = f"/v1/staff/patients/{world.here.patient_id}/calls"
    (call,) = (await world.get(path, world.here.staff)).json()["items"]
    assert (call["verdict"], call["has_recording"], call["staff_id"]) == ("talked", True, str(world.here.staff_id))
    assert (call["at"], await events(world, "phone_call.talked")) == (rfc3339(began), 1)


async def test_a_talk_ends_the_colleagues_call_and_they_may_still_say_what_came_of_it(
    world: World, reception: Exchange
) -> None:
    rita, desk = await colleague(world, "reception")
    mine = await own_task(world, world.here, assignee_id=str(world.here.staff_id), due_at=rfc3339(now() + DAY / 4))
    hers = await own_task(world, world.here, assignee_id=str(rita))
    far = await own_task(world, world.here, assignee_id=str(world.here.staff_id), due_at=rfc3339(now() + 90 * DAY))
    await ring(world, reception, "missed", what="missed", number=world.here.phone)
    talk = {"what": "answered", "direction": "out", "number": world.here.phone, "extension": "7"}
    await asyncio.gather(*(ring(world, reception, "c-2", **talk) for _ in range(10)))
    assert {each["task_id"] for each in await open_tasks(world)} == {hers, far}
    assert await events(world, "task.done") == 2  # this one, and the call back to the missed one
    ended = (await world.get(f"{TASKS}/{mine}", world.here.staff)).json()["task"]
    assert (ended["outcome"], ended["said_by_call"], ended["ended_by"]) == ("reached", True, str(world.here.staff_id))
    assert (await world.post(f"{TASKS}/{mine}/done", desk, {"outcome": "declined"})).status_code == 409
    said = await asyncio.gather(
        *(world.post(f"{TASKS}/{mine}/done", world.here.staff, {"outcome": "booked"}) for _ in range(5))
    )
    assert Counter(each.status_code for each in said) == {200: 1, 409: 4}


async def test_a_talk_of_who_is_not_known_ends_nobodys_task(world: World, reception: Exchange) -> None:
    """A hidden number, a stranger, a colleague at an extension that we were not told of."""
    anybodys, nobodys = await own_task(world, world.here), await own_task(world, world.here, patient_id=None)
    await ring(world, reception, "theirs", what="missed", number=STRANGER)
    async with world.database.sweeping() as sweeping:  # as a month later, when the number was forgotten
        await sweeping.execute(text("update task set about = null where origin = 'telephone'"))
    for n, who in enumerate(({}, {"number": STRANGER}, {"number": world.here.phone}, {"extension": "7"})):
        assert (await ring(world, reception, f"talk-{n}", what="answered", **who)).status_code == 204
    assert {anybodys, nobodys} <= {each["task_id"] for each in await open_tasks(world)}
    assert len(await open_tasks(world)) == 3


async def test_a_missed_call_that_is_told_of_after_the_talk_makes_no_task(world: World, reception: Exchange) -> None:
    missed, called = rfc3339(now() - DAY / 24), rfc3339(now())
    talk = {"what": "answered", "direction": "out", "number": world.here.phone, "extension": "7", "at": called}
    await ring(world, reception, "back", **talk)
    await ring(world, reception, "first", what="missed", number=world.here.phone, at=missed)
    await ring(world, reception, "old", what="missed", number=world.here.phone, at=rfc3339(now() - 3 * DAY))
    await ring(world, reception, "hidden", what="missed")
    await ring(world, reception, "out", what="missed", direction="out", number=world.here.phone)
    assert await open_tasks(world) == []


async def test_a_strangers_number_is_kept_for_a_month(world: World, reception: Exchange) -> None:
    for n in range(3):
        await ring(world, reception, f"c-{n}", what="missed", number=STRANGER)
    (task,) = await open_tasks(world)
    assert (task["patient_id"], task["name"], task["phone"]) == (None, "", STRANGER)
    await keep_tasks(world.database, now() + 31 * DAY)
    (task,) = await open_tasks(world)
    assert task["phone"] is None
    async with world.database.sweeping() as sweeping:
        left = await sweeping.execute(text("select count(number), count(recording_url) from phone_call"))
        assert tuple(left.one()) == (0, 0)


async def test_families_share_a_number_and_nobody_is_guessed(world: World, reception: Exchange) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update patient set phone = :phone"), {"phone": world.here.phone})
    await ring(world, reception, "c-1", what="missed", number=world.here.phone)
    (task,) = await open_tasks(world)
    assert (task["patient_id"], task["phone"]) == (None, world.here.phone)


async def test_a_recording_is_for_those_who_may_know_and_the_look_is_told(world: World, reception: Exchange) -> None:
    _, desk = await colleague(world, "reception")
    url = "https://calls.example/r/1?sig=abc"
    await ring(world, reception, "c-1", what="recorded", number=world.here.phone, recording_url=url)
    path = f"/v1/staff/patients/{world.here.patient_id}/calls"
    listed = await world.get(path, desk)
    assert "calls.example" not in listed.text
    recording = f"/v1/staff/calls/{listed.json()['items'][0]['call_id']}/recording"
    assert (await world.get(recording, desk)).status_code == 403
    assert (await world.get(recording, world.here.staff)).json() == {"url": url}
    reads = (await world.get("/v1/me/privacy/reads", world.here.patient)).json()["items"]
    assert {"calls", "recording"} <= {each["area"] for each in reads}


async def test_who_sits_at_an_extension_works_here_and_sits_there_once(world: World) -> None:
    seat = {"extension": "7", "staff_id": str(world.there.staff_id)}
    mine = {"extension": "7", "staff_id": str(world.here.staff_id)}
    for wrong in ({"extensions": [seat]}, {"extensions": [mine, mine]}, {"branch_id": str(world.there.branch_id)}):
        answer = await world.post("/v1/staff/phone-exchanges", world.here.staff, {"name": "R", **wrong})
        assert answer.status_code == 422
    made = await exchange(world, world.here, extensions=[mine])
    path = f"/v1/staff/phone-exchanges/{made['exchange']['exchange_id']}"
    body = {"name": "Two", "extensions": [], "version": 1}
    changed = await asyncio.gather(*(world.http.put(path, headers=world.here.staff, json=body) for _ in range(4)))
    assert Counter(each.status_code for each in changed) == {200: 1, 412: 3}
    listed = await world.get("/v1/staff/phone-exchanges", world.here.staff)
    assert [each["name"] for each in listed.json()["items"]] == ["Two"]
    assert made["secret"] not in listed.text
