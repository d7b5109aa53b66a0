"""Real workers, killed with SIGKILL while the bot thinks and while its answer is being said: it is said once."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from chat.bot import BotKind
from core.embedded_postgres import EmbeddedPostgres
from tests.enamel.bot_peer import BotPeer, a_bot
from tests.enamel.test_bot import of_bot, says, set_here
from tests.enamel.test_worker_killed import Worker, killed, somebody_waits, until
from tests.world import SECRET, World


@pytest.fixture
async def peer() -> AsyncIterator[BotPeer]:
    async with a_bot() as made:
        yield made


@asynccontextmanager
async def a_worker(postgres: EmbeddedPostgres) -> AsyncIterator[Worker]:
    settings = {
        "ENAMEL_DATABASE_URL": postgres.url("enamel_test"),
        "ENAMEL_DATABASE_POOL": "2",
        "ENAMEL_SECRET": SECRET,
        "ENAMEL_BOT_PRIVATE_HOSTS": '["127.0.0.1"]',
    }
    program = "import sys; from tests.enamel.bot_worker import main; main()"
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env={**os.environ, **settings})
    try:
        yield worker
    finally:
        if worker.returncode is None:
            await killed(worker)


async def lease_ends(world: World) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update bot_turn set leased_until = '2000-01-01'"))


async def says_it_once(world: World, peer: BotPeer, postgres: EmbeddedPostgres) -> None:
    assert await of_bot(world) == []
    await lease_ends(world)
    async with a_worker(postgres):

        async def answered() -> bool:
            return bool(await of_bot(world))

        await until(answered)
    assert await of_bot(world) == ["The peer's answer"]
    assert len(peer.asked) == 2
    assert len({headers["idempotency-key"] for headers in peer.headers}) == 1


async def test_killed_while_the_bot_thinks(world: World, peer: BotPeer, postgres: EmbeddedPostgres) -> None:
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Avete la zirconia?")
    peer.open.clear()
    async with a_worker(postgres) as worker:
        await until(peer.is_asked)
        await killed(worker)
    peer.open.set()
    await says_it_once(world, peer, postgres)


async def test_killed_before_what_it_said_was_committed(
    world: World, peer: BotPeer, postgres: EmbeddedPostgres
) -> None:
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Avete la zirconia?")
    peer.open.clear()
    async with a_worker(postgres) as worker:
        await until(peer.is_asked)
        async with world.database.sweeping() as holding:
            await holding.execute(text("select id from conversation for update"))
            peer.open.set()
            await somebody_waits(world.database)
            await killed(worker)
    await says_it_once(world, peer, postgres)
