"""Real workers, killed with SIGKILL while they hand a campaign over: nobody is told twice, nobody is left out."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from core.embedded_postgres import EmbeddedPostgres
from tests.api.campaigning import audience, launched, rows, shown, worked
from tests.enamel.test_worker_killed import Worker, killed, somebody_waits, until
from tests.world import World

PEOPLE = 60
TOLD = "select patient_id, count(*) as count from notice group by patient_id"
MEMBERS = "select handed_at is not null as handed, notice_id is not null as told from campaign_member"


class Workers:
    """Starts worker processes over the world's database, and leaves none behind."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._started: list[Worker] = []

    async def another(self, at_once: int = 2_000) -> Worker:
        command = (sys.executable, "-m", "tests.enamel.campaign_worker", self._url, str(at_once))
        self._started.append(await asyncio.create_subprocess_exec(*command))
        return self._started[-1]

    async def close(self) -> None:
        for worker in self._started:
            if worker.returncode is None:
                await killed(worker)


@pytest.fixture
async def workers(postgres: EmbeddedPostgres) -> AsyncIterator[Workers]:
    made = Workers(postgres.url("enamel_test"))
    yield made
    await made.close()


async def everybody_was_told_once(world: World, people: list[UUID], campaign_id: str) -> None:
    async def all_handed() -> bool:
        return bool((await shown(world, campaign_id))["handed"] == len(people))

    await until(all_handed)
    assert {row.patient_id: row.count for row in await rows(world, TOLD)} == dict.fromkeys(people, 1)
    assert Counter(tuple(row) for row in await rows(world, MEMBERS)) == {(True, True): len(people)}


async def test_killed_between_the_batch_and_its_commit(world: World, workers: Workers) -> None:
    people = await audience(world, PEOPLE)
    campaign_id = await launched(world)
    assert await worked(world, at_once=0) == 1, "it has begun, and nobody's turn has come"
    async with world.database.sweeping() as holding:
        # The notice's foreign key needs this row, so the worker stops with the whole batch in its hands.
        locked = text("select id from patient where id = :id for update")
        await holding.execute(locked, {"id": people[PEOPLE // 2]})
        first = await workers.another()
        await somebody_waits(world.database)
        async with world.database.sweeping() as other:
            free = "select count(*) from (select 1 from campaign for update skip locked) free"
            assert (await other.execute(text(free))).scalar_one() == 0
        await killed(first)
    assert (await rows(world, TOLD), {tuple(row) for row in await rows(world, MEMBERS)}) == ([], {(False, False)})
    await workers.another()
    await everybody_was_told_once(world, people, campaign_id)


async def test_killed_while_the_audience_is_fixed(world: World, workers: Workers) -> None:
    people = await audience(world, PEOPLE)
    campaign_id = await launched(world)
    async with world.database.sweeping() as holding:
        await holding.execute(text("select id from patient where id = :id for update"), {"id": people[0]})
        first = await workers.another()
        await somebody_waits(world.database)
        await killed(first)
    assert ((await shown(world, campaign_id))["state"], await rows(world, MEMBERS)) == ("launched", [])
    await workers.another()
    await everybody_was_told_once(world, people, campaign_id)


async def test_killed_at_any_moment_again_and_again(world: World, workers: Workers) -> None:
    """Four share two campaigns one by one, and one of them is always about to die."""
    people = await audience(world, PEOPLE)
    both = [await launched(world), await launched(world, name="Another", holdout_percent=20)]
    dice = random.Random(20261123)  # noqa: S311  the same moments in every run, and no secret
    doomed = [await workers.another(at_once=1) for _ in range(4)]

    async def handed() -> int:
        return sum([int((await shown(world, campaign_id))["handed"]) for campaign_id in both])

    async def under_way() -> bool:
        return bool(await handed() > 0)

    await until(under_way)
    for worker in doomed:
        await asyncio.sleep(dice.random() / 20)
        await killed(worker)
    assert await handed() > 0
    await workers.another(at_once=7)

    async def all_handed() -> bool:
        return bool(await handed() == 2 * PEOPLE)

    await until(all_handed)
    members = await rows(world, "select campaign_id, patient_id, arm, notice_id from campaign_member")
    assert Counter((row.campaign_id, row.patient_id) for row in members) == dict.fromkeys(
        ((UUID(campaign_id), person) for campaign_id in both for person in people), 1
    )
    told = [row.notice_id for row in members if row.arm != "holdout"]
    assert {row.id for row in await rows(world, "select id from notice")} == set(told)
    assert len(told) == len(set(told)) < 2 * PEOPLE
