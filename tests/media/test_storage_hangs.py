"""A bucket whose server takes calls and never answers: who asks it is told so, and nobody else waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from core.breaker import Breaker
from core.errors import Unavailable
from core.ids import new_id
from identity.passwords import hashed
from media.kinds import Variant
from media.s3 import S3Storage
from media.storage import file_key

KEY = file_key(new_id(), "0" * 64, Variant.ORIGINAL)
FOR_EVER = 3600.0
THREADS, TRIES = 16, 2


class Silent:
    """A server that counts who calls and keeps silent until it hangs up on all."""

    def __init__(self) -> None:
        self.calls, self.called, self._over = 0, asyncio.Event(), asyncio.Event()

    async def __call__(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        self.called.set()
        await self._over.wait()
        writer.close()

    def hang_up(self) -> None:
        self._over.set()


@asynccontextmanager
async def silence(answer_seconds: float, pause: float = FOR_EVER) -> AsyncIterator[tuple[Silent, S3Storage]]:
    silent = Silent()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        breaker = Breaker(pause)
        try:
            yield silent, S3Storage(
                "b", endpoint=endpoint, access_key="a", secret_key="b", path_style=True,
                answer_seconds=answer_seconds, breaker=breaker,
            )  # fmt: skip
        finally:
            silent.hang_up()


async def refused(*calls: Any) -> list[Unavailable]:
    """What each call was refused with."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    found = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(found) == len(answers), answers
    return found


async def test_of_many_at_once_only_those_that_have_a_thread_reach_the_server() -> None:
    async with silence(answer_seconds=0.3) as (silent, storage):
        told = await refused(*(storage.begin(KEY, "image/jpeg") for _ in range(4 * THREADS)))
        assert {each.retry_after_seconds for each in told} == {5}
        assert 0 < silent.calls <= THREADS * TRIES


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.begin(KEY, "image/jpeg"),
        lambda storage: storage.put_part(KEY, "upload", 1, b"x"),
        lambda storage: storage.parts(KEY, "upload"),
        lambda storage: storage.finish(KEY, "upload", []),
        lambda storage: storage.size(KEY),
        lambda storage: storage.get(KEY),
        lambda storage: storage.put(KEY, b"x", "image/jpeg"),
        lambda storage: storage.keys_under("a"),
        lambda storage: storage.erase_under("a"),
        lambda storage: storage.unfinished(),
    ],
)
async def test_after_one_was_not_answered_nobody_reaches_the_server(call: Callable[[S3Storage], Any]) -> None:
    async with silence(answer_seconds=0.1) as (silent, storage):
        await refused(call(storage))
        assert silent.calls == TRIES
        [told] = await refused(call(storage))
        assert told.retry_after_seconds == 5
        await refused(storage.copy(KEY, f"{KEY}-copy"), storage.size(KEY))
        assert silent.calls == TRIES


async def test_an_address_is_signed_while_the_server_is_silent_and_says_nothing_of_it() -> None:
    async with silence(answer_seconds=0.1) as (silent, storage):
        await refused(storage.size(KEY))
        assert (await storage.signed_get(KEY, "image/jpeg", "a.jpg", 60)).url
        await refused(storage.size(KEY))
        assert silent.calls == TRIES


async def test_where_the_server_answers_again_everybody_is_let_through(moto: S3Storage) -> None:
    breaker = Breaker(pause=0)
    mended = S3Storage(
        moto.bucket, moto.region, moto.endpoint, moto.access_key, moto.secret_key, path_style=True, breaker=breaker
    )
    breaker.failed(FOR_EVER**3)
    await refused(mended.size(KEY))
    breaker.failed(0)
    assert await mended.size(KEY) is None
    assert not breaker.is_shut(-FOR_EVER)


async def test_a_refusal_is_an_answer(moto: S3Storage) -> None:
    breaker = Breaker(pause=FOR_EVER)
    wrong = S3Storage(
        "no-such-bucket", moto.region, moto.endpoint, moto.access_key, moto.secret_key, path_style=True, breaker=breaker
    )
    await refused(wrong.put(KEY, b"x", "image/jpeg"))
    await refused(wrong.put(KEY, b"x", "image/jpeg"))
    assert [breaker.enter(0) for _ in range(2)] == [True, True]


@pytest.fixture
async def one_thread() -> AsyncIterator[None]:
    """One thread for whatever has none of its own."""
    loop, alone = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    loop.set_default_executor(alone)
    yield
    loop.set_default_executor(ThreadPoolExecutor())
    alone.shutdown()


@pytest.mark.usefixtures("one_thread")
async def test_who_signs_in_does_not_wait_for_it() -> None:
    """Were the bucket asked in everybody's threads, the password would come after the calls."""
    async with silence(answer_seconds=20) as (silent, storage):
        hung = [asyncio.create_task(storage.begin(KEY, "image/jpeg")) for _ in range(2 * THREADS)]
        await silent.called.wait()
        password = asyncio.create_task(hashed("correct horse battery"))
        done, _ = await asyncio.wait([*hung, password], return_when=asyncio.FIRST_COMPLETED)
        assert done == {password}
        silent.hang_up()
        await asyncio.gather(*hung, return_exceptions=True)
