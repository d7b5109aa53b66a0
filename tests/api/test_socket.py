"""The chat over real sockets and real servers: what one says the other hears, over nodes, cuts and lost wake-ups."""

import json
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import api.sockets
from chat.commands import Author, post_message
from chat.conversation import LARGEST_HEARD, LONGEST_BODY, Side
from chat.log import Thread
from chat.wakeups import Heard, Hint, Hinted, MemoryWakeups, PostgresWakeups, nobody
from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from tests.node import PROTOCOL, Phone, dialled, greeted, node
from tests.world import World


class Deaf:
    """A bus that loses everything; the protocol allows it to."""

    async def listen(self, heard: Heard, hinted: Hinted = nobody) -> None:
        """Nothing is ever heard."""

    def publish(self, threads: Collection[Thread], hints: Sequence[Hint] = ()) -> None:
        """Lost."""

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> str:
    return postgres.url("enamel_test")


@pytest.fixture
def here(world: World, url: str) -> Iterator[str]:
    with node(world, url, MemoryWakeups()) as address:
        yield address


async def test_a_patient_writes_the_desk_answers_and_each_hears_the_other(world: World, here: str) -> None:
    async with (
        greeted(here, world.here.patient_token) as (phone, welcome),
        greeted(here, world.here.staff_token) as (desk, _),
    ):
        assert welcome["changed"] == []
        name = str(new_id())
        ack = await phone.post("Mi fa male un dente", name=name)
        assert (ack["id"], ack["seq"], ack["rev"], ack["dup"]) == (name, 1, 1, False)
        line = await desk.hear("inbox")
        assert (line["c"], line["rev"], line["row"]["unread"]) == (ack["c"], 1, 1)
        assert (line["row"]["patient_id"], line["row"]["patient_name"]) == (str(world.here.patient_id), "Anna Rossi")
        await desk.watch(ack["c"])
        await phone.post("Da ieri")
        told = await desk.hear("ev")
        assert (told["rev"], told["by"], told["d"]["body"]) == (2, {"side": "patient", "name": ""}, "Da ieri")
        await desk.post("Venga alle dieci", c=told["c"])
        answer = await phone.hear("ev")
        while answer["rev"] < 3:
            answer = await phone.hear("ev")
        assert (answer["rev"], answer["d"]["seq"], answer["by"]) == (3, 3, {"side": "clinic", "name": "Olga"})
        await phone.say("mark", c=ack["c"], dlv=3, read=3)
        ticks = await desk.hear("ev")
        while ticks["k"] != "mark":
            ticks = await desk.hear("ev")
        assert (ticks["rev"], ticks["by"], ticks["d"]) == (4, {"side": "patient"}, {"dlv": 3, "read": 3})
    async with greeted(here, world.here.patient_token) as (_, welcome):
        state = {"c": ack["c"], "patient": str(world.here.patient_id), "rev": 4, "seq": 3, "unread": 0}
        assert welcome["changed"] == [state]


async def test_a_resent_message_is_acknowledged_as_the_same_and_told_once(world: World, here: str) -> None:
    name = str(new_id())
    async with greeted(here, world.here.staff_token) as (desk, _):
        async with greeted(here, world.here.patient_token) as (phone, _):
            first = await phone.post("Ciao", name=name)
        await desk.watch(first["c"])
        async with greeted(here, world.here.patient_token) as (phone, _):
            again = await phone.post("Ciao", name=name)
            assert {**again, "dup": False} == first
            await phone.say("send", id=name, op="msg", body="Addio")
            nak = await phone.hear("nak")
            assert (nak["code"], nak["retry"], nak["id"]) == ("id-reused", False, name)
            await phone.post("Finito")
        assert (await desk.hear("ev"))["d"]["body"] == "Finito"


async def test_after_a_cut_a_patient_resumes_from_its_rev_and_misses_nothing(world: World, here: str) -> None:
    async with greeted(here, world.here.staff_token) as (desk, _):
        async with greeted(here, world.here.patient_token) as (phone, _):
            held = (await phone.post("Ci siete?"))["rev"]
            phone.connection.transport.abort()
        said = [f"risposta {number}" for number in range(7)]
        for body in said:
            ack = await desk.post(body, to={"patient": str(world.here.patient_id)})
        async with greeted(here, world.here.patient_token) as (phone, welcome):
            assert (welcome["changed"][0]["rev"], welcome["changed"][0]["unread"]) == (8, 7)
            missed = []
            more = True
            while more:
                await phone.say("sync", c=ack["c"], after=held, lim=3)
                page = await phone.hear("page")
                missed += page["evs"]
                held, more = page["evs"][-1]["rev"], page["more"]
            assert [event["d"]["body"] for event in missed] == said
            assert all(after["rev"] == before["rev"] + 1 for before, after in pairwise(missed))
            await phone.say("sync", c=ack["c"], before=8, lim=3)
            page = await phone.hear("page")
            assert ([event["d"]["seq"] for event in page["evs"]], page["more"]) == ([5, 6, 7], True)


async def test_the_desk_is_told_by_its_cursor_what_it_missed(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        await phone.post("uno")
        async with greeted(here, world.here.staff_token) as (desk, first):
            assert ([state["unread"] for state in first["changed"]], first["whole"]) == ([1], False)
            other = {"patient": str(world.here.other_patient_id)}
            await desk.post("Buongiorno Boris", to=other)
        async with greeted(here, world.here.staff_token, cur=first["cur"]) as (_, second):
            missed = [state["patient"] for state in second["changed"]]
            assert (missed, second["whole"]) == ([str(world.here.other_patient_id)], True)
        async with greeted(here, world.here.staff_token, cur=second["cur"]) as (_, third):
            assert (third["changed"], third["whole"]) == ([], True)
            assert "void" not in third
        epoch, _, horizon = third["cur"].partition(".")
        for beyond in (str(2**64), "9" * 20, f"{epoch}.{2**64}", f"{epoch}.{int(horizon) + 10**6}", f"f0f0.{horizon}"):
            async with greeted(here, world.here.staff_token, cur=beyond) as (_, unknown):
                assert (len(unknown["changed"]), unknown["whole"], unknown["void"]) == (2, False, True)


async def test_a_device_of_another_history_is_told_to_forget_and_every_log_it_names_is_reset(
    world: World, here: str
) -> None:
    async with greeted(here, world.here.patient_token) as (phone, first):
        c = (await phone.post("uno"))["c"]
    gone = new_id()
    held = {c: [1], str(gone): [60]}
    for known in ({}, {"cur": f"f0f0.{first['cur'].partition('.')[2]}"}):
        async with greeted(here, world.here.patient_token, at=held, **known) as (phone, welcome):
            assert (welcome["whole"], welcome["void"]) == (False, True)
            told = [await phone.hear("reset") for _ in held]
            assert [(each["c"], each["log"], each["rev"]) for each in told] == [(c, "s", 1), (str(gone), "s", 0)]
            assert {each["why"] for each in told} == {"epoch"}
    async with greeted(here, world.here.staff_token, at={c: [1, 4]}) as (desk, _):
        told = [await desk.hear("reset") for _ in "sp"]
        assert [(each["log"], each["rev"]) for each in told] == [("s", 1), ("p", 0)]
    async with greeted(here, world.here.patient_token, cur=first["cur"], at={c: [1]}) as (phone, welcome):
        assert (welcome["whole"], welcome.get("void"), welcome["changed"][0]["prev"]) == (True, None, 1)


async def test_a_refusal_names_the_frame_where_its_sender_did(world: World, here: str) -> None:
    unknown = str(new_id())
    marks: dict[str, Any] = {"read": 1}
    asked = [("sync", {}), ("mark", marks), ("typing", {}), ("watch", {"on": True})]
    async with greeted(here, world.here.patient_token) as (phone, _):
        for kind, members in asked:
            name = str(new_id())
            await phone.say(kind, c=unknown, id=name, **members)
            assert (await phone.hear("nak"))["id"] == name
            await phone.say(kind, c=unknown, **members)
            assert "id" not in await phone.hear("nak")
        name = str(new_id())
        await phone.say("auth", tok="x.y.z", id=name)
        assert (await phone.hear("nak"))["id"] == name


async def _talk_over(world: World, first: str, second: str) -> None:
    async with (
        greeted(first, world.here.patient_token) as (phone, _),
        greeted(second, world.here.staff_token) as (desk, _),
    ):
        c = (await phone.post("buongiorno"))["c"]
        await desk.hear("inbox")
        await desk.watch(c)
        for number in range(3):
            await phone.post(f"domanda {number}")
            told = await _from(desk, "patient", 2 * number + 2)
            assert told["d"]["body"] == f"domanda {number}"
            await desk.post(f"risposta {number}", c=told["c"])
            told = await _from(phone, "clinic")
            assert (told["d"]["body"], told["rev"]) == (f"risposta {number}", 2 * number + 3)


async def _from(phone: Phone, side: str, rev: int = 1) -> dict[str, Any]:
    """The next event that this side made, not older than `rev`."""
    while True:
        told = await phone.hear("ev")
        if told.get("by", {}).get("side") == side and told["rev"] >= rev:
            return told


async def test_two_nodes_tell_each_other_over_postgresql(world: World, url: str) -> None:
    """Their sweeps are an hour away: only the wake-ups can have done it."""
    with (
        node(world, url, PostgresWakeups(url), sweep_seconds=3600) as first,
        node(world, url, PostgresWakeups(url), sweep_seconds=3600) as second,
    ):
        await _talk_over(world, first, second)


async def test_two_nodes_hear_each_other_also_when_every_wakeup_is_lost(world: World, url: str) -> None:
    with (
        node(world, url, Deaf(), sweep_seconds=0.05) as first,
        node(world, url, Deaf(), sweep_seconds=0.05) as second,
    ):
        await _talk_over(world, first, second)


async def test_what_is_sent_by_rest_is_heard_on_the_socket(world: World, url: str) -> None:
    with node(world, url, Deaf(), sweep_seconds=0.1) as address:
        async with greeted(address, world.here.staff_token) as (desk, _):
            body = {"client_id": str(new_id()), "body": "Dal telefono"}
            sent = await world.post("/v1/me/conversation/messages", world.here.patient, body)
            assert (await desk.hear("inbox"))["rev"] == sent.json()["rev"]
            await desk.watch(sent.json()["conversation_id"])
            body = {"client_id": str(new_id()), "body": "Ancora"}
            again = await world.post("/v1/me/conversation/messages", world.here.patient, body)
            assert (await _from(desk, "patient"))["rev"] == again.json()["rev"]


async def test_a_foreign_conversation_is_as_if_it_were_not_there(world: World, here: str) -> None:
    async with greeted(here, world.there.staff_token) as (desk, _):
        theirs = (await desk.post("Salve", to={"patient": str(world.there.patient_id)}))["c"]
    async with greeted(here, world.here.staff_token) as (desk, _):
        boris = (await desk.post("Salve", to={"patient": str(world.here.other_patient_id)}))["c"]
    for token, strange in ((world.here.patient_token, (theirs, boris)), (world.here.staff_token, (theirs,))):
        async with greeted(here, token) as (phone, _):
            for c in (*strange, str(new_id())):
                await phone.say("send", id=str(new_id()), op="msg", c=c, body="?")
                assert (await phone.hear("nak"))["code"] == "not-found"
                await phone.say("sync", c=c)
                assert (await phone.hear("nak"))["code"] == "not-found"
                await phone.say("mark", c=c, read=1)
                assert (await phone.hear("nak"))["code"] == "not-found"
            elsewhere = {"clinic": str(world.there.clinic_id)}
            await phone.say("send", id=str(new_id()), op="msg", to=elsewhere, body="?")
            assert (await phone.hear("nak"))["code"] == "not-found"


async def test_who_says_no_hello_in_time_is_shown_out(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.sockets, "HELLO_SECONDS", 0.2)
    async with dialled(here) as phone:
        assert await phone.closed() == 4408


NO_FRAMES: list[tuple[str | bytes, int]] = [
    ("not json", 4400),
    ("[1]", 4400),
    ('{"t": 1}', 4400),
    ('{"t": "send", "t": "hello"}', 4400),
    ('{"a":' * 40 + "1" + "}" * 40, 4400),
    (b"\x00binary", 4400),
    (r'{"t": "send", "op": "msg", "body": "a\u0000b"}', 4400),
    (r'{"t": "send", "id": "no uuid", "op": "msg", "body": "a\u0000b"}', 4400),
    (f'{{"t": "send", "id": "{UUID(int=1)}", "op": "msg", "body": NaN}}', 4400),
    (rf'{{"t": "hello", "id": "{UUID(int=1)}", "cur": "\u0000"}}', 4400),
    ('{"t": "ping", "x": "' + "x" * 50_000 + '"}', 1009),
]


@pytest.mark.parametrize("greeting", [True, False])
async def test_what_is_no_frame_ends_the_socket(world: World, here: str, greeting: bool) -> None:
    for raw, code in NO_FRAMES:
        async with dialled(here) as phone:
            if greeting:
                await phone.say("hello", tok=world.here.patient_token)
                await phone.hear("welcome")
            await phone.raw(raw)
            if greeting and code == 4400:
                refused = {"t": "nak", "code": "invalid-input", "retry": False}
                assert await phone.hear("nak") == refused, raw[:40]
            assert await phone.hear("bye") == {"t": "bye", "code": code, "again": False}
            assert await phone.closed() == code, raw[:40]


async def test_what_is_too_long_to_be_heard_to_its_end_is_cut_and_only_then_without_a_word(
    world: World, here: str
) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        await phone.raw('{"t": "ping", "x": "' + "è" * 25_000 + '"}')
        assert (await phone.hear("bye"))["code"] == 1009, "its bytes count, not its letters"
    async with greeted(here, world.here.patient_token) as (phone, _):
        await phone.raw('{"t": "ping", "x": "' + "x" * LARGEST_HEARD + '"}')
        assert await phone.closed() == 1009


@pytest.mark.parametrize("body", ["😀" * LONGEST_BODY, "牙" * LONGEST_BODY, '"' * LONGEST_BODY, "\n" * 3_999 + "a"])
async def test_the_longest_message_with_most_pictures_fits_a_frame_in_every_spelling(
    world: World, here: str, body: str
) -> None:
    async with greeted(here, world.here.patient_token) as (phone, welcome):
        for escapes in (False, True):
            ids = [str(new_id()) for _ in range(12)]
            said = {"t": "send", "id": ids[0], "op": "msg", "c": ids[1], "to": {"patient": ids[1]}, "re": 2**31 - 1}
            frame = json.dumps({**said, "body": body, "media": ids[2:], "seq": 2**31 - 1}, ensure_ascii=escapes)
            assert len(frame.encode()) <= welcome["lim"]["frame"]
            await phone.raw(frame)
            assert (await phone.hear("nak"))["code"] == "not-found", "no such conversation: it was read and understood"


async def test_an_unknown_address_or_host_is_answered_as_any_request_is(here: str) -> None:
    evil = {"host": "evil.example"}
    for path, headers, status, code in (
        ("/v1/chat/nothing", {}, 404, "not-found"), ("/v1/chat/ws", evil, 400, "malformed-request"),
    ):  # fmt: skip
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://{here}{path}", subprotocols=[PROTOCOL], additional_headers=headers):
                pass
        answer = refused.value.response
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        problem = json.loads(answer.body)
        assert (problem["code"], problem["request_id"]) == (code, answer.headers["x-request-id"])
        assert answer.headers["cache-control"] == "no-store"


UNUSABLE = [
    r'"body": "a\u0000b"',
    r'"body": "a\ud800b"',
    '"body": 1e999',
    '"body": "x", "body": "y"',
]


async def test_a_message_that_cannot_be_kept_is_refused_by_its_id_and_the_talk_goes_on(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        for said in UNUSABLE:
            name = str(new_id())
            await phone.raw(f'{{"t": "send", "id": "{name}", "op": "msg", {said}}}')
            nak = await phone.hear("nak")
            assert (nak["code"], nak["retry"], nak["id"]) == ("invalid-input", False, name), said[:40]
        assert (await phone.post("Ciao"))["seq"] == 1


async def test_faulty_and_unknown_frames_are_refused_or_passed_over_and_the_talk_goes_on(
    world: World, here: str
) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        for members in (
            {"op": "msg", "body": "no id"},
            {"id": "no uuid", "op": "msg", "body": "x"},
            {"id": str(new_id()), "op": "burn", "body": "x"},
            {"id": str(new_id()), "op": "msg", "body": " \n"},
            {"id": str(new_id()), "op": "msg", "body": "x" * 4001},
        ):
            await phone.raw(_json({"t": "send", **members}))
            assert (await phone.hear("nak"))["code"] == "invalid-input"
        await phone.raw(_json({"t": "from-the-future", "x": 1}))
        forged = {"side": "clinic", "at": "2020-01-01T00:00:00Z", "seq": 99, "sender": str(world.here.staff_id)}
        await phone.raw(_json({"t": "send", "id": str(new_id()), "op": "msg", "body": "Ciao", **forged}))
        assert (await phone.hear("ack"))["seq"] == 1
        event = await phone.hear("ev")
        assert (event["by"]["side"], event["d"]["seq"]) == ("patient", 1)


async def test_only_a_live_patient_or_staff_token_opens_a_socket(world: World, here: str) -> None:
    head, body, signature = world.here.patient_token.split(".")
    forged = f"{head}.{body}.{signature[:-4]}AAAA"
    for token in (forged, "", "x" * 3000, world.here.partner_token, world.here.refresh_token):
        async with dialled(here) as phone:
            await phone.raw(_json({"t": "hello", "tok": token}))
            assert await phone.closed() in (4400, 4403)
    async with dialled(here, additional_headers={"authorization": f"Bearer {world.here.patient_token}"}) as phone:
        await phone.say("hello")
        await phone.hear("welcome")


async def test_a_signed_out_device_leaves_with_the_next_sweep_or_its_next_word(world: World, url: str) -> None:
    with node(world, url, MemoryWakeups(), sweep_seconds=0.1) as address:
        await _signed_out(world, address)


async def _signed_out(world: World, here: str) -> None:
    async with (
        greeted(here, world.here.patient_token) as (phone, _),
        greeted(here, world.here.patient_token) as (idle, _),
    ):
        devices = (await world.get("/v1/me", world.here.patient)).json()["devices"]
        gone = await world.http.delete(f"/v1/me/devices/{devices[0]['session_id']}", headers=world.here.patient)
        assert gone.status_code == 204
        await phone.say("send", id=str(new_id()), op="msg", body="Ancora io")
        assert await phone.closed() == 4403
        assert await idle.closed() == 4403
    async with dialled(here) as phone:
        await phone.say("hello", tok=world.here.patient_token)
        assert await phone.closed() == 4403


async def test_browsers_of_other_sites_wrong_protocols_and_tokens_in_addresses_are_refused(
    world: World, here: str
) -> None:
    async with dialled(here, origin="https://evil.example") as phone:
        assert await phone.closed() == 4403
    async with dialled(here, origin="null") as phone:
        assert await phone.closed() == 4403
    async with dialled(here, origin="https://clinic.example") as phone:
        await phone.say("hello", tok=world.here.patient_token)
        await phone.hear("welcome")
    async with dialled(here, subprotocols=None) as phone:
        assert await phone.closed() == 4404
    async with connect(f"ws://{here}/v1/chat/ws?token=x", subprotocols=[PROTOCOL]) as raw:
        assert await Phone(raw).closed() == 4400
    with pytest.raises(InvalidStatus) as refused:
        async with dialled(here, additional_headers={"host": "evil.example"}):
            pass
    assert refused.value.response.status_code == 400


async def test_who_speaks_too_fast_is_told_to_wait_and_then_shown_out(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        for _ in range(13):
            await phone.say("send", id=str(new_id()), op="msg", body="spam")
        nak = await phone.hear("nak")
        assert (nak["code"], nak["retry"], nak["after"] > 0) == ("too-many-requests", True, True)
        while (bye := await phone.hear())["t"] != "bye":
            pass
        assert (bye["code"], bye["again"]) == (4429, True)
        assert 0 < bye["wait"][0] <= 5_001 < bye["wait"][1] + 5_000, "as long as its patience takes to come back"
        assert await phone.closed() == 4429
    async with world.database.reading(world.here.scope) as reading:
        assert (await reading.execute(text("select count(*) from message"))).scalar_one() <= 11


async def test_an_account_has_one_pace_for_its_sockets_and_for_rest(world: World, here: str) -> None:
    async with (
        httpx.AsyncClient(base_url=f"http://{here}", headers=world.here.patient) as http,
        greeted(here, world.here.patient_token) as (phone, _),
        greeted(here, world.here.patient_token) as (other, _),
    ):
        for number in range(5):
            body = {"client_id": str(new_id()), "body": f"n{number}"}
            assert (await http.post("/v1/me/conversation/messages", json=body)).status_code == 201
        for number in range(12):
            await phone.say("send", id=str(new_id()), op="msg", body=f"n{number}")
            await other.say("send", id=str(new_id()), op="msg", body=f"n{number}")
        assert (await phone.hear("nak"))["code"] == (await other.hear("nak"))["code"] == "too-many-requests"


async def test_a_silent_socket_is_pinged_and_one_that_does_not_answer_is_left(world: World, url: str) -> None:
    with node(world, url, MemoryWakeups(), ping_seconds=0.2) as address:
        async with greeted(address, world.here.patient_token) as (phone, _):
            for _ in range(3):
                await phone.hear("ping")
            assert await phone.closed() == 4408


async def _many_messages(world: World, number: int) -> None:
    """So many messages of the clinic's machinery."""
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        for _ in range(number):
            await post_message(writing, thread, Author(Side.AUTOMATION, new_id()), new_id(), "x", None, now())


async def test_who_holds_what_was_never_given_or_too_little_starts_over(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        c = (await phone.post("Ciao"))["c"]
        await phone.say("sync", c=c, after=7)
        assert (await phone.hear("reset"))["why"] == "epoch"
        await _many_messages(world, 1001)
        await phone.say("sync", c=c, after=1)
        reset = await phone.hear("reset")
        assert (reset["why"], reset["rev"]) == ("too-far", 1002)


def _json(value: object) -> str:
    return json.dumps(value)


async def test_whoever_follows_a_conversation_leaves_a_trace(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        c = (await phone.post("Ho la febbre"))["c"]
    async with greeted(here, world.here.staff_token) as (desk, _):
        await desk.watch(c)
        await desk.say("sync", c=c, after=1)
        await desk.hear("page")
    shown = (await world.get("/v1/me/privacy/reads", world.here.patient)).json()["items"]
    assert [(each["area"], each["reader"]) for each in shown] == [("chat", "staff")]
