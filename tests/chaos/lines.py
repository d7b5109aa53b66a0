"""The bad line between devices and a node: a small TCP proxy that can cut and freeze what runs through it."""

import asyncio
from collections.abc import Callable
from random import Random


class Line:
    """Carries bytes to whatever port `port()` names at the moment of each connection."""

    def __init__(self, port: Callable[[], int]) -> None:
        self._port = port
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.cuts = 0

    async def open(self) -> str:
        """Its own address, for devices."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self, share: float, chance: Random) -> None:
        """End this share of the connections without a word to either side."""
        for pair in [each for each in self._pairs if chance.random() < share]:
            self.cuts += 1
            for writer in pair:
                writer.transport.abort()

    def freeze(self) -> None:
        """Nothing gets through any more and nobody is told: a phone in a tunnel."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.thaw()
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self._port())
        except OSError:
            writer.transport.abort()
            return
        pair = writer, onward
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(there, writer))
        finally:
            self._pairs.discard(pair)
            for each in pair:
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
