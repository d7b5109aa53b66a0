"""Where a node of the proof dies by its own hand, with SIGKILL. The product has no such places: they are made here."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Any

import asyncpg

from chat.listener import Listener
from chat.wakeups import PostgresWakeups
from chat.wakeups.gathered import Line
from core.database import Database

_ACK = '{"t":"ack"'


class Failpoint(StrEnum):
    """The four moments of a send at which being killed tells."""

    NEVER = "never"
    BEFORE_COMMIT = "before commit"
    AFTER_COMMIT = "after commit"
    AFTER_ACK = "after ack"
    AFTER_NOTIFY = "after notify"


KILLING = (Failpoint.BEFORE_COMMIT, Failpoint.AFTER_COMMIT, Failpoint.AFTER_ACK, Failpoint.AFTER_NOTIFY)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Countdown:
    """True at the `at`-th call, and only there."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self) -> bool:
        self._left -= 1
        return self._left == 0


def keeps_messages(sql: str, arguments: tuple[Any, ...]) -> bool:
    """Whether this trip is a batch of sends with a message in it."""
    return "chat_all" in sql and any('"op":"msg"' in str(each) for each in arguments)


class Death:
    """How this process ends; both of the following ask it. Never, until it is told otherwise."""

    def __init__(self) -> None:
        self.failpoint = Failpoint.NEVER
        self.is_here = Countdown(0)
        self.is_near = False

    def await_at(self, failpoint: Failpoint, at: int) -> None:
        self.failpoint, self.is_here = failpoint, Countdown(at)
        if failpoint is Failpoint.AFTER_ACK:
            self._follow_acks()

    def _follow_acks(self) -> None:
        offered, death = Listener.offer, self

        def offer(self: Listener, frame: str, *, hint: bool = False, later: bool = False) -> None:
            offered(self, frame, hint=hint, later=later)
            if frame.startswith(_ACK) and death.is_here():
                death.is_near = True
                asyncio.get_running_loop().call_later(0.01, die)  # the loop writes what it was given first

        Listener.offer = offer  # type: ignore[method-assign]  # of this process, which is about to end


class DyingDatabase(Database):
    """Dies with a batch of sends done but not committed, or committed but not answered."""

    def __init__(self, url: str, death: Death) -> None:
        super().__init__(url, pool=4)
        self._death = death

    async def trip(self, sql: str, *arguments: Any, sweeping: bool = False) -> bytes | None:
        dies_here = self._death.failpoint in (Failpoint.BEFORE_COMMIT, Failpoint.AFTER_COMMIT)
        if dies_here and keeps_messages(sql, arguments) and self._death.is_here():
            await self._last_trip(sql, *arguments)
        return await super().trip(sql, *arguments, sweeping=sweeping)

    async def _last_trip(self, sql: str, *arguments: Any) -> None:
        if self._death.failpoint is Failpoint.AFTER_COMMIT:
            await super().trip(sql, *arguments)
            die()

        async def done_but_not_committed(driver: asyncpg.Connection) -> None:
            await driver.execute("begin")
            await driver.fetchval(sql, *arguments)
            die()

        await self._asked(self._app, sql, done_but_not_committed)


class DyingWakeups(PostgresWakeups):
    """Dies between an ack and its wake-up, or right after the wake-up. A `deaf` one loses everything."""

    def __init__(self, url: str, death: Death, *, deaf: bool = False) -> None:
        super().__init__(url, pause_seconds=0.3)
        self._death = death
        self.deaf = deaf

    async def listen(self, *heard: Any, **named: Any) -> None:
        if not self.deaf:
            await super().listen(*heard, **named)

    def publish(self, *what: Any, **named: Any) -> None:
        if not self.deaf:
            super().publish(*what, **named)

    @asynccontextmanager
    async def _connected(self, *ways: Any) -> AsyncIterator[Line]:
        async with super()._connected(*ways) as line:

            async def send(text: str) -> None:
                if self._death.is_near:
                    return
                await line.send(text)
                if self._death.failpoint is Failpoint.AFTER_NOTIFY and self._death.is_here():
                    die()

            yield replace(line, send=send)
