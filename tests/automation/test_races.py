"""The engine against what staff and patients do meanwhile, each order forced by stopping one of the two."""

from uuid import UUID

import asyncpg
from sqlalchemy import select
from sqlmodel import col

from automation.campaign import CampaignDraft
from automation.commands import advance
from automation.commands.campaign_sends import advance_campaign
from automation.commands.campaigns import (
    CampaignAct,
    abort_campaign,
    fresh_act,
    launch_campaign,
    make_campaign,
    pause_campaign,
)
from automation.commands.carrying import carry_over, take_out
from automation.commands.drafts import make_draft
from automation.commands.publishing import Deed, pause, publish, stop
from automation.journey.words import Carrying
from automation.tables import JourneyRow
from automation.templates import HYGIENE_RECALL
from core.events import SYSTEM
from core.ids import new_id
from enamel.worker.automation import run_journeys
from push.commands import Due, claim_notices, set_consent
from push.consent import ConsentChannel
from push.notice import Purpose
from tests.automation.people import Person
from tests.automation.test_fuzzed_journeys import TWICE, UNTIMED, count
from tests.automation.test_recall import DAY, NOON, admitted, enrolments, launched, log, notices, timers, unseen
from tests.automation.test_triggers import BY_HAND, HOUR, MINUTE, journey, put_in, started
from tests.enamel.journey_points import Point
from tests.racing import second_passes, second_waits
from tests.world import World

MOVED = Point("moved on, before the log says so", "touchpoint", "insert", "new.verdict = 'sent'")
MADE = Point("a message is made", "notice", "insert")
SENT_TWICE = TWICE.format("touchpoint where verdict = 'sent' group by enrolment_id, step")


async def due_again(world: World) -> UUID:
    """One patient waits on the recall's second step, until four days later; the journey."""
    await launched(world, [unseen()])
    await run_journeys(world.database, NOON)
    return (await enrolments(world))[0].journey_id


async def moved(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        return await advance(sweeping, NOON + 4 * DAY, 10)


async def out(world: World) -> None:
    (row,) = await enrolments(world)
    async with world.database.writing(world.here.scope) as writing:
        await take_out(writing, world.here.clinic_id, row.id, SYSTEM, NOON + 4 * DAY)


async def anew(world: World, carrying: Carrying) -> None:
    clinic_id, at = world.here.clinic_id, NOON + 4 * DAY
    async with world.database.writing(world.here.scope) as writing:
        draft = await make_draft(writing, clinic_id, HYGIENE_RECALL, SYSTEM, at)
        await writing.flush()
        await publish(writing, Deed(clinic_id, SYSTEM, at), draft.journey_id, draft.digest, carrying)


async def halted(world: World, journey_id: UUID) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await pause(writing, Deed(world.here.clinic_id, SYSTEM, NOON + 4 * DAY), journey_id)


async def test_who_is_taken_out_while_a_worker_moves_them_leaves_and_their_message_too(
    world: World, owner: asyncpg.Connection
) -> None:
    await due_again(world)
    changed, _ = await second_waits(owner, MOVED, lambda: moved(world), lambda: out(world))
    assert changed == 1
    assert [row.state for row in await enrolments(world)] == ["exited"]
    assert {each.state for each in await notices(world)} == {"cancelled"}
    assert (await timers(world), (await log(world))[-1][2]) == (0, "exited")


async def test_who_is_being_taken_out_is_passed_by(world: World, owner: asyncpg.Connection) -> None:
    await due_again(world)
    left = Point("out, before its commit", "touchpoint", "insert", "new.verdict = 'exited'")
    _, changed = await second_passes(owner, left, lambda: out(world), lambda: moved(world))
    assert changed == 0
    assert len(await notices(world)) == 1
    assert await run_journeys(world.database, NOON + 5 * DAY) == 0


async def test_a_version_published_while_a_worker_moves_carries_who_was_moved_once(
    world: World, owner: asyncpg.Connection
) -> None:
    first = await due_again(world)
    changed, _ = await second_passes(owner, MOVED, lambda: moved(world), lambda: anew(world, Carrying.MOVE))
    assert changed == 1
    async with world.database.sweeping() as sweeping:
        assert await carry_over(sweeping, NOON + 4 * DAY, 10) == 1
    (row,) = await enrolments(world)
    assert (row.state, row.journey_id != first) == ("active", True)
    await run_journeys(world.database, NOON + 4 * DAY + MINUTE)
    assert len(await notices(world)) == 2
    for statement in (UNTIMED, SENT_TWICE):
        assert await count(world, statement) == 0


async def test_after_a_halt_nobody_moves_but_who_was_on_the_way(world: World, owner: asyncpg.Connection) -> None:
    journey_id = await due_again(world)
    changed, _ = await second_passes(owner, MOVED, lambda: moved(world), lambda: halted(world, journey_id))
    assert changed == 1
    assert await run_journeys(world.database, NOON + 9 * DAY) == 0
    assert await run_journeys(world.database, NOON + 60 * DAY) == 0
    assert await count(world, UNTIMED) == 0


async def campaign(world: World) -> CampaignAct:
    """Of an offer, to the two of the clinic, who agreed; begun, nobody was told yet."""
    here = world.here
    act = fresh_act(here.clinic_id, new_id(), NOON)
    said = {"name": "C", "criteria": {"kind": "age_at_least", "years": 1}, "kind": "offer"}
    async with world.database.writing(here.scope) as writing:
        for patient_id in (here.patient_id, here.other_patient_id):
            whose = (here.clinic_id, patient_id, Purpose.MARKETING)
            await set_consent(writing, *whose, True, SYSTEM, NOON, channel=ConsentChannel.PUSH)
        await make_campaign(writing, act, CampaignDraft.model_validate(said))
        await writing.flush()
        await launch_campaign(writing, act)
    assert await handed(world, act) == 1
    return act


async def handed(world: World, act: CampaignAct) -> int:
    async with world.database.sweeping() as sweeping:
        return await advance_campaign(sweeping, act.clinic_id, act.campaign_id, NOON, 10)


async def claimed(world: World) -> list[Due]:
    async with world.database.sweeping() as sweeping:
        return await claim_notices(sweeping, NOON + HOUR, 10, MINUTE)


async def test_a_pause_waits_for_what_is_being_handed_over_and_holds_all_of_it(
    world: World, owner: asyncpg.Connection
) -> None:
    act = await campaign(world)

    async def paused() -> None:
        async with world.database.writing(world.here.scope) as writing:
            await pause_campaign(writing, act)

    number, _ = await second_waits(owner, MADE, lambda: handed(world, act), paused)
    assert number == len(await notices(world)) == 2
    assert await claimed(world) == []
    assert await handed(world, act) == 0
    assert await count(world, "select count(*) from delivery") == 0


async def test_after_an_abort_nothing_more_is_claimed(world: World, owner: asyncpg.Connection) -> None:
    act = await campaign(world)

    async def aborted() -> None:
        async with world.database.writing(world.here.scope) as writing:
            await abort_campaign(writing, act)

    number, _ = await second_waits(owner, MADE, lambda: handed(world, act), aborted)
    assert number == len(await notices(world)) == 2
    assert await claimed(world) == []
    assert await handed(world, act) == 2
    assert {(each.state, each.reason) for each in await notices(world)} == {("cancelled", "campaign-aborted")}


STOPPED = Point("a journey is stopped", "journey", "update", "new.state = 'stopped'")


async def test_nobody_comes_into_a_journey_that_is_being_stopped(world: World, owner: asyncpg.Connection) -> None:
    """Whoever let them in has seen it run still; nothing would ever move them on, or let them out."""
    person, here = Person(), world.here
    await admitted(world, here, [person])
    await started(world, journey(BY_HAND))
    async with world.database.sweeping() as sweeping:
        running = (await sweeping.execute(select(col(JourneyRow.id)))).scalar_one()

    async def stops() -> None:
        async with world.database.writing(here.scope) as writing:
            await stop(writing, Deed(here.clinic_id, SYSTEM, NOON), running)

    await second_waits(owner, STOPPED, stops, lambda: put_in(world, "j", person))
    assert [row.state for row in await enrolments(world) if row.state == "active"] == []
