"""A gateway of HTTP, played by raw sockets that answer as they are told and remember every byte that came."""

import asyncio
import contextlib
import ssl
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import msgspec


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer. `lost`: taken, then the connection is torn; `hang`: taken, then silence; `drip`: a byte at a
    time, for ever.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    hang: bool = False
    drip: bool = False
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.body)


class GatewayPeer:
    """`script` holds the next replies; `requests` what came, `connections` how often somebody connected."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.script: deque[Reply] = deque()
        self.requests: list[Asked] = []
        self.connections = 0
        self._context = context
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answered(reader, writer):
                pass
        writer.transport.abort()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append(Asked(method, path, headers, body))
        reply = self.script.popleft() if self.script else Reply()
        if reply.lost:
            return False
        if reply.hang:
            await asyncio.sleep(30)
        writer.write(reply.raw or _written(reply))
        await writer.drain()
        while reply.drip:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)
        return not reply.raw


def _written(reply: Reply) -> bytes:
    length = 10**6 if reply.drip else len(reply.body)
    headers = {"content-type": "application/json", "content-length": str(length), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + reply.body
