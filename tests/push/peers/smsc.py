"""A message center that answers as it is told, remembers every PDU, and reads and writes them with another's codec."""

import asyncio
import contextlib
import ssl
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import smpp34

BINDS, SUBMIT, DELIVER, UNBIND, ENQUIRE, NACK, ANSWER = (0x02, 0x09), 0x04, 0x05, 0x06, 0x15, 0x80000000, 0x80000000
_HEADER = struct.Struct(">IIII")


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer to a `submit_sm`. `lost`: taken, then the connection is torn; `hang`: taken, then silence."""

    status: int = 0
    message_id: str = ""
    lost: bool = False
    hang: bool = False
    nack: bool = False
    raw: bytes = b""


@dataclass
class SmscPeer:
    """`script` holds the next replies; without one a message is accepted and named `id-<n>`."""

    context: ssl.SSLContext | None = None
    script: deque[Reply] = field(default_factory=deque)
    bind_status: int = 0
    bind_hangs: bool = False
    deaf: bool = False
    """Answers no `enquire_link`."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Closed, submits are taken and wait for their answer."""
    connections: int = 0
    binds: list[tuple[int, str, str, str]] = field(default_factory=list)
    submits: list[smpp34.SubmitSm] = field(default_factory=list)
    answers: list[tuple[int, int, int]] = field(default_factory=list)
    """Command, status and sequence of what was answered to the center."""
    enquiries: int = 0
    unbinds: int = 0
    most_in_flight: int = 0
    port: int = 0
    _in_flight: int = 0
    _writer: asyncio.StreamWriter | None = None
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def start(self) -> None:
        self.gate.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def say(self, raw: bytes) -> None:
        assert self._writer is not None
        self._writer.write(raw)

    def hang_up(self) -> None:
        assert self._writer is not None
        self._writer.transport.abort()

    async def answered(self, many: int) -> list[tuple[int, int, int]]:
        """What the other side answered, once it is `many`."""
        await self.until(lambda: len(self.answers) >= many)
        return self.answers

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits until what has come makes `true` so."""
        async with self._told, asyncio.timeout(10):
            await self._told.wait_for(true)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections, self._writer = self.connections + 1, writer
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            while True:
                header = await reader.readexactly(16)
                length, command, status, sequence = _HEADER.unpack(header)
                raw = header + await reader.readexactly(length - 16)
                self._take(writer, command, status, sequence, raw)
                async with self._told:
                    self._told.notify_all()
        writer.transport.abort()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    def _take(self, writer: asyncio.StreamWriter, command: int, status: int, sequence: int, raw: bytes) -> None:
        if command & ANSWER:
            self.answers.append((command, status, sequence))
        elif command in BINDS:
            system_id, password, system_type = (each.decode() for each in raw[16:].split(b"\0")[:3])
            self.binds.append((command, system_id, password, system_type))
            if not self.bind_hangs:
                body = b"center\0" if self.bind_status == 0 else b""
                writer.write(_pdu(command | ANSWER, self.bind_status, sequence, body))
        elif command == SUBMIT:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            sent = smpp34.decode(raw)
            assert isinstance(sent, smpp34.SubmitSm)
            self.submits.append(sent)
            self._tasks.add(asyncio.create_task(self._submit(writer, sequence, len(self.submits))))
        elif command == ENQUIRE:
            self.enquiries += 1
            if not self.deaf:
                writer.write(_pdu(ENQUIRE | ANSWER, 0, sequence))
        else:
            assert command == UNBIND
            self.unbinds += 1
            writer.write(_pdu(UNBIND | ANSWER, 0, sequence))

    async def _submit(self, writer: asyncio.StreamWriter, sequence: int, place: int) -> None:
        reply = self.script.popleft() if self.script else Reply()
        await self.gate.wait()
        self._in_flight -= 1
        if reply.lost:
            writer.transport.abort()
        elif reply.raw:
            writer.write(reply.raw)
        elif reply.nack:
            writer.write(_pdu(NACK, reply.status, sequence))
        elif not reply.hang:
            body = (reply.message_id or f"id-{place}").encode() + b"\0" if reply.status == 0 else b""
            writer.write(_pdu(SUBMIT | ANSWER, reply.status, sequence, body))


def _pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(16 + len(body), command, status, sequence) + body
