"""Reminders of visits: nothing goes out of a visit that is called off, moved or confirmed, whoever changed it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from enamel.worker.visits import quiet_reminders
from push.channel import Way
from push.commands import Answer, claim_notices, claim_tries, enqueue_across, record_outcomes
from push.notice import Notice, NoticeKind, Purpose
from push.outcome import Outcome, Result
from tests.push.lines import make_usual
from tests.push.phones import give_phone
from tests.push.test_outbox import worker_statements
from tests.world import DAY, World

LEASE = timedelta(minutes=1)
K = NoticeKind


@pytest.fixture
async def world(world: World) -> World:
    """The world, where the patient here has a phone, and the clinic an SMS line."""
    await give_phone(world.database, world.keys, world.here, "token-of-anna", now())
    await make_usual(world.database, world.here, Way.SMS)
    return world


async def a_visit(world: World, days: int = 3) -> tuple[UUID, Any]:
    start = (now() + days * DAY).replace(microsecond=0)
    body = {"starts_at": rfc3339(start), "ends_at": rfc3339(start + DAY / 24), "service": "Hygiene"}
    path = f"/v1/staff/patients/{world.here.patient_id}/appointments"
    answer = await world.post(path, world.here.staff, body)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["appointment_id"]), start


async def told(world: World, kind: NoticeKind = K.REMINDING, days: int = 3, **more: Any) -> tuple[UUID, UUID]:
    """The visit and the notice of it, whose cause is something else."""
    visit, start = await a_visit(world, days)
    at = now()
    facts: dict[str, Any] = {"cause_id": new_id(), "visit_id": visit, "visit_at": start, "wording": "visit-remind"}
    told = Notice(
        world.here.patient_id, kind, Purpose.SERVICE, str(new_id()), at, at + DAY, **{**facts, **more}
    )  # fmt: skip
    async with world.database.writing(world.here.scope) as writing:
        (notice,) = (await enqueue_across(writing, [(world.here.clinic_id, told)], at)).values()
    return visit, notice


async def sent(world: World, after: timedelta = timedelta(0)) -> list[str]:
    """The ways of one round of a worker, each of which a provider takes."""
    at, due = now() + after, []
    for claim in (claim_tries, claim_notices):
        async with world.database.sweeping() as sweeping:
            due += await claim(sweeping, at, 10, LEASE)
    async with world.database.sweeping() as sweeping:
        await record_outcomes(sweeping, [Answer(each, Outcome(Result.ACCEPTED)) for each in due], at, lambda: 0.5)
    return [each.channel.value for each in due]


async def sql(world: World, statement: str, **values: Any) -> list[Any]:
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(text(statement), values)).all())


async def change(world: World, statement: str, **values: Any) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text(statement), values)


async def reasons(world: World) -> list[str]:
    rows = await sql(world, "select facts ->> 'reason' from event where kind = 'push.suppressed' order by id")
    return [reason for (reason,) in rows]


CHANGES = {
    "visit-over": "update appointment set status = 'cancelled' where id = :visit",
    "visit-moved": "update appointment set starts_at = starts_at + interval '1 day', ends_at = ends_at +"
    " interval '1 day' where id = :visit",
    "visit-confirmed": "update appointment set confirmed_by_patient_at = now() where id = :visit",
}


async def test_a_reminder_of_a_visit_that_stands_goes_out(world: World) -> None:
    await told(world)
    assert await quiet_reminders(world.database, now()) == 0
    assert await sent(world) == ["push"]


@pytest.mark.parametrize("reason", CHANGES)
async def test_nothing_goes_out_of_what_changed_even_before_the_sweep(world: World, reason: str) -> None:
    visit, _ = await told(world, K.CONFIRMING)
    await change(world, CHANGES[reason], visit=visit)
    assert await sent(world) == []
    assert await reasons(world) == [reason]
    assert await quiet_reminders(world.database, now()) == 0
    assert await reasons(world) == [reason]


@pytest.mark.parametrize("reason", CHANGES)
async def test_the_next_way_is_not_tried_of_what_changed(world: World, reason: str) -> None:
    visit, _ = await told(world, K.CONFIRMING)
    assert await sent(world) == ["push"]
    await change(world, CHANGES[reason], visit=visit)
    assert await sent(world, timedelta(hours=2)) == []
    assert await reasons(world) == [reason]


@pytest.mark.parametrize("reason", CHANGES)
async def test_the_sweep_takes_back_what_waits_and_says_why(world: World, reason: str) -> None:
    visit, notice = await told(world, K.CONFIRMING)
    await told(world, K.CONFIRMING, days=5)
    await change(world, CHANGES[reason], visit=visit)
    assert await quiet_reminders(world.database, now()) == 1
    assert await quiet_reminders(world.database, now()) == 0
    assert await reasons(world) == [reason]
    assert await sql(world, "select id, reason from notice where state = 'cancelled'") == [(notice, reason)]
    assert await sent(world) == ["push"], "of the other one"


async def test_two_sweeps_take_each_back_once(world: World) -> None:
    visit, _ = await told(world)
    await change(world, CHANGES["visit-over"], visit=visit)
    at = now()
    assert sum(await asyncio.gather(*(quiet_reminders(world.database, at) for _ in range(3)))) == 1
    assert await reasons(world) == ["visit-over"]


async def test_a_visit_that_its_patient_calls_off_is_not_reminded_of(world: World) -> None:
    """Over the API, as it happens."""
    visit, _ = await told(world)
    path = f"/v1/me/appointments/{visit}/cancellation"
    answer = await world.post(path, world.here.patient, {})
    assert answer.status_code in (200, 201), answer.text
    assert await sent(world) == []
    assert await reasons(world) == ["visit-over"]


async def test_a_call_is_called_off_when_the_visit_is_confirmed(world: World) -> None:
    here = world.here
    visit, notice = await told(world, K.CONFIRMING)
    await sent(world)
    task = (
        "insert into call_task (clinic_id, id, patient_id, notice_id, kind, purpose, state, made_at, due_until,"
        " handed_over) values (:clinic, :id, :patient, :notice, 'confirming', 'service', 'open', now(), now(), true)"
    )
    whose = {"clinic": here.clinic_id, "patient": here.patient_id}
    await change(world, task, id=new_id(), notice=notice, **whose)
    await change(world, "update notice set tried = '{push,sms,messenger,call}', next_at = null")
    await change(world, CHANGES["visit-confirmed"], visit=visit)
    assert await quiet_reminders(world.database, now()) == 1
    assert await sql(world, "select state, handed_over from call_task") == [("cancelled", False)]


async def test_where_the_visit_is_the_cause_it_is_asked_too(world: World) -> None:
    visit, _ = await a_visit(world)
    at = now()
    told = Notice(world.here.patient_id, K.REMINDING, Purpose.SERVICE, "x", at, at + DAY, cause_id=visit)
    async with world.database.writing(world.here.scope) as writing:
        await enqueue_across(writing, [(world.here.clinic_id, told)], at)
    await change(world, CHANGES["visit-moved"], visit=visit)
    assert await quiet_reminders(world.database, at) == 0, "nobody noted when it was to begin"
    await change(world, CHANGES["visit-over"], visit=visit)
    assert await quiet_reminders(world.database, at) == 1


async def test_that_a_visit_is_called_off_may_be_told(world: World) -> None:
    visit, _ = await told(world, K.VISIT, visit_at=None)
    await change(world, CHANGES["visit-over"], visit=visit)
    assert await quiet_reminders(world.database, now()) == 0
    assert await sent(world) == ["push"]


@pytest.mark.parametrize("number", [1, 12])
async def test_as_many_statements_for_many_as_for_one(world: World, number: int) -> None:
    visit, start = await a_visit(world)
    at = now()
    facts = {"visit_id": visit, "visit_at": start}
    many = [
        Notice(world.here.patient_id, K.REMINDING, Purpose.SERVICE, str(index), at, at + DAY, **facts)
        for index in range(number)
    ]
    async with world.database.writing(world.here.scope) as writing:
        await enqueue_across(writing, [(world.here.clinic_id, each) for each in many], at)
    await change(world, CHANGES["visit-over"], visit=visit)
    with worker_statements(world.database, 6):
        assert await quiet_reminders(world.database, at) == number
