"""A node under nonsense, and two well-behaved devices beside it that must not notice."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from enamel.chat_client.client import PROTOCOL
from tests.chaos.devices import Device
from tests.chaos.mutants import UNHURRIED
from tests.chaos.node import ERRORS
from tests.chaos.nonsense import Nonsense
from tests.chaos.proofs import Stage

_AT_ONCE, _PER_SOCKET, _BETWEEN_PINGS = 4, 60, 3
_PAGE = 4096


@dataclass
class Fuzzed:
    """`ends`: how sockets ended, by close code. `grown`: bytes the node holds more than after its first fifth."""

    frames: int = 0
    ends: Counter[int] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    grown: int = 0
    reconnects: int = 0
    faults: list[str] = field(default_factory=list)


async def fuzzed(stage: Stage, frames: int, seed: int) -> Fuzzed:
    """So many frames from a patient and from staff, over many sockets."""
    stage = replace(stage, mutant=UNHURRIED)
    address, found = await stage.node(0), Fuzzed()
    errors = len(_errors(stage))
    node, begun = stage.nodes.places[0], await stage.said_before()
    other, desk = stage.people.patients[1], stage.people.staff[1]
    follows = [other.conversation]
    async with stage.device(other, address, "a", follows) as a, stage.device(desk, address, "d", follows) as d:
        talking = [asyncio.create_task(_talk(each)) for each in (a, d)]
        for part in (frames // 5, frames - frames // 5):
            before = _resident(node.pid)
            await _bothered(address, stage, found, part, Random(f"{seed} {part}"))  # noqa: S311  can be repeated
            found.grown = _resident(node.pid) - before
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        found.faults = [f for f in await stage.compared([a, d], begun) if not f.startswith("from nowhere")]
        found.reconnects = a.client.reconnects + d.client.reconnects
    found.faults += _errors(stage)[errors:][-20:]
    found.faults += [] if node.pid and not node.gone.is_set() else ["the node died"]
    return found


async def _talk(device: Device) -> None:
    while True:
        device.say(device.follows[0])
        await asyncio.sleep(1.2)


async def _bothered(address: str, stage: Stage, found: Fuzzed, frames: int, chance: Random) -> None:
    """Some at once, patients and staff in turn, each with a new socket whenever the last one was taken from them."""
    nonsense, most = Nonsense(chance, stage.people.conversations[:1]), found.frames + frames

    async def bother(token: str) -> None:
        while found.frames < most:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(
                    address + "/v1/chat/ws", subprotocols=[PROTOCOL], compression=None, ping_interval=None,
                    max_size=2**24, close_timeout=0.2, open_timeout=20,
                ) as socket:  # fmt: skip
                    await _pour(socket, token, nonsense, chance, found)

    tokens = (stage.people.patients[0].token, stage.people.staff[0].token)
    await asyncio.gather(*(bother(token) for token in tokens * (_AT_ONCE // len(tokens))))


async def _pour(socket: ClientConnection, token: str, nonsense: Nonsense, chance: Random, found: Fuzzed) -> None:
    """Some frames and a ping, whose answer says that they were all looked at; again, until the node has enough."""
    try:
        if chance.random() < 0.97:
            await socket.send(json.dumps({"t": "hello", "tok": token}))
            found.answers[json.loads(await socket.recv())["t"]] += 1
        for _ in range(_PER_SOCKET // _BETWEEN_PINGS):
            for _ in range(_BETWEEN_PINGS):
                await socket.send(nonsense.frame())
            await socket.send('{"t":"ping"}')
            found.frames += _BETWEEN_PINGS
            await _until_pong(socket, found)
    except ConnectionClosed as end:
        found.ends[end.rcvd.code if end.rcvd else 1006] += 1


async def _until_pong(socket: ClientConnection, found: Fuzzed) -> None:
    async with asyncio.timeout(10):
        while True:
            heard = json.loads(await socket.recv())
            found.answers[str(heard.get("code", heard["t"]))] += 1
            if heard["t"] == "pong":
                return


def _errors(stage: Stage) -> list[str]:
    """Lines that nodes have logged of their own mistakes, so far."""
    return (stage.nodes.folder / ERRORS).read_text().splitlines()


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
