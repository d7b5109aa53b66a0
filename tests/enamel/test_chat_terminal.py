"""`enamel chat`: a patient and the desk talk through two terminals and a real server."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

import api.hearing
from chat.wakeups import MemoryWakeups
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from enamel.chat_client import ChatClient, Tokens
from enamel.chat_client.command import lines_of
from enamel.chat_client.signing_in import Given, NotLetIn, sign_in_patient, sign_in_staff
from enamel.chat_client.terminal import HELP, Terminal
from tests.node import node
from tests.world import PASSWORD, World


@pytest.fixture
def here(world: World, postgres: EmbeddedPostgres) -> Iterator[str]:
    with node(world, postgres.url("enamel_test"), MemoryWakeups()) as address:
        yield address


class Screen:
    """What a terminal printed, to wait for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = asyncio.Event()

    def say(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()

    async def until(self, words: str) -> str:
        async with asyncio.timeout(15):
            while not (found := [line for line in self.lines if words in line]):
                self._news.clear()
                await self._news.wait()
        return found[-1]


@asynccontextmanager
async def seated(address: str, tokens: Tokens, side: str, **to: str) -> AsyncIterator[tuple[Terminal, Screen]]:
    screen = Screen()
    terminal = Terminal(screen.say, side=side, to=to)
    client = ChatClient([f"ws://{address}"], tokens, side=side, device=f"terminal of {side}", on_event=terminal.show)
    terminal.attach(client)
    running = asyncio.create_task(client.run())
    async with asyncio.timeout(15):
        await client.online.wait()
    yield terminal, screen
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_patient_and_the_desk_say_change_and_take_back(world: World, here: str) -> None:
    patient, staff = Given(world.here.patient_token), Given(world.here.staff_token)
    async with seated(here, patient, "patient") as (phone, seen), seated(here, staff, "clinic") as (desk, board):
        assert phone.obey("Mi fa male un dente")
        await seen.until("patient: Mi fa male un dente")
        async with asyncio.timeout(15):
            while not desk.client.hearing.inbox:  # noqa: ASYNC110  the line of the inbox comes when it comes
                await asyncio.sleep(0.02)
        desk.obey("/list")
        desk.obey("/open 1")
        await board.until("patient: Mi fa male un dente")
        desk.obey("Venga alle dieci")
        seq = (await seen.until("Olga: Venga alle dieci")).split()[0]
        desk.obey(f"/edit {seq} Venga alle undici")
        await seen.until("Olga: Venga alle undici (edited)")
        phone.obey(f"/react {seq} 👍")
        await board.until("Venga alle undici (edited)  👍")
        desk.obey(f"/del {seq}")
        await seen.until("Olga: (taken back)")
        phone.obey(f"/edit {seq} mine now")
        await seen.until("refused: message-")
        phone.obey("/nonsense")
        await seen.until("/react SEQ sign")
        assert not phone.obey("/quit\n")


async def test_the_desk_begins_with_a_patient_it_names(world: World, here: str) -> None:
    patient, staff = Given(world.here.patient_token), Given(world.here.staff_token)
    async with (
        seated(here, patient, "patient") as (_, seen),
        seated(here, staff, "clinic", patient=str(world.here.patient_id)) as (desk, board),
    ):
        desk.obey("Buongiorno Anna")
        await seen.until("Olga: Buongiorno Anna")
        await board.until("Olga: Buongiorno Anna")


def test_what_others_wrote_orders_no_terminal_about_and_looks_like_no_other_line() -> None:
    screen = Screen()
    terminal = Terminal(screen.say, side="clinic")
    by = {"name": "O\x9blga"}
    terminal.attach(ChatClient([], Given(""), side="clinic", device="", on_event=terminal.show))
    terminal.obey("/open")
    screen.lines.clear()
    conversation = terminal.client.hearing.of("one")
    terminal._open = conversation.id
    terminal.show(
        conversation, {"k": "note", "by": by, "d": {"body": "a\x9b2Jb\u202ec\x1b\n   7  10:00  Olga: no 👩\u200d⚕️"}}
    )
    assert screen.lines == ["  (note of O\\u009blga) a\\u009b2Jb\\u202ec\\u001b\n    |    7  10:00  Olga: no 👩\u200d⚕️"]


async def test_one_signs_in_by_code_or_password_and_renews(world: World, here: str) -> None:
    clinic_id = str(world.here.clinic_id)

    async def code() -> str:
        async with asyncio.timeout(10):
            while not world.texts():  # noqa: ASYNC110  it is sent after the answer
                await asyncio.sleep(0.02)
        return world.last_code(world.here.phone)

    async with aiohttp.ClientSession(f"http://{here}") as http:
        patient = await sign_in_patient(http, clinic_id, world.here.phone, code)
        before = await patient.current()
        assert before != await patient.renewed() == await patient.current()
        staff = await sign_in_staff(http, clinic_id, world.here.email, PASSWORD)
        async with seated(here, staff, "clinic"):
            pass
        with pytest.raises(NotLetIn):
            await sign_in_staff(http, clinic_id, world.here.email, "wrong")


async def test_the_command_says_what_is_piped_into_it_and_waits_for_its_ack(world: World, here: str) -> None:
    command = [sys.executable, "-m", "enamel", "chat", "--url", f"http://{here}", "--token", world.here.patient_token]
    pipe = asyncio.subprocess.PIPE
    chatting = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    told, failed = await chatting.communicate(b"Buongiorno\n")
    assert (chatting.returncode, failed) == (0, b"")
    assert b"/quit" in told
    events = (await world.get("/v1/me/conversation/events", world.here.patient)).json()["events"]
    assert [event["message"]["body"] for event in events if event["kind"] == "msg"] == ["Buongiorno"]


async def test_the_command_names_what_it_lacks(world: World, here: str) -> None:
    other = {**os.environ, "ENAMEL_DATA": str(world.printed.parent)}
    for arguments, complaint in (
        ([], b"say --url"),
        (["--url", f"http://{here}"], b"say --clinic"),
        (["--url", f"http://{here}", "--clinic", str(world.here.clinic_id)], b"say who you are"),
        (["--url", f"http://{here}", "--token", "no token"], b"code 4403"),
    ):
        command = [sys.executable, "-m", "enamel", "chat", *arguments]
        pipe = asyncio.subprocess.PIPE
        chatting = await asyncio.create_subprocess_exec(*command, env=other, stdin=pipe, stdout=pipe, stderr=pipe)
        async with asyncio.timeout(30):
            assert chatting.stderr is not None
            assert complaint in await chatting.stderr.read()
            assert await chatting.wait() == 1


async def test_nothing_that_is_typed_ends_the_terminal(world: World, here: str) -> None:
    async with seated(here, Given(world.here.patient_token), "patient") as (phone, seen):
        phone.obey("Buongiorno")
        await seen.until("patient: Buongiorno")
        for typed in ("/edit ² x", "/open ²", "/del " + "9" * 5_000, "/react ٣ x"):
            seen.lines.clear()
            assert phone.obey(typed)
            assert seen.lines == [HELP]
        for typed in ("x" * 4_001, "/edit 1 " + "x" * 4_001):
            seen.lines.clear()
            assert phone.obey(typed)
            assert seen.lines == ["  not sent: a message has at most 4,000 characters; say it in several"]


async def test_a_line_too_long_to_be_a_message_is_no_message_nor_is_its_rest() -> None:
    for long in (70_000, 65_537, 200_000):
        reader = asyncio.StreamReader()
        for piece in (b"before\n", b"x" * long, b" rest\nafter", b"\nlast"):
            reader.feed_data(piece)
        reader.feed_eof()
        assert [line async for line in lines_of(reader)] == [b"before", None, b"after", b"last"]


async def test_what_the_last_run_left_and_no_clinic_takes_is_told_and_forgotten(
    world: World, here: str, tmp_path: Path
) -> None:
    file = tmp_path / "outbox.json"
    left = [{"t": "send", "id": str(new_id()), "op": "msg", "body": body} for body in ("x" * 50_000, "Eccomi")]
    file.write_text(json.dumps(left))
    command = [sys.executable, "-m", "enamel", "chat", "--url", f"http://{here}", "--token", world.here.patient_token]
    pipe = asyncio.subprocess.PIPE
    for typed in (b"Uno\n", b"Due\n"):
        chatting = await asyncio.create_subprocess_exec(
            *command, "--outbox", str(file), stdin=pipe, stdout=pipe, stderr=pipe
        )
        told, failed = await chatting.communicate(typed)
        assert (chatting.returncode, failed) == (0, b"")
        assert (b"refused: too-large" in told) is (typed == b"Uno\n")
    assert file.read_text() == "[]"
    events = (await world.get("/v1/me/conversation/events", world.here.patient)).json()["events"]
    assert [each["message"]["body"] for each in events if each["kind"] == "msg"] == ["Eccomi", "Uno", "Due"]


async def test_a_message_too_large_for_what_a_server_announced_is_given_up_and_the_next_goes(
    world: World, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with seated(here, Given(world.here.patient_token), "patient") as (phone, seen):
        monkeypatch.setattr(api.hearing, "LARGEST_FRAME", 1_000)
        phone.obey("x" * 2_000)
        phone.obey("Eccomi")
        await seen.until("refused: too-large")
        await seen.until("patient: Eccomi")
        assert phone.client.reconnects == 1
