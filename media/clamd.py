"""ClamAV's daemon as the virus scanner: its INSTREAM command (clamd(8)), over TCP or a unix socket."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from core.errors import Unavailable
from media.scanner import Clean, Infected, NotScanned, PlainScanner, Scanner

SECONDS = 60.0
"""For any file; a large one has more."""
BYTES_A_SECOND = 1024**2
"""What the slowest scanner reads."""
_PIECE = 256 * 1024
_LONGEST_ANSWER = 4096
_FOUND = re.compile(rb"stream: (.{1,200}) FOUND\0")
_TOO_LARGE = re.compile(rb"INSTREAM size limit exceeded|stream: Heuristics\.Limits\.Exceeded\S* FOUND\0")
_HOST = re.compile(r"(?:tcp://)?(\[[0-9a-fA-F:]+\]|[^/:]+):(\d+)")


class ClamdScanner:
    """`address`: the path of a unix socket, or host:port. The daemon's StreamMaxLength should be no smaller than the
    largest upload: what is longer it does not look at (`NotScanned`)."""

    def __init__(self, address: str, seconds: float = SECONDS) -> None:
        self._address = address.removeprefix("unix:")
        self._seconds = seconds

    async def scan(self, file: bytes | Path) -> Clean | Infected | NotScanned:
        size = len(file) if isinstance(file, bytes) else (await asyncio.to_thread(file.stat)).st_size
        try:
            async with asyncio.timeout(self._seconds + size / BYTES_A_SECOND):
                answer = await self._answer(file)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            raise Unavailable from None
        return _read(answer)

    async def _answer(self, file: bytes | Path) -> bytes:
        reader, writer = await self._connected()
        # Listened to from the start: a daemon that has had enough says so, hangs up, and breaks what we still write.
        answer = asyncio.ensure_future(reader.readuntil(b"\0"))
        try:
            with suppress(ConnectionError):
                await _send(file, writer, answer)
            return await answer
        finally:
            answer.cancel()
            writer.transport.abort()  # what is still to be sent nobody wants any more

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address, limit=_LONGEST_ANSWER)
        host, port = _host_and_port(self._address)
        return await asyncio.open_connection(host, port, limit=_LONGEST_ANSWER)


def scanner_at(address: str) -> Scanner:
    """The scanner at `address`; the plain twin where there is none. Raises ValueError for what is no address."""
    if not address:
        return PlainScanner()
    if not address.removeprefix("unix:").startswith("/"):
        _host_and_port(address)
    return ClamdScanner(address)


def _host_and_port(address: str) -> tuple[str, int]:
    found = _HOST.fullmatch(address)
    if not found:
        raise ValueError("neither host:port nor the path of a unix socket")
    return found[1].strip("[]"), int(found[2])


def _read(answer: bytes) -> Clean | Infected | NotScanned:
    """What `stream: … FOUND` and `stream: OK` say, and a limit; everything else (no database) says nothing."""
    if answer == b"stream: OK\0":
        return Clean()
    if _TOO_LARGE.match(answer):
        return NotScanned()
    found = _FOUND.fullmatch(answer)
    if not found:
        raise Unavailable
    return Infected(found[1].decode("ascii", "replace"))


async def _send(file: bytes | Path, writer: asyncio.StreamWriter, answer: asyncio.Future[bytes]) -> None:
    """All of it, or until there is an answer."""
    writer.write(b"zINSTREAM\0")
    async for piece in _pieces(file):
        if answer.done():
            return
        writer.write(len(piece).to_bytes(4, "big") + piece)
        await writer.drain()
    writer.write(bytes(4))


async def _pieces(file: bytes | Path) -> AsyncIterator[bytes]:
    if isinstance(file, bytes):
        for start in range(0, len(file), _PIECE):
            yield file[start : start + _PIECE]
        return
    source = await asyncio.to_thread(file.open, "rb")
    try:
        while piece := await asyncio.to_thread(source.read, _PIECE):
            yield piece
    finally:
        source.close()
