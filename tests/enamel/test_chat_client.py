"""The rules of the reference client, one by one; what they are worth together is proved in tests/chaos."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from enamel.chat_client import Backoff, ChatClient, Conversation, LogCopy, Outbox, Refused, SentAway
from enamel.chat_client.client import PROTOCOL
from enamel.chat_client.hearing import Hearing
from enamel.chat_client.held import Step
from enamel.chat_client.pacing import Throttle
from enamel.chat_client.speaking import Speaking


class Highest(Random):
    """Chance at its worst."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def event(rev: int, kind: str = "msg", **data: Any) -> dict[str, Any]:
    said = {"seq": rev, "id": f"id-{rev}", "body": f"message {rev}", **data}
    return {
        "c": "c",
        "log": "s",
        "rev": rev,
        "k": kind,
        "at": "2030-01-01T10:00:00.000Z",
        "by": {"side": "patient"},
        "d": said,
    }


def test_pauses_double_up_to_half_a_minute_and_start_again_after_a_welcome() -> None:
    backoff = Backoff(Highest())
    assert [backoff.pause() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    backoff.succeeded()
    assert backoff.pause() == 0.5


def test_what_the_server_asks_for_goes_before_and_counts_once() -> None:
    backoff = Backoff(Highest())
    backoff.asked((0, 20_000))
    assert [backoff.pause(), backoff.pause()] == [20, 0.5]


def test_the_next_event_is_applied_an_older_one_dropped_and_a_later_one_is_a_gap() -> None:
    copy = LogCopy()
    assert [copy.take(event(rev)) for rev in (1, 1, 3, 2)] == [Step.APPLIED, Step.OLD, Step.GAP, Step.APPLIED]
    assert (copy.held, copy.is_behind) == (2, True)


def test_numbers_left_out_of_a_page_are_no_gap_also_at_its_end() -> None:
    copy = LogCopy()
    assert copy.take(event(6)) is Step.GAP
    assert [each["rev"] for each in copy.take_page([event(1), event(4)], goal=6, more=False)] == [1, 4]
    assert (copy.held, copy.is_behind) == (6, False)


def test_an_event_that_overtakes_the_page_asked_for_is_asked_for_again() -> None:
    copy = LogCopy()
    goal = 2
    assert copy.take(event(3)) is Step.GAP
    copy.take_page([event(1), event(2)], goal, more=False)
    assert (copy.held, copy.is_behind) == (2, True)


def test_edits_reactions_and_takings_back_change_what_is_shown() -> None:
    talk = Conversation("c")
    talk.show(event(1))
    talk.show({**event(2, "edit"), "d": {"seq": 1, "body": "other"}})
    talk.show({**event(3, "react"), "by": {"side": "clinic", "id": "x"}, "d": {"seq": 1, "react": "👍"}})
    shown = talk.messages[1]
    assert (shown.body, shown.edited, shown.reactions) == ("other", True, {"x": "👍"})
    talk.show({**event(4, "react"), "by": {"side": "clinic", "id": "x"}, "d": {"seq": 1, "react": ""}})
    talk.show({**event(5, "del"), "d": {"seq": 1}})
    assert (shown.body, shown.deleted, shown.reactions) == ("", True, {})


def test_a_throttle_lets_a_burst_pass_and_then_keeps_to_the_rate() -> None:
    throttle = Throttle(burst=4, per_second=2)
    waits = [throttle.wait(100.0) for _ in range(6)]
    assert waits[:3] == [0, 0, 0]
    assert all(wait > 0 for wait in waits[3:])
    assert throttle.wait(100.0 + waits[-1]) == 0


async def test_the_outbox_outlives_the_client_with_the_same_ids(tmp_path: Path) -> None:
    file = tmp_path / "outbox.json"
    first = Outbox(file)
    kept = [first.add("msg", {"body": body}).id for body in ("uno", "due")]
    again = Outbox(file)
    again.restore()
    assert [said.id for said in again.waiting()] == kept
    again.acknowledged({"id": kept[0], "seq": 1})
    third = Outbox(file)
    third.restore()
    assert [said.id for said in third.waiting()] == kept[1:]


async def test_a_refusal_that_may_be_tried_again_settles_nothing() -> None:
    outbox = Outbox()
    hearing = Hearing("patient", lambda *_: None)
    speaking = Speaking(hearing, outbox)
    said = outbox.add("msg", {"body": "uno"})
    speaking.begin()
    assert (await speaking.next_frame())["id"] == said.id
    speaking.heard({"t": "nak", "id": said.id, "code": "temporarily-unavailable", "retry": True, "after": 1}, 0.0)
    assert not said.settled.done()
    speaking._pace["send"] = Throttle(10, 10)
    assert (await speaking.next_frame())["id"] == said.id
    speaking.heard({"t": "nak", "id": said.id, "code": "id-reused", "retry": False}, 0.0)
    with pytest.raises(Refused, match="id-reused"):
        await said.settled


async def test_messages_go_one_at_a_time_and_again_after_the_line_was_cut() -> None:
    outbox = Outbox()
    speaking = Speaking(Hearing("patient", lambda *_: None), outbox)
    first, second = (outbox.add("msg", {"body": body}) for body in ("uno", "due"))
    speaking.begin()
    speaking._pace["send"] = Throttle(10, 10)
    assert (await speaking.next_frame())["id"] == first.id
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(speaking.next_frame(), 0.05)
    speaking.silence()
    speaking.wake()
    assert (await speaking.next_frame())["id"] == first.id
    speaking.heard({"t": "ack", "id": first.id, "c": "c", "seq": 1, "rev": 1}, 0.0)
    assert (await speaking.next_frame())["id"] == second.id


async def test_what_is_larger_than_a_frame_may_be_never_goes_and_holds_up_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.json")
    hearing = Hearing("patient", lambda *_: None)
    hearing.limits = {"frame": 1_000}
    speaking = Speaking(hearing, outbox)
    bodies = ("x" * 1_000, "è" * 500, "no letter: \ud800", "due")
    long, wide, broken, fits = (outbox.add("msg", {"body": body}) for body in bodies)
    assert (await speaking.next_frame())["id"] == fits.id
    for said, code in ((long, "too-large"), (wide, "too-large"), (broken, "invalid-input")):
        with pytest.raises(Refused, match=code):
            await said.settled
    again = Outbox(tmp_path / "outbox.json")
    again.restore()
    assert [said.id for said in again.waiting()] == [fits.id]


async def test_what_ended_a_line_by_its_size_is_given_up_and_what_comes_after_it_kept() -> None:
    outbox = Outbox()
    speaking = Speaking(Hearing("patient", lambda *_: None), outbox)
    assert not speaking.give_up(), "nothing was under way"
    first, second = (outbox.add("msg", {"body": body}) for body in ("uno", "due"))
    assert (await speaking.next_frame())["id"] == first.id
    assert speaking.give_up()
    with pytest.raises(Refused, match="too-large"):
        await first.settled
    assert outbox.waiting() == [second]


WELCOME = {"t": "welcome", "lim": {"sync": [100, 100]}, "ping": 25, "cur": "e.7", "changed": []}
CHANGED = {"c": "c", "patient": "p", "unread": 1, "rev": 3}


def heard(speaking: Speaking, hearing: Hearing, frame: dict[str, Any]) -> None:
    hearing.take(frame)
    speaking.heard(frame, 0.0)


async def after_the_line_was_cut(speaking: Speaking, hearing: Hearing) -> dict[str, Any]:
    """What is said first on the next, of which nothing is told that came before its cursor."""
    speaking.silence()
    heard(speaking, hearing, WELCOME)
    speaking.begin()
    return await asyncio.wait_for(speaking.next_frame(), 5)


async def test_what_was_asked_on_a_line_that_was_cut_is_asked_again() -> None:
    hearing = Hearing("clinic", lambda *_: None)
    speaking = Speaking(hearing, Outbox())
    heard(speaking, hearing, {**WELCOME, "changed": [CHANGED]})
    speaking.begin()
    asked = await speaking.next_frame()
    assert asked == {"t": "sync", "c": "c", "log": "s", "after": 0, "lim": 200}
    assert await after_the_line_was_cut(speaking, hearing) == asked


async def test_who_starts_over_asks_for_the_newest_messages_until_they_came() -> None:
    hearing = Hearing("clinic", lambda *_: None)
    speaking = Speaking(hearing, Outbox())
    heard(speaking, hearing, {**WELCOME, "changed": [CHANGED]})
    speaking.begin()
    await speaking.next_frame()
    heard(speaking, hearing, {"t": "reset", "c": "c", "log": "s", "rev": 3, "why": "too-far"})
    newest = await speaking.next_frame()
    assert (newest["c"], newest["before"]) == ("c", 2**31 - 1)
    assert await after_the_line_was_cut(speaking, hearing) == newest
    heard(speaking, hearing, {"t": "page", "c": "c", "log": "s", "evs": [event(3)], "more": False})
    assert list(hearing.of("c").messages) == [3]
    assert "before" not in await after_the_line_was_cut(speaking, hearing), "it has them"


async def test_what_is_said_before_the_last_run_was_restored_does_not_displace_it(tmp_path: Path) -> None:
    file = tmp_path / "outbox.json"
    left = Outbox(file).add("msg", {"body": "uno"})
    again = Outbox(file)
    said = again.add("msg", {"body": "due"})
    again.restore()
    assert [each.id for each in again.waiting()] == [left.id, said.id]
    assert file.stat().st_mode & 0o777 == 0o600


class Renewed:
    """Tokens that are renewed when the test says so, and for which at first nobody may be there."""

    def __init__(self, failures: int = 0) -> None:
        self.token, self.asked, self.given = "first", asyncio.Event(), asyncio.Event()
        self._failures = failures

    async def current(self) -> str:
        return self.token

    async def renewed(self) -> str:
        self.asked.set()
        if self._failures:
            self._failures -= 1
            raise ConnectionRefusedError
        await self.given.wait()
        self.token = "second"
        return self.token


@asynccontextmanager
async def a_server(line: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(line, "127.0.0.1", 0, subprotocols=[PROTOCOL]) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def a_client(address: str, tokens: Renewed) -> ChatClient:
    return ChatClient([address], tokens, side="patient", device="d", backoff=Backoff(Highest(), longest=0.01))


async def test_a_token_that_nobody_renews_at_first_is_asked_for_again() -> None:
    tokens = Renewed(failures=2)
    tokens.given.set()

    async def line(socket: ServerConnection) -> None:
        first = json.loads(await socket.recv())["tok"] == "first"
        code, again = (4401, True) if first else (4403, False)
        await socket.send(json.dumps({"t": "bye", "code": code, "again": again}))
        await socket.close(code)

    async with a_server(line) as address, asyncio.timeout(15):
        with pytest.raises(SentAway, match="4403"):
            await a_client(address, tokens).run()


async def test_the_goodbye_of_a_line_that_was_cut_meanwhile_is_heard() -> None:
    """It comes while a token is being renewed, and the client finds the line cut by saying something."""
    tokens, cut = Renewed(), asyncio.Event()

    async def line(socket: ServerConnection) -> None:
        await socket.recv()
        for frame in (WELCOME, {"t": "auth", "in": 10}):
            await socket.send(json.dumps(frame))
        await tokens.asked.wait()
        await socket.send(json.dumps({"t": "bye", "code": 4409, "again": False}))
        await socket.close(4409)
        cut.set()

    async with a_server(line) as address, asyncio.timeout(15):
        client = a_client(address, tokens)
        running = asyncio.create_task(client.run())
        await cut.wait()
        said = client.send("Ci siete?")
        for _ in range(20):
            await asyncio.sleep(0)
        tokens.given.set()
        with pytest.raises(SentAway, match="4409"):
            await running
    assert (client.reconnects, client.outbox.waiting()) == (0, [said])
