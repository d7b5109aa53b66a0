"""One HTTP/2 connection (RFC 9113) that posts small bodies side by side, and says of each whether it may have arrived.

A request goes out whole or not at all: it waits until the server has room for its stream and its body. So what waited
in vain surely did not leave, and what the server says it did not take (GOAWAY, REFUSED_STREAM) surely did not arrive.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error

from push.http2_frames import Frames

Headers = Sequence[tuple[str, str]]
LARGEST_ANSWER = 64 * 1024
_MOST_STREAMS = 256  # h2 counts them all for each new one
# It would write down every header that it codes, and a device's token is part of one.
logging.getLogger("hpack").setLevel(logging.WARNING)


class Unsent(Exception):
    """It surely did not arrive. Its one argument is a code of why."""


class Lost(Exception):
    """It left, and nobody will say what became of it. Its one argument is a code of why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers`: their names in lower case. `body`: its first 64 KiB."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class _Stream:
    """One request under way."""

    answer: "asyncio.Future[Answer]"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    """Whether nothing more comes; an answer that is cut off too long has not ended."""


class Connection(asyncio.Protocol):
    """What `loop.create_connection` makes. It belongs to its loop alone."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._transport: asyncio.WriteTransport | None = None
        self._frames = Frames()
        self._streams: dict[int, _Stream] = {}
        self._queue: deque[asyncio.Future[None]] = deque()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._pong: asyncio.Future[None] | None = None
        self._flushes = False
        self._heard_at = self._loop.time()
        self._doubted = False
        self.is_open = True
        """Whether it takes more requests; those under way are answered even when not."""

    async def ready(self) -> None:
        """Until the server has said how much it takes at once. Raises `Unsent`."""
        await asyncio.shield(self._ready)

    async def post(self, headers: Headers, body: bytes, until: float) -> Answer:
        """One request and its answer, until the loop's time `until`. Raises `Unsent` or `Lost`."""
        try:
            async with asyncio.timeout_at(until):
                await self._room(len(body))
        except TimeoutError:
            raise Unsent("no-room") from None
        number = self._begin(headers, body)
        try:
            async with asyncio.timeout_at(until):
                return await self._streams[number].answer
        except TimeoutError:
            self._doubted = True
            raise Lost("answer-lost") from None
        finally:
            self._leave(number)

    def is_fresh(self, seconds: float) -> bool:
        """Whether the server was heard within `seconds`, and owes no answer that somebody waited for in vain."""
        return self.is_open and not self._doubted and self._loop.time() < self._heard_at + seconds

    async def is_alive(self, seconds: float) -> bool:
        """Ask the server to answer; something between may have forgotten the connection."""
        if not self.is_open:
            return False
        if self._pong is None:
            self._pong = self._loop.create_future()
            self._h2.ping(b"enamel\0\0")
            self._flush()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._pong)
        except (TimeoutError, Unsent):
            return False
        return True

    def retire(self) -> None:
        """Take no more; close when the last answer is there."""
        self._shut("going-away")
        if not self._streams:
            self.close()

    def close(self) -> None:
        """At once: what is under way is lost."""
        self._shut("closed")
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by their class.
        self._transport = cast("asyncio.WriteTransport", transport)
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._flush()  # h2 throws away what still waits when the server says goodbye
        self._heard_at = self._loop.time()
        try:
            for frame in self._frames.of(data):
                for event in self._h2.receive_data(frame):
                    self._happened(event)
        except (H2Error, ValueError):
            self.close()
            return
        self._flush()
        self._let_in()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._shut("no-connection")
        for stream in self._streams.values():
            _fail(stream.answer, Lost("answer-lost"))

    # The rest is its own.

    def _happened(self, event: Event) -> None:
        match event:
            case RemoteSettingsChanged():
                _done(self._ready)
            case PingAckReceived():
                _done(self._pong)
                self._pong, self._doubted = None, False
            case ConnectionTerminated():
                self._said_goodbye(event.last_stream_id or 0)
            case _:
                self._happened_to_a_stream(event)

    def _happened_to_a_stream(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                if stream := self._streams.get(event.stream_id or 0):
                    stream.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            case DataReceived():
                self._took(event)
            case StreamEnded():
                self._answered(event.stream_id or 0, ended=True)
            case StreamReset():
                self._refused(event.stream_id or 0, event.error_code)

    def _took(self, event: DataReceived) -> None:
        self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        if stream := self._streams.get(event.stream_id or 0):
            stream.body += event.data or b""
            if len(stream.body) > LARGEST_ANSWER:
                self._answered(event.stream_id or 0)

    def _answered(self, number: int, *, ended: bool = False) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.ended = ended
        if not stream.answer.done():
            status = int(stream.headers.get(":status", "0"))
            stream.answer.set_result(Answer(status, stream.headers, bytes(stream.body[:LARGEST_ANSWER])))

    def _refused(self, number: int, code: object) -> None:
        """RFC 9113, 8.7: a refused stream was not processed at all."""
        if stream := self._streams.get(number):
            stream.ended, never = True, code == ErrorCodes.REFUSED_STREAM
            _fail(stream.answer, Unsent("refused-stream") if never else Lost("answer-lost"))

    def _said_goodbye(self, last: int) -> None:
        """RFC 9113, 6.8: streams past `last` were not processed; the others are still answered, which h2 forbids."""
        self._h2.state_machine.state = ConnectionState.CLIENT_OPEN
        for number, stream in self._streams.items():
            if number > last:
                _fail(stream.answer, Unsent("going-away"))
        self.retire()

    async def _room(self, length: int) -> None:
        """Until the server takes one more stream and the whole of its body."""
        while self.is_open and (self._queue or not self._has_room(length)):
            turn = self._loop.create_future()
            self._queue.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._let_in()  # the turn it may have had is another's
                raise
            if self.is_open and self._has_room(length):
                return
        if not self.is_open:
            raise Unsent("going-away")

    def _has_room(self, length: int) -> bool:
        window = min(self._h2.outbound_flow_control_window, self._h2.remote_settings.initial_window_size)
        return len(self._streams) < self._most_streams() and length <= window

    def _most_streams(self) -> int:
        return min(self._h2.remote_settings.max_concurrent_streams, _MOST_STREAMS)

    def _let_in(self) -> None:
        free = self._most_streams() - len(self._streams)
        while self._queue and free > 0:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def _begin(self, headers: Headers, body: bytes) -> int:
        """From here on it may arrive."""
        try:
            number = self._h2.get_next_available_stream_id()
            self._h2.send_headers(number, headers)
            self._h2.send_data(number, body, end_stream=True)
        except H2Error:
            self.retire()
            raise Unsent("no-stream") from None
        self._streams[number] = _Stream(self._loop.create_future())
        if not self._flushes:
            self._flushes = True
            self._loop.call_soon(self._flush)  # those that begin together leave in one write
        return number

    def _leave(self, number: int) -> None:
        stream = self._streams.pop(number)
        if not stream.ended:
            with suppress(H2Error):
                self._h2.reset_stream(number, ErrorCodes.CANCEL)
                self._flush()
        self._let_in()
        if not self.is_open and not self._streams:
            self.close()

    def _shut(self, why: str) -> None:
        self.is_open = False
        _fail(self._ready, Unsent(why))
        _fail(self._pong, Unsent(why))
        while self._queue:
            _done(self._queue.popleft())

    def _flush(self) -> None:
        self._flushes = False
        if self._transport is not None and not self._transport.is_closing() and (left := self._h2.data_to_send()):
            self._transport.write(left)


def _done(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _fail(future: "asyncio.Future[None] | asyncio.Future[Answer] | None", error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)
        future.exception()  # heard, though nobody may be waiting
