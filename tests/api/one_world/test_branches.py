"""Rights by branch: who is tied to branches reaches their conversations, those of none and their own, and no other."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chat.commands.rounds import assign_by_rotation
from chat.wakeups import MemoryWakeups
from core.clock import now
from core.ids import new_id
from enamel.worker.desk import keep_words
from tests.api import picturing
from tests.api.chat_cast import Person, a_colleague, a_patient
from tests.media.looking import look
from tests.media.sounds import ogg
from tests.node import Phone, greeted, node
from tests.world import World

INBOX = "/v1/staff/conversations"
VOICE = {"file": ("voice", ogg(0.3))}
SWEEP = 0.1


@pytest.fixture(scope="module")
def nodes(world: World, migrated: str) -> Iterator[tuple[str, str]]:
    """Two that never hear each other: what reaches both was found by each."""
    with (
        node(world, migrated, MemoryWakeups(), sweep_seconds=SWEEP) as first,
        node(world, migrated, MemoryWakeups(), sweep_seconds=SWEEP) as second,
    ):
        yield first, second


async def wrote(world: World, person: Person, body: str = "Posso venire?") -> str:
    answer = await world.post("/v1/me/conversation/messages", person.headers, said(body))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation_id"])


def said(body: str = "Venga") -> dict[str, str]:
    return {"client_id": str(new_id()), "body": body}


async def moved(world: World, c: str, branch_id: UUID) -> None:
    body = {"priority": 0, "branch_id": str(branch_id)}
    answer = await world.http.put(f"{INBOX}/{c}/sorting", headers=world.here.staff, json=body)
    assert answer.status_code == 200, answer.text


async def tied(world: World, who: Person, *branch_ids: UUID) -> None:
    body = {"branch_ids": [str(each) for each in branch_ids]}
    answer = await world.http.put(f"/v1/staff/people/{who.id}/branches", headers=world.here.staff, json=body)
    assert answer.status_code == 204, answer.text


async def everything_of(world: World, who: Person, patient: Person, c: str) -> dict[str, httpx.Response]:
    """Whatever staff can ask of one conversation, without changing what the next is answered."""
    root, name, voices = f"{INBOX}/{c}", {"client_id": str(new_id())}, f"/v1/staff/patients/{patient.id}/voices"
    voice = f"{voices}/{await voice_said_by(world, patient)}"
    upload = {"kind": "voice", "media_type": "audio/ogg", "size_bytes": 9, "sha256": "0" * 64}
    asked: dict[str, tuple[str, str, Any]] = {
        "events": ("GET", f"{root}/events", None), "notes": ("GET", f"{root}/events?log=p", None),
        "back": ("GET", f"{root}/events?before=5", None), "cases": ("GET", f"{root}/cases", None),
        "typing": ("POST", f"{root}/typing", None), "mark": ("PUT", f"{root}/marks", {"delivered": 0, "read": 0}),
        "send": ("POST", f"/v1/staff/patients/{patient.id}/messages", said()),
        "note": ("POST", f"{root}/notes", said()),
        "react": ("PUT", f"{root}/messages/1/reaction", {**name, "emoji": "👍"}),
        "label": ("PUT", f"{root}/labels", {"labels": []}), "state": ("PUT", f"{root}/state", {"state": "open"}),
        "sort": ("PUT", f"{root}/sorting", {"priority": 1}), "voice": ("GET", voice, None),
        "hear": ("POST", f"{voice}/links", None),
        "speak in parts": ("POST", f"/v1/staff/patients/{patient.id}/uploads", upload),
    }  # fmt: skip
    answers = {
        what: await world.http.request(method, path, headers=who.headers, json=body)
        for what, (method, path, body) in asked.items()
    }
    return {**answers, "speak": await world.http.post(voices, headers=who.headers, files=VOICE)}


async def voice_said_by(world: World, patient: Person) -> str:
    """The same however often it is asked for."""
    sent = await world.http.post("/v1/me/conversation/voices", headers=patient.headers, files=VOICE)
    if sent.json()["state"] != "ready":
        await look(world)
        body = {**said(""), "media": [sent.json()["voice_id"]]}
        answer = await world.post("/v1/me/conversation/messages", patient.headers, body)
        assert answer.status_code == 201, answer.text
    return str(sent.json()["voice_id"])


async def test_a_link_to_a_voice_ends_as_its_conversation_leaves_the_reach_of_who_holds_it(
    world: World, nord: UUID
) -> None:
    of_centro, pia = await a_colleague(world, branch_ids=[world.here.branch_id]), await a_patient(world)
    c, voice_id = await wrote(world, pia), await voice_said_by(world, pia)
    path = f"/v1/staff/patients/{pia.id}/voices/{voice_id}/links"
    url = picturing.address(await world.http.post(path, headers=of_centro.headers))
    assert (await world.http.get(url)).status_code == 200
    await moved(world, c, nord)
    assert (await world.http.get(url)).status_code == 404
    await moved(world, c, world.here.branch_id)
    assert (await world.http.get(url)).status_code == 200


async def codes_of(world: World, who: Person, patient: Person, c: str) -> set[str]:
    answers = await everything_of(world, who, patient, c)
    return {answer.json()["code"] if answer.status_code >= 400 else "done" for answer in answers.values()}


async def seen_by(world: World, who: Person) -> tuple[set[str], int]:
    page = (await world.get(INBOX, who.headers)).json()
    synced = (await world.get(f"{INBOX}/sync", who.headers, params={"wait": "0"})).json()
    listed = {line["conversation_id"] for line in page["items"]}
    assert {state["conversation_id"] for state in synced["changed"]} == listed
    return listed, page["counts"]["open"] + page["counts"]["assigned"]


async def test_who_is_tied_reaches_their_branches_what_stands_in_none_and_what_is_theirs(
    world: World, nord: UUID
) -> None:
    centro = world.here.branch_id
    free, of_centro = await a_colleague(world), await a_colleague(world, branch_ids=[centro])
    of_nord, of_both = await a_colleague(world, branch_ids=[nord]), await a_colleague(world, branch_ids=[nord, centro])
    pia, quinto, rosa = [await a_patient(world) for _ in range(3)]
    here, there, nowhere = [await wrote(world, each) for each in (pia, quinto, rosa)]
    await moved(world, there, nord)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(
            text("update chat_case set branch_id = null where conversation_id = :c"), {"c": UUID(nowhere)}
        )
    reached = {free.id: {here, there, nowhere}, of_centro.id: {here, nowhere}, of_nord.id: {there, nowhere},
               of_both.id: {here, there, nowhere}}  # fmt: skip
    for who in (free, of_centro, of_nord, of_both):
        listed, count = await seen_by(world, who)
        assert (listed & {here, there, nowhere}, count) == (reached[who.id], len(listed))
        for patient, c in ((pia, here), (quinto, there), (rosa, nowhere)):
            expected = {"done"} if c in reached[who.id] else {"not-found"}
            assert await codes_of(world, who, patient, c) == expected
    taken = await world.post(f"{INBOX}/{here}/take", of_nord.headers, None)
    assert (taken.status_code, taken.json()["code"]) == (404, "not-found")
    given = {"staff_id": str(of_nord.id)}
    assert (await world.http.put(f"{INBOX}/{here}/assignment", headers=free.headers, json=given)).status_code == 200
    assert await codes_of(world, of_nord, pia, here) == {"done"}, "it is theirs now"
    assert here in (await seen_by(world, of_nord))[0]


async def test_the_search_shows_and_tells_of_no_message_that_is_out_of_reach(world: World, nord: UUID) -> None:
    of_centro, of_nord = (
        await a_colleague(world, branch_ids=[world.here.branch_id]),
        await a_colleague(world, branch_ids=[nord]),
    )
    for _ in range(2):
        await wrote(world, await a_patient(world), "Un canarino giallo")
    await keep_words(world.database)
    for who, number in ((of_centro, 2), (of_nord, 0)):
        answer = await world.http.post(
            f"{INBOX}/search", params={"limit": 1}, headers=who.headers, json={"words": "canarino"}
        )
        found = answer.json()
        assert (len(found["items"]), found["next_cursor"] is not None) == (min(number, 1), number > 1)


async def test_the_rotation_gives_nobody_what_they_do_not_reach(world: World, nord: UUID) -> None:
    of_nord = await a_colleague(world, branch_ids=[nord])
    desk = {"assigning": "rotation"}
    assert (await world.http.put("/v1/staff/desk", headers=world.here.staff, json=desk)).status_code == 200
    rota = {"members": [{"staff_id": str(of_nord.id)}]}
    assert (await world.http.put("/v1/staff/desk/rota", headers=world.here.staff, json=rota)).status_code == 200
    here, there = await wrote(world, await a_patient(world)), await wrote(world, await a_patient(world))
    await moved(world, there, nord)
    async with world.database.sweeping() as sweeping:
        await assign_by_rotation(sweeping, now(), 100)
        held = await sweeping.execute(
            text("select conversation_id::text from chat_case where assignee_id = :who"), {"who": of_nord.id}
        )
        given = set(held.scalars())
    assert there in given
    assert here not in given
    await world.http.put("/v1/staff/desk", headers=world.here.staff, json={"assigning": "by_hand"})


async def told(phone: Phone, c: str) -> list[str]:
    """What a socket heard of a conversation until it was asked for a sign of life."""
    await phone.say("ping")
    kinds = []
    async with asyncio.timeout(10):
        while (frame := await phone.hear())["t"] != "pong":
            if frame.get("c") == c:
                kinds.append(frame["t"])
    return kinds


async def forgotten(phone: Phone, c: str) -> str:
    """Why a conversation is to be forgotten."""
    async with asyncio.timeout(10):
        while (frame := await phone.hear()) and (frame["t"], frame.get("c")) != ("reset", c):
            pass
    why: str = frame["why"]
    return why


async def test_a_case_that_is_moved_is_forgotten_by_who_watched_it_and_by_who_had_its_line(
    world: World, nodes: tuple[str, str], nord: UUID
) -> None:
    centro = world.here.branch_id
    watches, listens, gets = [await a_colleague(world, branch_ids=[each]) for each in (centro, centro, nord)]
    pia = await a_patient(world)
    c = await wrote(world, pia)
    for address in nodes:
        async with AsyncExitStack() as stack:
            desks = [
                (await stack.enter_async_context(greeted(address, each.token)))[0] for each in (watches, listens, gets)
            ]
            await desks[0].watch(c)
            await moved(world, c, nord)
            assert [await forgotten(desk, c) for desk in desks[:2]] == ["right-lost"] * 2
            assert (await desks[2].hear("inbox"))["c"] == c
            await wrote(world, pia, "Ancora")
            while (await desks[2].hear("inbox"))["row"]["preview"]["text"] != "Ancora":
                pass
            assert set(await told(desks[0], c)) <= {"reset"}, "who watched may hear it from the watch and from the line"
            assert await told(desks[1], c) == []
            await desks[0].say("watch", c=c, on=True)
            assert (await desks[0].hear("nak"))["code"] == "not-found"
            await moved(world, c, centro)
            assert await forgotten(desks[2], c) == "right-lost"
            assert (await desks[1].hear("inbox"))["c"] == c


async def test_who_is_tied_to_other_branches_sits_down_anew_on_every_node_within_a_second(
    world: World, nodes: tuple[str, str], nord: UUID
) -> None:
    who, stays = await a_colleague(world), await a_colleague(world)
    c = await wrote(world, await a_patient(world))
    async with AsyncExitStack() as stack:
        desks = [(await stack.enter_async_context(greeted(address, who.token))) for address in nodes]
        others = [(await stack.enter_async_context(greeted(address, stays.token)))[0] for address in nodes]
        for desk, _ in desks:
            await desk.watch(c)
        await tied(world, who, nord)
        async with asyncio.timeout(1 + 2 * SWEEP):
            assert [await desk.closed() for desk, _ in desks] == [1012, 1012]
        for other in others:
            await other.say("ping")
            await other.hear("pong")
        async with greeted(nodes[0], who.token, cur=desks[0][1]["cur"]) as (desk, welcome):
            assert not welcome["whole"], "what it held may be gone: the inbox is to be looked through"
            assert c not in [state["c"] for state in welcome["changed"]]
            await desk.say("watch", c=c, on=True)
            assert (await desk.hear("nak"))["code"] == "not-found"
        async with greeted(nodes[0], who.token, cur=welcome["cur"]) as (_, again):
            assert again["whole"]
        await tied(world, who)
        async with greeted(nodes[0], who.token) as (_, free):
            assert c in [state["c"] for state in free["changed"]]


async def test_a_desk_that_asks_without_a_socket_is_told_as_soon(
    world: World, nodes: tuple[str, str], nord: UUID
) -> None:
    who = await a_colleague(world)
    async with httpx.AsyncClient(base_url=f"http://{nodes[0]}", headers=who.headers, timeout=30) as http:
        cur = (await http.get(f"{INBOX}/sync?wait=0")).json()["cur"]
        asked = asyncio.create_task(http.get(f"{INBOX}/sync?wait=25&cur={cur}"))
        await asyncio.sleep(2 * SWEEP)
        assert not asked.done()
        await tied(world, who, nord)
        async with asyncio.timeout(1 + 4 * SWEEP):
            told = (await asked).json()
        assert not told["whole"], "what it held may be gone: the inbox is to be looked through"


async def test_a_desk_that_was_away_learns_by_its_cursor_that_a_case_went_to_another_branch(
    world: World, nodes: tuple[str, str], nord: UUID
) -> None:
    of_centro, of_nord = (
        await a_colleague(world, branch_ids=[world.here.branch_id]),
        await a_colleague(world, branch_ids=[nord]),
    )
    c = await wrote(world, await a_patient(world))
    curs = {}
    for who in (of_centro, of_nord):
        async with greeted(nodes[0], who.token) as (_, welcome):
            curs[who.id] = welcome["cur"]
    await moved(world, c, nord)
    async with greeted(nodes[0], of_centro.token, cur=curs[of_centro.id]) as (_, welcome):
        assert (c in [state["c"] for state in welcome["changed"]], welcome["whole"]) == (False, False)
    async with greeted(nodes[0], of_nord.token, cur=curs[of_nord.id]) as (_, welcome):
        assert (c in [state["c"] for state in welcome["changed"]], welcome["whole"]) == (True, True)
    for who, expected in ((of_centro, (False, False)), (of_nord, (True, True))):
        found = (await world.get(f"{INBOX}/sync", who.headers, params={"cur": curs[who.id], "wait": "0"})).json()
        assert (c in [state["conversation_id"] for state in found["changed"]], found["whole"]) == expected


async def test_only_who_manages_staff_ties_people_and_only_to_branches_of_the_clinic(world: World, nord: UUID) -> None:
    who = await a_colleague(world, branch_ids=[nord])
    path = f"/v1/staff/people/{who.id}/branches"
    strange = {"branch_ids": [str(nord), str(world.there.branch_id)]}
    refused = await world.http.put(path, headers=world.here.staff, json=strange)
    assert (refused.status_code, refused.json()["errors"]) == (
        422, [{"pointer": "/branch_ids/1", "code": "unknown-reference"}],
    )  # fmt: skip
    people = (await world.get("/v1/staff/people", world.here.staff, params={"limit": 200})).json()["items"]
    assert {each["staff_id"]: each["branch_ids"] for each in people}[str(who.id)] == [str(nord)]
    elsewhere = await world.http.put(path, headers=world.there.staff, json={"branch_ids": []})
    assert elsewhere.status_code == 404
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = '{chat.reply}' where id = :id"), {"id": who.id})
    mine = await world.http.put(path, headers=who.headers, json={"branch_ids": []})
    assert (mine.status_code, mine.json()["code"]) == (403, "not-allowed")
