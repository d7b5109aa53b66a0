"""A real server of the API on a loopback port, and a chat client that checks every frame against the document."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.ports import Ports
from chat.conversation import Rate
from chat.hub import Hub
from chat.wakeups import Wakeups
from core.database import Database
from core.ids import new_id
from enamel.serve import Draining, uvicorn_config
from tests.frames_seen import check
from tests.world import World

PROTOCOL = Subprotocol("enamel.chat.v1")
UNHURRIED = Rate(10_000, 0.001)
"""Of sockets opened from one address: all tests are one."""


@contextmanager
def node(
    world: World,
    url: str,
    wakeups: Wakeups,
    *,
    sweep_seconds: float = 1.0,
    ping_seconds: float = 25.0,
    handshakes: Rate = UNHURRIED,
) -> Iterator[str]:
    """One process's worth of Enamel in a thread with its own loop and pool; its address without a scheme."""
    database = Database(url, pool=4)
    hub = Hub(database, wakeups, sweep_seconds=sweep_seconds, ping_seconds=ping_seconds, handshakes=handshakes)
    ports = Ports(
        database=database,
        keys=world.keys,
        texts=world.ports.texts,
        storage=world.ports.storage,
        hub=hub,
        public_url=world.ports.public_url,
        seal=world.ports.seal,
        origins=frozenset({"https://clinic.example"}),
        payments=world.ports.payments,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = Draining(uvicorn_config(ports, {"127.0.0.1"}, timeout_graceful_shutdown=5), hub.drain)

    async def serve() -> None:
        try:
            await server.serve(sockets=[listening])
        finally:
            await database.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listening.close()
        assert not thread.is_alive()


# What may come between a question and its answer.
_PASSED_OVER = ("ev", "ping", "ack", "inbox", "typing", "desk")


class Phone:
    """A chat client: says frames, waits for frames, and holds each against the AsyncAPI document."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, kind: str, **members: Any) -> None:
        await self.raw(json.dumps({"t": kind, **members}))
        check("client", {"t": kind, **members})

    async def raw(self, text: str | bytes) -> None:
        await self.connection.send(text)

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, or the next of this kind; pings are answered on the way."""
        async with asyncio.timeout(15):
            while True:
                frame: dict[str, Any] = json.loads(await self.connection.recv())
                check("server", frame)
                if frame["t"] == "ping":
                    await self.say("pong")
                if kind in (None, frame["t"]):
                    return frame
                assert frame["t"] in _PASSED_OVER, f"waiting for {kind}, heard {frame}"

    async def post(self, body: str, *, name: str | None = None, **to: Any) -> dict[str, Any]:
        await self.say("send", id=name or str(new_id()), op="msg", body=body, **to)
        return await self.hear("ack")

    async def watch(self, c: str) -> None:
        """Hear a conversation's events from here on."""
        await self.say("watch", c=c, on=True)
        await self.say("ping")
        await self.hear("pong")

    async def closed(self) -> int:
        """The code the server closed with, after whatever it still said."""
        async with asyncio.timeout(15):
            try:
                while True:
                    check("server", json.loads(await self.connection.recv()))
            except ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else 1006


@asynccontextmanager
async def dialled(address: str, **options: Any) -> AsyncIterator[Phone]:
    """An open socket that has not said hello."""
    options = {"subprotocols": [PROTOCOL], "compression": None, "ping_interval": None, "max_size": 2**24, **options}
    async with connect(f"ws://{address}/v1/chat/ws", **options) as connection:
        yield Phone(connection)


@asynccontextmanager
async def greeted(address: str, token: str, **hello: Any) -> AsyncIterator[tuple[Phone, dict[str, Any]]]:
    """A socket after its hello, and the welcome."""
    async with dialled(address) as phone:
        await phone.say("hello", tok=token, **hello)
        yield phone, await phone.hear("welcome")
