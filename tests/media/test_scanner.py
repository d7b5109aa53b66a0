"""The virus scanner: what it knows is told, and what it did not look at is never called clean."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.errors import Unavailable
from media.clamd import BYTES_A_SECOND, ClamdScanner, scanner_at
from media.scanner import EICAR, Clean, Infected, NotScanned, PlainScanner, Scanner
from tests.media.samples import photo

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MOST = 2_000_000


async def takes_it_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks INSTREAM as clamd does, with a limit of `MOST` bytes."""
    assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
    content = b""
    while length := int.from_bytes(await reader.readexactly(4), "big"):
        content += await reader.readexactly(length)
        if len(content) > MOST:
            writer.write(b"INSTREAM size limit exceeded. ERROR\0")
            return
    writer.write(b"stream: Eicar-Test FOUND\0" if EICAR in content else b"stream: OK\0")


def says(answer: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(bytes(4))
        writer.write(answer)

    return talk


async def answers_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(bytes(4))
    await asyncio.sleep(1.5)
    writer.write(b"stream: OK\0")


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    await reader.read(5)


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    await reader.read()


@asynccontextmanager
async def daemon(talk: Talk, path: Path | None = None) -> AsyncIterator[str]:
    """Where it listens: a port of its own, or a socket at `path`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    if path:
        server = await asyncio.start_unix_server(serve, path)
        address = f"unix:{path}"
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield address
    finally:
        server.close()


@pytest.mark.parametrize("by_socket", [False, True], ids=["tcp", "unix"])
async def test_clamd_is_spoken_to_over_both_kinds_of_socket(tmp_path: Path, by_socket: bool) -> None:
    file = tmp_path / "picture"
    file.write_bytes(bytes(600_000) + EICAR)
    async with daemon(takes_it_all, tmp_path / "clamd.ctl" if by_socket else None) as address:
        scanner = ClamdScanner(address, seconds=20)
        assert await scanner.scan(photo()) == Clean()
        assert await scanner.scan(EICAR) == Infected("Eicar-Test")
        assert await scanner.scan(file) == Infected("Eicar-Test")
        assert await scanner.scan(b"") == Clean()


async def test_a_file_longer_than_the_daemon_takes_is_not_clean() -> None:
    async with daemon(takes_it_all) as address:
        scanner = ClamdScanner(address, seconds=20)
        assert await scanner.scan(bytes(MOST + 50_000_000)) == NotScanned()
        assert await scanner.scan(bytes(MOST)) == Clean()


@pytest.mark.parametrize(
    "answer",
    [b"INSTREAM size limit exceeded. ERROR\0", b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0"],
    ids=["stream", "file"],
)
async def test_a_daemons_limits_are_told_from_a_virus_and_from_a_bad_day(answer: bytes) -> None:
    async with daemon(says(answer)) as address:
        assert await ClamdScanner(address, seconds=20).scan(bytes(1_000_000)) == NotScanned()


async def test_a_large_file_is_given_more_time() -> None:
    async with daemon(answers_late) as address:
        assert await ClamdScanner(address, seconds=0.3).scan(bytes(4 * BYTES_A_SECOND)) == Clean()
        with pytest.raises(Unavailable):
            await ClamdScanner(address, seconds=0.3).scan(b"small")


@pytest.mark.parametrize(
    "talk",
    [
        says(b"stream: OK"), says(b""), says(b"OK\0"), hangs_up,
        says(b"stream: Can't allocate memory ERROR\0"), says(b"x" * 100_000), is_silent,
    ],
    ids=["half a word", "nothing", "another word", "hangs up", "error", "too much", "silence"],
)  # fmt: skip
async def test_an_answer_that_says_nothing_of_the_file_is_not_clean(talk: Talk) -> None:
    async with daemon(talk) as address:
        with pytest.raises(Unavailable):
            await ClamdScanner(address, seconds=1).scan(bytes(1_000_000))


async def test_a_daemon_that_is_away_is_not_clean(tmp_path: Path) -> None:
    for address in ("127.0.0.1:1", str(tmp_path / "nobody.ctl")):
        with pytest.raises(Unavailable):
            await ClamdScanner(address).scan(b"x")


async def test_the_plain_twin_finds_the_test_file_wherever_it_lies(tmp_path: Path) -> None:
    scanner, file = PlainScanner(), tmp_path / "picture"
    for before in (0, 1024**2 - 30, 1024**2 - len(EICAR), 1024**2, 3_000_000):
        file.write_bytes(bytes(before) + EICAR + b"tail")
        assert await scanner.scan(file) == await scanner.scan(file.read_bytes()) == Infected("Eicar-Test")
    file.write_bytes(bytes(3_000_000) + EICAR[:-1])
    assert await scanner.scan(file) == Clean()


def test_an_address_says_which_scanner_it_is() -> None:
    assert isinstance(scanner_at(""), PlainScanner)
    for address in (
        "/run/clamav/clamd.ctl",
        "unix:/run/clamd.ctl",
        "clamav:3310",
        "tcp://127.0.0.1:3310",
        "[::1]:3310",
    ):
        assert isinstance(scanner_at(address), ClamdScanner)
    for address in ("clamav", "http://clamav:3310/x", "clamd.ctl"):
        with pytest.raises(ValueError, match="neither"):
            scanner_at(address)


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real daemon with a database of one line: no list of viruses can be had without a network."""
    program = shutil.which("clamd", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin")
    if program is None:
        pytest.skip("NO clamd HERE: make servers installs it")
    folder = tmp_path_factory.mktemp("clamd")
    folder.chmod(0o711)
    (folder / "own.hdb").write_text("44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n")
    socket = folder / "clamd.ctl"
    (folder / "clamd.conf").write_text(
        f"LocalSocket {socket}\nDatabaseDirectory {folder}\nForeground yes\nStreamMaxLength 1M\n"
    )
    process = subprocess.Popen([program, "-c", folder / "clamd.conf"], stdout=subprocess.DEVNULL)
    for _ in range(300):
        if socket.exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    yield str(socket)
    process.terminate()
    process.wait(timeout=20)


async def test_a_real_clamd_agrees(clamd: str, tmp_path: Path) -> None:
    scanner: Scanner = ClamdScanner(clamd, seconds=30)
    file = tmp_path / "eicar"
    file.write_bytes(EICAR)
    assert await scanner.scan(photo(300, 200)) == Clean()
    for found in (await scanner.scan(EICAR), await scanner.scan(file)):
        assert isinstance(found, Infected)
        assert found.name.startswith("Eicar-Test")
    for _ in range(5):
        assert await scanner.scan(bytes(20_000_000)) == NotScanned()
