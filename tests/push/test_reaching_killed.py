"""Two workers over many ways, killed with SIGKILL in the middle of it: nothing is lost, marketing is never doubled.

`ENAMEL_PUSH_KILLED` gives the number of notices; some hundreds where it says nothing.
"""

import asyncio
import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from sqlalchemy import text

from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from core.events import SYSTEM
from core.ids import new_id
from push.channel import Way
from push.commands import set_consent
from push.consent import ConsentChannel
from push.notice import Notice, NoticeKind, Purpose
from push.tables import ContactPolicyRow
from tests.enamel.test_worker_killed import Worker, killed
from tests.push.lines import make_usual
from tests.push.phones import HOUR, give_phone, tell
from tests.world import World

NOTICES = int(os.environ.get("ENAMEL_PUSH_KILLED", "360"))
KILLS = 5
LEASE_SECONDS = 1.5
PATIENCE_SECONDS = 60 + NOTICES / 20
_OPEN = (
    "select 1 from delivery where state in ('due', 'leased') union all"
    " select 1 from notice where next_at <= now() limit 1"
)
_dice = random.Random(20261123)  # noqa: S311  which worker is killed


class Workers:
    """Two of them; who was killed is replaced."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings
        self.running: list[Worker] = []

    async def start(self) -> None:
        program = "import sys; from tests.push.reaching_worker import main; main()"
        environment = {**os.environ, **self._settings}
        self.running.append(await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=environment))

    async def replace_one(self) -> None:
        await killed(self.running.pop(_dice.randrange(len(self.running))))
        await self.start()


@asynccontextmanager
async def two_workers(postgres: EmbeddedPostgres, file: Path) -> AsyncIterator[Workers]:
    workers = Workers({
        "PUSH_DATABASE": postgres.url("enamel_test"), "PUSH_FILE": str(file),
        "PUSH_LEASE": str(LEASE_SECONDS),
    })  # fmt: skip
    try:
        for _ in range(2):
            await workers.start()
        yield workers
    finally:
        for worker in workers.running:
            if worker.returncode is None:
                await killed(worker)


async def ready(world: World) -> list[Notice]:
    """Anna has the app and wants offers; Boris has a number and an address. Nobody is capped."""
    here, at = world.here, now()
    await give_phone(world.database, world.keys, here, "token-of-anna", at)
    await make_usual(world.database, here, Way.SMS, Way.EMAIL)
    async with world.database.sweeping() as sweeping:
        told = "update patient set phone = '+390255507777', email = 'boris@example.com' where id = :id"
        await sweeping.execute(text(told), {"id": here.other_patient_id})
    async with world.database.writing(here.scope) as writing:
        who = (here.clinic_id, here.patient_id)
        await set_consent(writing, *who, Purpose.MARKETING, True, SYSTEM, at, channel=ConsentChannel.PUSH)
        writing.add(ContactPolicyRow(clinic_id=here.clinic_id, caps=[], changed_at=at))
    shapes = cycle(
        [
            (here.patient_id, NoticeKind.REMINDING, Purpose.SERVICE),
            (here.other_patient_id, NoticeKind.REMINDING, Purpose.SERVICE),
            (here.other_patient_id, NoticeKind.PLAN, Purpose.SERVICE),
            (here.patient_id, NoticeKind.OFFER, Purpose.MARKETING),
        ]
    )
    return [
        Notice(patient_id, kind, purpose, str(new_id()), at, at + HOUR)
        for patient_id, kind, purpose in islice(shapes, NOTICES)
    ]


def sent(file: Path) -> Counter[str]:
    """Copies by notice."""
    lines = file.read_bytes().splitlines() if file.exists() else []
    return Counter(json.loads(line)["notice"] for line in lines)


async def rows(world: World, statement: str) -> list[Any]:
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(text(statement))).all())


async def test_two_workers_killed_at_random_lose_nothing_and_double_no_offer(
    world: World, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    file, notices = tmp_path / "sent.jsonl", await ready(world)
    ids = await tell(world.database, world.here, *notices)
    offers = {str(key) for key, each in zip(ids, notices, strict=True) if each.purpose is Purpose.MARKETING}
    async with two_workers(postgres, file) as workers, asyncio.timeout(PATIENCE_SECONDS):
        for number in range(KILLS):
            while len(sent(file)) <= number * NOTICES / (KILLS + 1):  # noqa: ASYNC110  another process sets no event of ours
                await asyncio.sleep(0.02)
            await workers.replace_one()
        while await rows(world, _OPEN):  # noqa: ASYNC110  the same
            await asyncio.sleep(0.1)
    copies = sent(file)
    tried = {
        str(key): (channel, state, attempt)
        for key, channel, state, attempt in await rows(
            world, "select notice_id, channel, state, attempt from delivery where attempt > 0"
        )
    }
    assert len(tried) == NOTICES  # one way for each, and one message of it
    assert {channel for channel, _, _ in tried.values()} == {"push", "sms", "email"}
    assert any(attempt > 1 or state == "unknown" for _, state, attempt in tried.values())  # the kills hit something
    lost = {key for key in map(str, ids) if not copies[key]}
    assert lost <= offers
    assert {tried[key][1] for key in lost} <= {"unknown"}
    assert {key for key in offers if copies[key] > 1} == set()
    doubled = {key for key, count in copies.items() if count > 1}
    assert all(tried[key][2] > 1 for key in doubled)
    assert {state for _, state, _ in tried.values()} <= {"accepted", "unknown"}
    assert {tried[key][1] for key in set(map(str, ids)) - offers} == {"accepted"}
