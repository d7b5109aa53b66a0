"""The provider that the push benchmarks send to, a process of its own: FCM's send and a token endpoint, plain HTTP.

HTTP/1.1, and HTTP/2 to who begins with its preface, as firebase-admin speaks to FCM. It counts requests and the ids in
them, so that what comes twice is seen. `POST /_begin` takes a `Script` and forgets all, `GET /_seen` gives `Seen`.
"""

import asyncio
import json
import random
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import httptools
import uvloop
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes

_PREFACE = b"PRI * HTTP/2.0"
_MID = re.compile(rb'"mid":\s*"([^"]+)"')
_TOKEN = re.compile(rb'"token":\s*"([^"]+)"')
_ANSWER = b'{"name": "projects/bench/messages/0:1700000000000000%%31bd1c9631bd1c96"}'
_WINDOW = 2**30
_dice = random.Random(20261123)  # noqa: S311  who is throttled


@dataclass(frozen=True, slots=True)
class Script:
    """`latency`: seconds until each answer. Of the requests `throttled` are answered 429, each by chance; tokens that
    end so are dead.
    """

    latency: float = 0.0
    throttled: float = 0.0
    dead_suffix: str = ""


@dataclass(slots=True)
class Seen:
    """What came since the script began; `first` and `last` in seconds of the wall clock."""

    hits: int = 0
    distinct: int = 0
    accepted: int = 0
    doubled: int = 0
    """Ids that were accepted more than once."""
    throttled: int = 0
    dead: int = 0
    first: float = 0.0
    last: float = 0.0


@dataclass(slots=True)
class Sink:
    script: Script = field(default_factory=Script)
    seen: Seen = field(default_factory=Seen)
    ids: set[bytes] = field(default_factory=set)
    taken: set[bytes] = field(default_factory=set)

    def answer(self, method: bytes, path: bytes, body: bytes) -> tuple[int, bytes, float]:
        """Status, body, and after how long."""
        if path.endswith(b"messages:send"):
            return *self._sent(body), self.script.latency
        if path == b"/_begin":
            self.script, self.seen = Script(**json.loads(body)), Seen()
            self.ids.clear()
            self.taken.clear()
            return 200, b"{}", 0.0
        if path == b"/_seen":
            self.seen.distinct = len(self.ids)
            return 200, json.dumps(asdict(self.seen)).encode(), 0.0
        if path == b"/token" and method == b"POST":
            return 200, b'{"access_token": "a-token-as-long-as-they-are", "expires_in": 3600}', 0.0
        return 404, b"{}", 0.0

    def _sent(self, body: bytes) -> tuple[int, bytes]:
        seen, at = self.seen, time.time()
        seen.first, seen.last = seen.first or at, at
        seen.hits += 1
        mid = _found(_MID, body)
        self.ids.add(mid)
        if self.script.throttled and _dice.random() < self.script.throttled:
            seen.throttled += 1
            return 429, _refused(429, "QUOTA_EXCEEDED")
        if self.script.dead_suffix and _found(_TOKEN, body).endswith(self.script.dead_suffix.encode()):
            seen.dead += 1
            return 404, _refused(404, "UNREGISTERED")
        seen.accepted += 1
        seen.doubled += mid in self.taken
        self.taken.add(mid)
        return 200, _ANSWER


def _found(pattern: re.Pattern[bytes], body: bytes) -> bytes:
    found = pattern.search(body)
    return found[1] if found else b""


def _refused(status: int, code: str) -> bytes:
    return json.dumps({"error": {"code": status, "status": code, "details": [{"errorCode": code}]}}).encode()


class Talk(asyncio.Protocol):
    """One connection, of whichever HTTP it turns out to be."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._spoken: Http1 | Http2 | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._spoken is None:
            is_two = data.startswith(_PREFACE)
            self._spoken = (Http2 if is_two else Http1)(self._sink, self._transport)
        self._spoken.take(data)


class Http1:
    """One request after the other."""

    def __init__(self, sink: Sink, transport: Any) -> None:
        self._sink, self._transport = sink, transport
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._body = b"", bytearray()

    def take(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path = url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status, answer, after = self._sink.answer(self._parser.get_method(), self._path, bytes(self._body))
        self._body.clear()
        more = b"retry-after: 1\r\n" if status == 429 else b""
        head = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"
        whole = head % (status, more, len(answer)) + answer
        if after:
            asyncio.get_running_loop().call_later(after, self._write, whole)
        else:
            self._write(whole)

    def _write(self, whole: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(whole)


class Http2:
    """As many at once as FCM lets through: 100 streams."""

    def __init__(self, sink: Sink, transport: Any) -> None:
        self._sink, self._transport = sink, transport
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 100
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_WINDOW)
        self._bodies: dict[int, tuple[bytes, bytearray]] = {}

    def take(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, RequestReceived):
                path = next(bytes(value) for name, value in event.headers if name == b":path")
                self._bodies[event.stream_id] = (path, bytearray())
            elif isinstance(event, DataReceived):
                self._bodies[event.stream_id][1].extend(event.data)
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._ended(event.stream_id)
        self._flush()

    def _ended(self, stream: int) -> None:
        path, body = self._bodies.pop(stream)
        status, answer, after = self._sink.answer(b"POST", path, bytes(body))
        asyncio.get_running_loop().call_later(after, self._answer, stream, status, answer)

    def _answer(self, stream: int, status: int, answer: bytes) -> None:
        if self._transport.is_closing():
            return
        self._h2.send_headers(stream, [(b":status", b"%d" % status), (b"content-type", b"application/json")])
        self._h2.send_data(stream, answer, end_stream=True)
        self._flush()

    def _flush(self) -> None:
        self._transport.write(self._h2.data_to_send())


async def _served(port: int) -> None:
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: Talk(sink), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_served(int(sys.argv[1])))
