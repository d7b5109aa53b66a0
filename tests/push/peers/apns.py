"""Apple, played by a real HTTP/2 server over TLS: it checks the token and the headers, and answers as it is told."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, PingReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings

from core import clock
from tests.push.peers.authority import serving
from tests.push.peers.tokens import claims_of

EVERYTHING = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer.

    `how`: `lost` (the connection is torn), `hang`, `garbage` (no HTTP/2), `huge`, `drip`, `refused` and `broken` (the
    stream is reset), `goodbye` (GOAWAY from this stream on), `last` (answered after a GOAWAY that spares it).
    """

    status: int = 200
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    timestamp: int | None = None
    how: str = ""
    raw: bytes | None = None

    @property
    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        more = {} if self.timestamp is None else {"timestamp": self.timestamp}
        return json.dumps({"reason": self.reason, **more}).encode() if self.reason else b""


@dataclass(slots=True)
class Came:
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ApnsPeer:
    """`script` holds the next replies; `connections` counts those that spoke TLS.

    `most`: how many streams a connection may have. `answers_open` closed, requests arrive and hang. `pongs`: whether
    pings are answered. `settles`: whether a connection gets its SETTINGS, without which nobody may send.
    """

    def __init__(self, key: ec.EllipticCurvePublicKey, *, most: int = 1000, protocol: str = "h2") -> None:
        self.key = key
        self.most = most
        self.protocol = protocol
        self.script: deque[Reply] = deque()
        self.came: list[Came] = []
        self.tokens: set[str] = set()
        self.connections = 0
        self.widest = 0
        self.pongs = self.settles = True
        self.window = 65_535
        self.answers_open = asyncio.Event()
        self.answers_open.set()
        self.arrived = asyncio.Condition()
        self.at = ("127.0.0.1", 0)
        self.open: list[_Connection] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        made: Callable[[], _Connection] = lambda: _Connection(self)  # noqa: E731  asyncio wants a factory
        self._server = await loop.create_server(made, "127.0.0.1", 0, ssl=serving(self.protocol))
        self.at = ("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.answers_open.set()
        assert self._server is not None
        self._server.close()
        for each in self.open:
            each.transport.abort()
        await asyncio.sleep(0)

    async def has(self, count: int) -> None:
        """Until so many requests came."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.came) >= count)

    def judged(self, came: Came) -> Reply:
        """Apple's own rules first, then the script."""
        headers = came.headers
        scheme, token = headers["authorization"].split(" ")
        header, claims = claims_of(token, self.key)
        assert (scheme, header) == ("bearer", {"alg": "ES256", "kid": "ABC123DEFG"})
        assert claims["iss"] == "DEF123GHIJ"
        assert abs(claims["iat"] - clock.now().timestamp()) < 3600
        self.tokens.add(token)
        assert headers[":method"] == "POST"
        assert headers["apns-topic"] == "it.example.clinic"
        assert headers["apns-push-type"] in {"alert", "background"}
        assert len(came.body) <= 4096
        if headers[":path"] == "/3/device/" + "0" * 64:
            return self.script.popleft() if self.script else Reply(400, "BadDeviceToken")
        return self.script.popleft() if self.script else Reply()


class _Connection(asyncio.Protocol):
    def __init__(self, peer: ApnsPeer) -> None:
        self._peer = peer
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, Came] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self.transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by their class.
        self.transport = cast("asyncio.WriteTransport", transport)
        self._peer.connections += 1
        self._peer.open.append(self)
        if self._peer.settles:
            bounds = {
                SettingCodes.MAX_CONCURRENT_STREAMS: self._peer.most,
                SettingCodes.INITIAL_WINDOW_SIZE: self._peer.window,
            }
            self._h2.local_settings = Settings(client=False, initial_values=bounds)
            self._h2.initiate_connection()
            self._flush()

    def data_received(self, data: bytes) -> None:
        if not self._peer.settles:
            return
        for event in self._h2.receive_data(data):
            self._happened(event)
        self._flush()

    def _happened(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._requests[event.stream_id or 0] = Came(dict(event.headers))  # type: ignore[arg-type]
                self._peer.widest = max(self._peer.widest, len(self._requests))
            case DataReceived():
                self._requests[event.stream_id or 0].body += event.data or b""
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            case StreamEnded():
                task = asyncio.create_task(self._answer(event.stream_id or 0))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            case StreamReset():
                self._requests.pop(event.stream_id or 0, None)
            case ConnectionTerminated():
                self.transport.close()
            case PingReceived() if not self._peer.pongs:
                self._h2.clear_outbound_data_buffer()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        for task in self._under_way:
            task.cancel()

    async def _answer(self, number: int) -> None:
        came = self._requests[number]
        self._peer.came.append(came)
        async with self._peer.arrived:
            self._peer.arrived.notify_all()
        reply = self._peer.judged(came)
        await self._peer.answers_open.wait()
        if reply.how == "hang":
            return
        with suppress(KeyError):
            del self._requests[number]
        match reply.how:
            case "lost":
                self.transport.abort()
            case "garbage":
                self.transport.write(b"\0\1\2 this is no HTTP/2 at all, whatever it may be")
            case "refused":
                self._h2.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            case "broken":
                self._h2.reset_stream(number, ErrorCodes.INTERNAL_ERROR)
            case "goodbye":
                self._goodbye(max(number - 2, 0))
            case _:
                await self._answered(number, reply, came.headers["apns-id"])
        self._flush()

    async def _answered(self, number: int, reply: Reply, apns_id: str) -> None:
        if reply.how == "last":
            self._goodbye(number)
        self._h2.send_headers(number, [(":status", str(reply.status)), ("apns-id", apns_id), *reply.headers.items()])
        pieces = [bytes([each]) for each in reply.body] if reply.how == "drip" else [reply.body]
        if reply.how == "huge":
            pieces = [b"x" * 16_000] * 4 + [b"x" * 1_000]
        for piece in pieces:
            self._h2.send_data(number, piece)
            self._flush()
            await asyncio.sleep(0.005 if reply.how == "drip" else 0)
        self._h2.end_stream(number)

    def _goodbye(self, last: int) -> None:
        """h2 would say nothing more after a GOAWAY; Apple answers what it still had."""
        state = self._h2.state_machine.state
        self._h2.close_connection(last_stream_id=last, additional_data=b'{"reason":"Shutdown"}')
        self._h2.state_machine.state = state

    def _flush(self) -> None:
        if (left := self._h2.data_to_send()) and not self.transport.is_closing():
            self.transport.write(left)
