"""Holds one connection to a message center: what is asked and answered over it, until either side ends it.

A `deliver_sm` is answered only after `keep` has it where a crash cannot take it; until then the center keeps it too,
and sends it again over the next session.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from push.smpp.pdu import HEADER, RESPONSE, Command, Pdu, Status, body_length, framed, parsed

_MOST_DELIVERIES = 20
_LAST_SEQUENCE = 0x7FFFFFFF
_UNBIND_SECONDS = 2.0
_ENQUIRE_ANSWER_SECONDS = 10.0

Keep = Callable[[bytes], Awaitable[None]]


class NotBound(Exception):
    """The session had ended before a byte of this was written."""


class SessionLost(Exception):
    """The session ended after it was written: it may have been done."""


class Session:
    """One session. Make it with an open connection where the event loop runs; `end` or `unbind` it there."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: Keep, window: int, enquire: float
    ) -> None:
        self._reader, self._writer, self._keep = reader, writer, keep
        self.turn = asyncio.Semaphore(window)
        self.ended = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[Pdu]] = {}
        self._sequence = 0
        self._delivering = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._read())
        self._start(self._enquire(enquire))

    async def ask(self, command: int, body: bytes, until: float) -> Pdu:
        """The answer to one PDU. Raises `NotBound`, `SessionLost`, or TimeoutError, which leaves the session be."""
        if self.ended.is_set():
            raise NotBound
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        sequence = self._sequence
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = answer
        try:
            self._write(Pdu(command, Status.OK, sequence, body))
            async with asyncio.timeout_at(until):
                await self._writer.drain()
                return await answer
        except TimeoutError:  # an OSError too, but the session is not to blame
            raise
        except OSError:
            self.end()
            raise SessionLost from None
        finally:
            self._waiting.pop(sequence, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # nobody may have waited for it

    async def unbind(self) -> None:
        """End it as the protocol has it, and wait until nothing of it runs."""
        until = asyncio.get_running_loop().time() + _UNBIND_SECONDS
        with contextlib.suppress(NotBound, SessionLost, TimeoutError):
            await self.ask(Command.UNBIND, b"", until)
        self.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def end(self) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(SessionLost())
        self._writer.transport.abort()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write(self, pdu: Pdu) -> None:
        if not self.ended.is_set():
            self._writer.write(framed(pdu))

    async def _read(self) -> None:
        """What is no PDU ends the session: nothing behind it can be understood."""
        try:
            while not self.ended.is_set():
                header = await self._reader.readexactly(HEADER.size)
                body = await self._reader.readexactly(body_length(header))
                self._take(parsed(header, body))
        except (OSError, EOFError, ValueError):
            pass
        finally:
            self.end()

    def _take(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            answer = self._waiting.get(pdu.sequence)
            if answer is not None and not answer.done():
                answer.set_result(pdu)
        elif pdu.command == Command.DELIVER_SM:
            self._take_delivery(pdu)
        elif pdu.command == Command.ENQUIRE_LINK:
            self._answer(pdu)
        elif pdu.command == Command.UNBIND:
            self._answer(pdu)
            self._start(self._leave())
        elif pdu.command != Command.ALERT_NOTIFICATION:
            self._write(Pdu(Command.GENERIC_NACK, Status.INVALID_COMMAND, pdu.sequence))

    def _answer(self, pdu: Pdu, status: int = Status.OK) -> None:
        # The answer to a delivery has an empty message_id, and no other answer of ours has a body.
        body = b"\0" if pdu.command == Command.DELIVER_SM else b""
        self._write(Pdu(pdu.command | RESPONSE, status, pdu.sequence, body))

    async def _leave(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.drain()
        self._writer.close()
        self.end()

    def _take_delivery(self, pdu: Pdu) -> None:
        if self._delivering >= _MOST_DELIVERIES:
            self._answer(pdu, Status.QUEUE_FULL)
            return
        self._delivering += 1
        self._start(self._deliver(pdu))

    async def _deliver(self, pdu: Pdu) -> None:
        try:
            await self._keep(pdu.body)
        except Exception:  # noqa: BLE001  whatever it was: it is not kept, so the center must keep it
            self._answer(pdu, Status.TEMPORARY)
        else:
            self._answer(pdu)
        finally:
            self._delivering -= 1

    async def _enquire(self, every: float) -> None:
        """A center that does not answer is gone, though its connection seems to stand."""
        loop = asyncio.get_running_loop()
        try:
            while not self.ended.is_set():
                await asyncio.sleep(every)
                await self.ask(Command.ENQUIRE_LINK, b"", loop.time() + min(every, _ENQUIRE_ANSWER_SECONDS))
        except (NotBound, SessionLost, TimeoutError):
            self.end()
