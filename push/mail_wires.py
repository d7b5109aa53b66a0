"""The open connections to one relay: kept for the next mail, and never too many.

Where the relay's name leads is judged before every connection, and exactly that is connected to.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from core.guarded_resolver import GuardedResolver, HostRefused
from push.mail_line import MailLine
from push.mail_wire import Refused, Wire, opened
from push.outcome import Outcome, Result


class Wires:
    """Made on any loop, used on one."""

    def __init__(self, line: MailLine, private_hosts: Collection[str]) -> None:
        self._line = line
        self._resolver = GuardedResolver(frozenset(host.lower() for host in private_hosts))
        self._room = asyncio.Semaphore(line.connections)
        self._free: list[Wire] = []
        self._context: ssl.SSLContext | None = None

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Wire]:
        """A connection that is ready for a mail; it is kept unless the block raises. Raises `Refused` and OSError."""
        async with self._room:
            wire = await self._ready()
            try:
                yield wire
            except BaseException:
                wire.close()
                raise
            if wire.may_be_kept():
                self._free.append(wire)
            else:
                wire.close()

    async def close(self) -> None:
        free, self._free = self._free, []
        await asyncio.gather(*(each.quit() for each in free))

    async def _ready(self) -> Wire:
        """Nothing of the mail has left us yet: another connection instead of a dead one is no second try."""
        while self._free:
            wire = self._free.pop()
            try:
                if await wire.is_ready_again():
                    return wire
            except BaseException:
                wire.close()
                raise
            wire.close()
        try:
            places = await self._resolver.resolve(self._line.host, self._line.port)
        except HostRefused:
            raise Refused(Outcome(Result.CONFIG, "host-refused")) from None
        return await opened(self._line, places, await self._trust())

    async def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = await asyncio.to_thread(_context, self._line.authority)
        return self._context


def _context(authority: str) -> ssl.SSLContext:
    """Blocking: reads the system's authorities, or takes the clinic's own alone."""
    try:
        return ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError):
        raise Refused(Outcome(Result.CONFIG, "bad-authority")) from None
