"""`enamel chat`: signs in, connects, and lets a person talk."""

import argparse
import asyncio
import getpass
import json
import re
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from core.settings import Settings
from enamel.chat_client.client import ChatClient, SentAway, Tokens
from enamel.chat_client.outbox import Outbox
from enamel.chat_client.signing_in import Given, NotAnswered, NotLetIn, sign_in_patient, sign_in_staff
from enamel.chat_client.terminal import HELP, Terminal
from enamel.problems import CannotStart

_LOOK_SECONDS, _MOST_LOOKS = 0.2, 50
_LONGEST_LINE = 2**16


def chat(settings: Settings, given: argparse.Namespace) -> int:
    """Talk until the end of the input. Raises `CannotStart`."""
    try:
        return asyncio.run(_chat(_demo(settings), given))
    except NotLetIn as refusal:
        raise CannotStart(f"not let in: {refusal}") from None
    except NotAnswered as failure:
        raise CannotStart(f"nobody answers ({failure}): is `make run` running?") from None
    except KeyboardInterrupt:
        return 0


def _demo(settings: Settings) -> dict[str, Any]:
    file = settings.data / "demo.json"
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return told


async def _chat(demo: dict[str, Any], given: argparse.Namespace) -> int:
    url = given.url or demo.get("url")
    if not url:
        raise CannotStart("say --url, or start the demo first with `make run`")
    is_staff = given.staff or bool(given.email)
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=30)) as http:
        tokens = await _signed_in(http, demo, given)
        terminal = Terminal(_print, side="clinic" if is_staff else "patient", to=_to(given))
        client = ChatClient(
            [url.replace("http", "ws", 1)],
            tokens,
            side="clinic" if is_staff else "patient",
            device=f"terminal-{uuid.uuid4().hex[:12]}",
            outbox=Outbox(given.outbox),
            on_event=terminal.show,
        )
        terminal.attach(client)
        return await _talk(client, terminal)


def _to(given: argparse.Namespace) -> dict[str, str]:
    return {"patient": given.patient} if given.patient else {}


async def _talk(client: ChatClient, terminal: Terminal) -> int:
    _print(HELP)
    terminal.owe_again()
    running, typing = asyncio.create_task(client.run()), asyncio.create_task(_type(terminal))
    done, _ = await asyncio.wait((running, typing), return_when=asyncio.FIRST_COMPLETED)
    if typing in done:
        await _settle(client)
    for task in (running, typing):
        task.cancel()
    ended = await asyncio.gather(running, typing, return_exceptions=True)
    for each in ended:
        if isinstance(each, SentAway):
            raise CannotStart(f"the server ended it with code {each.code}")
        if isinstance(each, Exception):
            raise each
    return 0


async def _settle(client: ChatClient) -> None:
    """Give what was said last a moment to be acknowledged."""
    waiting = [said.settled for said in client.outbox.waiting()]
    if waiting:
        _, left = await asyncio.wait(waiting, timeout=10)
        if left:
            _print(f"  {len(left)} not acknowledged")


async def _type(terminal: Terminal) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in lines_of(reader):
        if line is None:
            terminal.too_long()
        elif not terminal.obey(line.decode(errors="replace")):
            return


async def lines_of(reader: asyncio.StreamReader) -> AsyncIterator[bytes | None]:
    """The lines of the input; None in place of one that is too long for anything, whose rest is no line either."""
    line, too_long = b"", False
    while piece := await reader.read(_LONGEST_LINE):
        *ended, line = (line + piece).split(b"\n")
        for each in ended:
            yield None if too_long or len(each) > _LONGEST_LINE else each
            too_long = False
        if len(line) > _LONGEST_LINE:
            line, too_long = b"", True
    if line or too_long:
        yield None if too_long else line


async def _signed_in(http: aiohttp.ClientSession, demo: dict[str, Any], given: argparse.Namespace) -> Tokens:
    if given.token:
        return Given(given.token)
    clinic_id = given.clinic or demo.get("clinic_id")
    if not clinic_id:
        raise CannotStart("say --clinic, or start the demo first with `make run`")
    if given.email:
        return await sign_in_staff(http, clinic_id, given.email, await asyncio.to_thread(getpass.getpass))
    if given.staff:
        if "staff" not in demo:
            raise CannotStart("say --email: there is no demo whose staff it could be")
        return await sign_in_staff(http, clinic_id, **demo["staff"])
    phone = given.phone or next((person["phone"] for person in demo.get("patients", ())), None)
    if phone is None:
        raise CannotStart("say who you are: --phone, --email or --token")
    printed = Path(demo["printed"]) if "printed" in demo else None
    before = _codes(printed, phone)
    return await sign_in_patient(http, clinic_id, phone, lambda: _code(printed, phone, len(before)))


async def _code(printed: Path | None, phone: str, before: int) -> str:
    """The demo prints what it sends, so it is read there; else the person types it."""
    if printed is None:
        return (await asyncio.to_thread(input, "the code: ")).strip()
    for _ in range(_MOST_LOOKS):
        await asyncio.sleep(_LOOK_SECONDS)
        codes = _codes(printed, phone)
        if len(codes) > before:
            return codes[-1]
    raise CannotStart("the demo sent no code: a number gets another one after half a minute")


def _codes(printed: Path | None, phone: str) -> list[str]:
    """What the demo sent to this number, oldest first."""
    if printed is None or not printed.exists():
        return []
    texts = [json.loads(line) for line in printed.read_text().splitlines()]
    sent = (text["text"] for text in texts if text["channel"] == "sms" and text["to"] == phone)
    return [found.group() for text in sent if (found := re.search(r"\d{6}", text))]


def _print(line: str) -> None:
    print(line, flush=True)
