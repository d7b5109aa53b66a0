"""Real workers, killed with SIGKILL at each point of a journey's life: each step is done once, nobody is lost."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import insert, text

from automation.commands import start_journey
from automation.journey.document import Journey
from automation.library import SegmentKind
from automation.tables import Segment
from cabinet.facts import ServiceKind
from cabinet.tables.chart import ProcedureRow
from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from tests.automation.journeys_drawn import OF_HYGIENE
from tests.automation.people import Done, Person, add_people, synced
from tests.automation.test_recall import book
from tests.enamel.forked import Forge
from tests.enamel.journey_points import Point, somebody_stopped, stopped_at
from tests.enamel.test_worker_killed import until
from tests.push.fcm_peer import FcmPeer
from tests.push.phones import give_phone
from tests.world import World

ALWAYS: dict[str, Any] = {"opens": "00:00", "closes": "23:59", "weekdays": list(range(7))}
FIRST = Journey.model_validate({
    "key": "first", "name": "First", "purpose": "recall", "trigger": {"kind": "segment", "criteria": OF_HYGIENE},
    "steps": [
        {"id": "mark", "kind": "tag", "segment": "told", "joined": True},
        {"id": "nudge", "kind": "message", "notice": "recall"},
        {"id": "call", "kind": "task", "task": "call", "title": "Call"},
        {"id": "think", "kind": "wait", "hours": 1},
        {"id": "grown", "kind": "branch", "cases": [{"when": {"kind": "age_at_least", "years": 18}, "to": "give"}],
         "next": "done"},
        {"id": "give", "kind": "journey", "journey": "second"},
        {"id": "done", "kind": "exit", "outcome": "told"},
    ],
    **ALWAYS,
}, strict=False)  # fmt: skip
SECOND = Journey.model_validate({
    "key": "second", "name": "Second", "purpose": "recall", "trigger": {"kind": "manual"},
    "steps": [
        {"id": "say", "kind": "message", "notice": "recall"},
        {"id": "rest", "kind": "wait", "hours": 1},
        {"id": "again", "kind": "message", "notice": "recall"},
        {"id": "over", "kind": "exit", "outcome": "over"},
    ],
    "exits": [{"kind": "booked"}], **ALWAYS,
}, strict=False)  # fmt: skip
_TOLD = ["mark entered", "mark done", "nudge sent", "call done", "think waited", "grown turned"]
CHILD = {"first": [*_TOLD, "done completed"]}
ADULT = {
    "first": [*_TOLD, "give done", "done completed"],
    "second": ["say entered", "say sent", "rest waited", "again sent", "over completed"],
}
BOOKED = ADULT | {"second": ["say entered", "say sent", "rest exited"]}

COMES_IN = [
    Point("enrolled", "enrolment", "insert"),
    Point("entered in the log", "touchpoint", "insert", "new.verdict = 'entered'"),
    Point("enrolled, in its commit", "enrolment", "insert", committing=True),
    Point("tagged", "segment_member", "insert"),
    Point("message made", "notice", "insert"),
    Point("task made", "task", "insert"),
    Point("state written", "enrolment", "update", "new.step = 'think'"),
    Point("sent in the log", "touchpoint", "insert", "new.verdict = 'sent'"),
    Point("timer set", "timer", "update"),
    Point("moved on, in its commit", "touchpoint", "insert", "new.verdict = 'sent'", committing=True),
    Point("handed to push, before the send", "delivery", "insert"),
    Point("sent, before it is written down", "delivery", "update", "new.state = 'accepted'"),
]
HANDS_OVER = [
    Point("taken in by the other", "enrolment", "insert", "new.journey_key = 'second'"),
    Point("handed over, in its commit", "enrolment", "insert", "new.journey_key = 'second'", committing=True),
]
LEAVES = [
    Point("let out", "enrolment", "update", "new.state = 'exited'"),
    Point("timer gone", "timer", "delete"),
    Point("let out, in its commit", "enrolment", "update", "new.state = 'exited'", committing=True),
]
STOOD = """select e.patient_id, e.journey_key, array_agg(t.step || ' ' || t.verdict order by t.seq) as lines
 from enrolment e join touchpoint t on t.enrolment_id = e.id group by e.clinic_id, e.id"""
LEFT = "select count(*) from enrolment where state = 'active'"


@pytest.fixture
async def peer() -> AsyncIterator[FcmPeer]:
    made = FcmPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def workers(postgres: EmbeddedPostgres, peer: FcmPeer, tmp_path: Path) -> AsyncIterator[Forge]:
    settings = {
        "ENAMEL_DATABASE_URL": postgres.url("enamel_test"), "ENAMEL_DATABASE_POOL": "2",
        "ENAMEL_DATA": str(tmp_path), "ENAMEL_JOURNEY_PAUSE_SECONDS": "1", "ENAMEL_PUSH_LEASE_SECONDS": "2",
        "ENAMEL_DARKROOM_PROCESSES": "1",
        "ENAMEL_FCM_CREDENTIALS": str(peer.certificate(tmp_path)), "ENAMEL_FCM_URL": peer.url,
    }  # fmt: skip
    made = Forge(settings)
    yield made
    await made.close()


async def launched(world: World, people: list[Person], at: datetime) -> None:
    here = world.here
    await give_phone(world.database, world.keys, here, "token-of-anna")
    anna = {
        **synced(here.clinic_id, new_id(), at), "patient_id": here.patient_id, "kind": ServiceKind.HYGIENE.value,
        "performed_on": at.date() - timedelta(days=200), "entered_in_error": False, "tooth": None,
    }  # fmt: skip
    async with world.database.writing(here.scope) as writing:
        await add_people(writing, here.clinic_id, {"Europe/Rome": here.branch_id}, people, at)
        await writing.execute(insert(ProcedureRow), [anna])
        writing.add(
            Segment(
                clinic_id=here.clinic_id, id=new_id(), key="told", name="Told", kind=SegmentKind.MANUAL.value,
                clinical=False, made_at=at, changed_at=at,
            )
        )  # fmt: skip
        for each in (SECOND, FIRST):
            await start_journey(writing, here.clinic_id, each, at)


def overdue(at: datetime, born: date = date(1985, 5, 17)) -> Person:
    return Person(birth_date=born, done=[Done(ServiceKind.HYGIENE, at.date() - timedelta(days=200))])


async def slept(world: World) -> None:
    """Every wait is over: what began now began two hours ago."""
    async with world.database.sweeping() as sweeping:
        # All rows at once, so it waits for each band that a worker moves just now, however slow the machine.
        await sweeping.execute(text("set local lock_timeout = 0"))
        await sweeping.execute(text("update enrolment set step_since = step_since - interval '2 hours'"))
        await sweeping.execute(text("update timer set due_at = due_at - interval '2 hours'"))


async def ways(world: World) -> dict[UUID, dict[str, list[str]]]:
    """What the log says of each patient's ways; of a journey that somebody is on twice it says so."""
    found: dict[UUID, dict[str, list[str]]] = {}
    async with world.database.sweeping() as sweeping:
        for row in await sweeping.execute(text(STOOD)):
            theirs = found.setdefault(row.patient_id, {})
            assert row.journey_key not in theirs, "taken in twice"
            theirs[row.journey_key] = list(row.lines)
    return found


async def counted(world: World, statement: str) -> int:
    async with world.database.sweeping() as sweeping:
        return int((await sweeping.execute(text(statement))).scalar_one())


async def nobody_left(world: World, workers: Forge, statement: str = LEFT) -> None:
    worker = await workers.another()

    async def none() -> bool:
        return await counted(world, statement) == 0

    await until(none)
    await workers.killed(worker)


async def each_was_done_once(world: World, expected: dict[UUID, dict[str, list[str]]]) -> None:
    assert await ways(world) == expected
    lines = [line for theirs in expected.values() for each in theirs.values() for line in each]
    sent = sum(line.endswith(" sent") for line in lines)
    assert await counted(world, "select count(*) from notice where cause_id is not null") == sent
    assert await counted(world, "select count(distinct notice_id) from touchpoint where verdict = 'sent'") == sent
    assert await counted(world, "select count(*) from task") == lines.count("call done")
    assert await counted(world, "select count(*) from segment_member") == lines.count("mark done")
    assert await counted(world, "select count(*) from timer") == 0


async def each_dies_at(owner: asyncpg.Connection, workers: Forge, points: list[Point]) -> None:
    for point in points:
        async with stopped_at(owner, point):
            worker = await workers.another()
            try:
                await somebody_stopped(owner)
            except TimeoutError:
                pytest.fail(f"no worker came to: {point.name}")
            await workers.killed(worker)


async def test_a_worker_dies_at_each_point_and_the_next_goes_on(
    world: World, workers: Forge, owner: asyncpg.Connection, peer: FcmPeer
) -> None:
    at = now()
    adult, books, child = overdue(at), overdue(at), overdue(at, at.date() - timedelta(days=3_000))
    await launched(world, [adult, books, child], at)
    await each_dies_at(owner, workers, COMES_IN)
    await nobody_left(world, workers, "select count(*) from delivery where state = 'leased'")
    await slept(world)
    await each_dies_at(owner, workers, HANDS_OVER)
    await nobody_left(world, workers, f"{LEFT} and (journey_key = 'first' or step <> 'rest')")
    await book(world, books.id, now())
    await each_dies_at(owner, workers, LEAVES)
    await slept(world)
    await nobody_left(world, workers)
    await each_was_done_once(
        world, {world.here.patient_id: ADULT, adult.id: ADULT, books.id: BOOKED, child.id: CHILD}
    )  # fmt: skip
    # The phone may be sent one message twice, and knows it by its id.
    assert 1 <= len({each["data"]["mid"] for each in peer.messages}) <= 3


@pytest.mark.parametrize("seed", [int(os.environ.get("ENAMEL_KILL_SEED", "20261124"))])
async def test_two_workers_killed_at_random_do_what_the_journeys_say(world: World, workers: Forge, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201  to do the same again
    drawn, at = random.Random(seed), now()  # noqa: S311
    grown = [overdue(at) for _ in range(200)]
    young = [overdue(at, at.date() - timedelta(days=3_000)) for _ in range(100)]
    await launched(world, [*grown, *young], at)
    running = [await workers.another(), await workers.another()]
    for _ in range(5):
        await asyncio.sleep(drawn.uniform(0.6, 1.8))
        await workers.killed(running.pop(drawn.randrange(2)))
        running.append(await workers.another())
        await slept(world)

    async def over() -> bool:
        await slept(world)
        return await counted(world, LEFT) == 0 and len(await ways(world)) == len(grown) + len(young) + 1

    await until(over)
    expected = dict.fromkeys([each.id for each in young], CHILD)
    expected |= dict.fromkeys([world.here.patient_id, *(each.id for each in grown)], ADULT)
    await each_was_done_once(world, expected)
