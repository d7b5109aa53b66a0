"""Real worker processes, killed with SIGKILL at each point of a delivery: nothing is lost, a repeat replaces."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import now
from core.database import Database
from core.embedded_postgres import EmbeddedPostgres
from push.outcome import DeliveryState
from tests.push.fcm_peer import FcmPeer
from tests.push.phones import HOUR, Delivery, deliveries, give_phone, notice, tell
from tests.world import World

NOTICES = 3
LEASE_SECONDS = 2
PATIENCE_SECONDS = 20

Worker = asyncio.subprocess.Process


@pytest.fixture
async def peer() -> AsyncIterator[FcmPeer]:
    made = FcmPeer()
    await made.start()
    yield made
    await made.stop()


class Clinic:
    """The world with a phone and notices due, workers that can be started, and the peer they speak to."""

    def __init__(self, world: World, peer: FcmPeer, settings: dict[str, str]) -> None:
        self.world = world
        self.peer = peer
        self._settings = settings
        self._workers: list[Worker] = []

    async def worker(self) -> Worker:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "enamel", "work", env={**os.environ, **self._settings}
        )
        self._workers.append(started)
        return started

    async def notices(self) -> list[UUID]:
        here, at = self.world.here, now()
        await give_phone(self.world.database, self.world.keys, here, "token-of-anna")
        told = [notice(here, not_before=at, expires_at=at + HOUR) for _ in range(NOTICES)]
        return await tell(self.world.database, here, *told)

    async def deliveries(self) -> list[Delivery]:
        return await deliveries(self.world.database, self.world.here.patient_id)

    async def delivered_by_another(self) -> list[Delivery]:
        """A second worker goes on after the first one's lease; what it wrote down."""
        await self.worker()

        async def all_accepted() -> bool:
            return {each.state for each in await self.deliveries()} == {DeliveryState.ACCEPTED}

        await until(all_accepted)
        return await self.deliveries()

    async def close(self) -> None:
        for worker in self._workers:
            if worker.returncode is None:
                await killed(worker)


@pytest.fixture
async def clinic(world: World, peer: FcmPeer, postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Clinic]:
    settings = {
        "ENAMEL_DATABASE_URL": postgres.url("enamel_test"),
        "ENAMEL_DATABASE_POOL": "2",
        "ENAMEL_FCM_CREDENTIALS": str(peer.certificate(tmp_path)),
        "ENAMEL_FCM_URL": peer.url,
        "ENAMEL_PUSH_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    made = Clinic(world, peer, settings)
    yield made
    await made.close()


async def killed(worker: Worker) -> None:
    worker.kill()
    await worker.wait()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await true():  # noqa: ASYNC110  another process sets no event of ours
            await asyncio.sleep(0.02)


async def all_arrived(peer: FcmPeer) -> bool:
    return len(peer.messages) == NOTICES


async def token_asked(peer: FcmPeer) -> bool:
    return peer.token_requests > 0


@asynccontextmanager
async def notices_locked(database: Database) -> AsyncIterator[None]:
    """Nobody else can write down what became of a notice while the block lasts."""
    async with database.sweeping() as sweeping:
        await sweeping.execute(text("select id from notice for update"))
        yield


async def somebody_waits(database: Database) -> None:
    """Until a transaction waits for a lock."""
    waiting = text("select exists (select from pg_locks where not granted)")

    async def waits() -> bool:
        async with database.sweeping() as sweeping:
            return bool((await sweeping.execute(waiting)).scalar_one())

    await until(waits)


def same_on_the_phone(copies: list[dict[str, Any]], mid: UUID) -> bool:
    """Whether each copy says the id by which the phone replaces the one before."""
    ids = {
        identity
        for copy in copies
        for identity in (
            copy["android"]["notification"]["tag"], copy["apns"]["headers"]["apns-collapse-id"], copy["data"]["mid"],
        )
    }  # fmt: skip
    return ids == {str(mid)}


async def test_killed_after_the_claim_and_before_the_send(clinic: Clinic) -> None:
    ids = await clinic.notices()
    clinic.peer.tokens_open.clear()
    first = await clinic.worker()
    await until(partial(token_asked, clinic.peer))
    assert {each.state for each in await clinic.deliveries()} == {DeliveryState.LEASED}
    await killed(first)
    clinic.peer.tokens_open.set()
    delivered = await clinic.delivered_by_another()
    assert [each.attempt for each in delivered] == [2] * NOTICES
    assert [len(clinic.peer.copies(str(mid))) for mid in ids] == [1] * NOTICES


async def test_killed_after_the_send_and_before_the_answer(clinic: Clinic) -> None:
    ids = await clinic.notices()
    clinic.peer.answers_open.clear()
    first = await clinic.worker()
    await until(partial(all_arrived, clinic.peer))
    await killed(first)
    clinic.peer.answers_open.set()
    await clinic.delivered_by_another()
    copies = {mid: clinic.peer.copies(str(mid)) for mid in ids}
    assert [len(each) for each in copies.values()] == [2] * NOTICES
    assert all(same_on_the_phone(each, mid) for mid, each in copies.items())


async def test_killed_after_the_answer_and_before_it_is_written_down(clinic: Clinic) -> None:
    ids = await clinic.notices()
    clinic.peer.answers_open.clear()
    first = await clinic.worker()
    await until(partial(all_arrived, clinic.peer))
    async with notices_locked(clinic.world.database):
        clinic.peer.answers_open.set()
        await somebody_waits(clinic.world.database)
        await killed(first)
    assert {each.state for each in await clinic.deliveries()} == {DeliveryState.LEASED}
    await clinic.delivered_by_another()
    copies = {mid: clinic.peer.copies(str(mid)) for mid in ids}
    assert [len(each) for each in copies.values()] == [2] * NOTICES
    assert all(same_on_the_phone(each, mid) for mid, each in copies.items())


async def test_a_worker_that_is_told_to_stop_finishes_what_it_holds(clinic: Clinic) -> None:
    await clinic.notices()
    clinic.peer.answers_open.clear()
    worker = await clinic.worker()
    await until(partial(all_arrived, clinic.peer))
    worker.terminate()
    clinic.peer.answers_open.set()
    assert await worker.wait() == 0
    assert [(each.state, each.attempt) for each in await clinic.deliveries()] == [(DeliveryState.ACCEPTED, 1)] * NOTICES
