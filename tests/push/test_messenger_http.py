"""One request to a messenger: what provably did not leave, what may have arrived, and what never leaks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from push.messenger_http import Answer, MessengerHttp, retry_after
from push.outcome import Outcome, Result
from tests.push.peers.messenger_wire import Fault, Seen, Way, Wire, nobodys_tls
from tests.push.peers.stall import longest_stall
from tests.push.phones import HOUR, SECOND

NOT_SENT = Outcome(Result.NOT_SENT, "no-connection")
LOST = Outcome(Result.AMBIGUOUS, "answer-lost")


def _yes(_: Seen) -> web.Response:
    return web.json_response({"ok": True})


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire(_yes)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def http() -> AsyncIterator[MessengerHttp]:
    made = MessengerHttp()
    yield made
    await made.close()


async def ask(http: MessengerHttp, url: str, seconds: float = 5) -> Answer | Outcome:
    return await http.ask("POST", url, {}, b"{}", timedelta(seconds=seconds))


async def test_nobody_listening_means_that_nothing_was_sent(http: MessengerHttp) -> None:
    assert await ask(http, "http://127.0.0.1:1") == NOT_SENT


async def test_a_name_that_leads_nowhere_means_that_nothing_was_sent(http: MessengerHttp) -> None:
    assert await ask(http, "https://nobody.invalid", 4) == NOT_SENT


async def test_a_certificate_that_nobody_vouches_for_means_that_nothing_was_sent(
    http: MessengerHttp, tmp_path: Path
) -> None:
    wire = Wire(_yes)
    await wire.start(nobodys_tls(tmp_path))
    assert await ask(http, wire.url) == NOT_SENT
    await wire.stop()
    assert wire.seen == []


async def test_a_server_without_tls_means_that_nothing_was_sent(http: MessengerHttp, wire: Wire) -> None:
    assert await ask(http, wire.url.replace("http:", "https:")) == NOT_SENT
    assert wire.seen == []


async def test_a_handshake_that_hangs_means_that_nothing_was_sent(http: MessengerHttp) -> None:
    ended = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await ask(http, f"https://127.0.0.1:{port}", 0.4) == NOT_SENT
    ended.set()
    server.close()
    await server.wait_closed()


async def test_a_proxy_that_does_not_let_us_through_means_that_nothing_was_sent(
    http: MessengerHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"CONNECT ")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuses, "127.0.0.1", 0)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "")
    assert await ask(http, "https://api.messenger.example/bot") == NOT_SENT
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("way", [Way.LOST, Way.GARBAGE, Way.HANG, Way.DRIP])
async def test_what_is_lost_after_the_first_byte_may_have_arrived(http: MessengerHttp, wire: Wire, way: Way) -> None:
    wire.script.append(Fault(way))
    assert await ask(http, wire.url, 0.4) == LOST
    assert len(wire.seen) == 1


@pytest.mark.parametrize("way", [Way.HUGE, Way.NO_JSON])
async def test_an_answer_that_cannot_be_read_keeps_its_status(http: MessengerHttp, wire: Wire, way: Way) -> None:
    wire.script.append(Fault(way, 401))
    assert await ask(http, wire.url) == Answer(401, {})


async def test_a_connection_that_was_closed_in_between_is_not_tried_a_second_time(
    http: MessengerHttp, wire: Wire
) -> None:
    assert isinstance(await ask(http, wire.url), Answer)
    wire.script.append(Fault(Way.LOST))
    assert await ask(http, wire.url) == LOST
    assert len(wire.seen) == 2


async def test_a_redirect_is_not_followed_with_our_secrets(http: MessengerHttp, wire: Wire) -> None:
    wire.script.append(Fault(status=307, headers={"location": f"{wire.url}/elsewhere"}))
    answer = await ask(http, wire.url)
    assert isinstance(answer, Answer)
    assert (answer.status, len(wire.seen)) == (307, 1)


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("17", 17 * SECOND), ("0", 0 * SECOND), ("999999999999999999999", None), ("-5", None), ("soon", None),
        ("", None), ("86400", HOUR), ("Fri, 31 Dec 2100 23:59:59 GMT", HOUR),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0 * SECOND),
    ],
)  # fmt: skip
def test_a_pause_is_seconds_or_a_date_and_never_longer_than_an_hour(value: str, pause: timedelta | None) -> None:
    assert retry_after(value) == pause


async def test_nothing_else_waits_while_many_are_asked(http: MessengerHttp, wire: Wire) -> None:
    async def many() -> None:
        wire.script.extend([Fault(Way.HUGE), Fault(Way.GARBAGE)])
        await asyncio.gather(*(ask(http, wire.url) for _ in range(16)))

    assert await longest_stall(many) < 0.05
    assert len(wire.seen) == 16 * 5
