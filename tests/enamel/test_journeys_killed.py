"""A real worker, killed with SIGKILL while it moves a patient on: the next one does it, once."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from automation.commands import enrol, start_journey
from automation.templates import HYGIENE_RECALL
from cabinet.facts import ServiceKind
from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from push.tables import NoticeRow
from tests.automation.people import Done, Person, add_clinic, add_people
from tests.automation.test_recall import enrolments, log, notices, timers
from tests.enamel.test_worker_killed import Worker, killed, somebody_waits, until
from tests.world import World

# In one of them it is between nine and seven at every hour of the day.
ZONES = ("Europe/Rome", "America/Los_Angeles", "Asia/Tokyo")


class Workers:
    """Starts worker processes over the world's database, and leaves none behind."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings
        self._started: list[Worker] = []

    async def another(self) -> Worker:
        command = (sys.executable, "-m", "enamel", "work")
        self._started.append(await asyncio.create_subprocess_exec(*command, env={**os.environ, **self._settings}))
        return self._started[-1]

    async def close(self) -> None:
        for worker in self._started:
            if worker.returncode is None:
                await killed(worker)


@pytest.fixture
async def workers(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Workers]:
    made = Workers(
        {
            "ENAMEL_DATABASE_URL": postgres.url("enamel_test"),
            "ENAMEL_DATABASE_POOL": "2",
            "ENAMEL_DATA": str(tmp_path),
            "ENAMEL_JOURNEY_PAUSE_SECONDS": "1",
        }
    )
    yield made
    await made.close()


async def patient_due(world: World) -> Person:
    """Taken in and due now, in a zone where people may be told now."""
    at = now()
    zone = next(zone for zone in ZONES if 9 <= at.astimezone(ZoneInfo(zone)).hour < 19)
    person = Person(zone=zone, done=[Done(ServiceKind.HYGIENE, at.date() - timedelta(days=200))])
    async with world.database.sweeping() as sweeping:
        clinic_id, branches = await add_clinic(sweeping, [zone], at)
        await add_people(sweeping, clinic_id, branches, [person], at)
        await start_journey(sweeping, clinic_id, HYGIENE_RECALL, at)
        assert await enrol(sweeping, at, 10) == 1
    return person


async def test_killed_between_the_decision_and_its_commit(world: World, workers: Workers) -> None:
    person = await patient_due(world)
    async with world.database.sweeping() as holding:
        # The notice's foreign key needs this row, so the worker stops with timer and enrolment in its hands.
        await holding.execute(text("select id from patient where id = :id for update"), {"id": person.id})
        first = await workers.another()
        await somebody_waits(world.database)
        async with world.database.sweeping() as other:
            free = "select count(*) from (select 1 from timer for update skip locked) free"
            assert (await other.execute(text(free))).scalar_one() == 0
        await killed(first)
    assert (await notices(world), await log(world), await timers(world)) == ([], [(0, "nudge", "entered")], 1)
    await workers.another()

    async def told() -> bool:
        async with world.database.sweeping() as sweeping:
            return bool((await sweeping.execute(select(col(NoticeRow.id)))).first())

    await until(told)
    (enrolment,), (notice,) = await enrolments(world), await notices(world)
    assert (enrolment.state, enrolment.step, notice.dedupe_key) == ("active", "think", f"{enrolment.id}:1:0")
    assert (await log(world), await timers(world)) == ([(0, "nudge", "entered"), (1, "nudge", "sent")], 1)
