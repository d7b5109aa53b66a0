"""A dry run says what the next tick does, and writes nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, func, insert, literal_column, select, text
from sqlmodel import SQLModel

from automation.commands import start_journey
from automation.journey.document import Journey
from automation.queries.dry_run import DryRun, dry_run
from cabinet.facts import ServiceKind
from clinic.appointment import AppointmentStatus
from clinic.commands import open_branch
from enamel.worker.automation import run_journeys
from push.consent import ConsentChannel
from push.tables import ConsentRow, ContactPolicyRow, ContactRing
from tests.automation.people import Booking, Done, Person, add_people
from tests.automation.ways_through import DAY, NOON, RECALL, Went, journey_of, people, put_ways
from tests.conftest import Queries
from tests.world import Party, World

OVERDUE = Done(ServiceKind.HYGIENE, (NOON - 200 * DAY).date())


async def asked(world: World, journey: Journey = RECALL, *, clinical: bool = True) -> DryRun:
    async with world.database.reading(world.here.scope) as reading:
        return await dry_run(reading, world.here.clinic_id, journey, NOON, clinical=clinical)


async def late(world: World, count: int, party: Party | None = None, **said: Any) -> list[UUID]:
    return await people(world, count, party, done=[OVERDUE], **said)


async def launched(world: World, journey: Journey) -> set[UUID]:
    """Whom the next tick of the engine takes in."""
    async with world.database.writing(world.here.scope) as writing:
        await start_journey(writing, world.here.clinic_id, journey, NOON)
    await run_journeys(world.database, NOON)
    async with world.database.sweeping() as sweeping:
        found = text("select patient_id from enrolment where journey_key = :key and entered_at = :at")
        return set((await sweeping.execute(found, {"key": journey.key, "at": NOON})).scalars())


async def test_who_would_come_in_is_who_comes_in(world: World, at_most: Queries) -> None:
    """Of ten who match one is on it, one was lately, one long ago, one is on another journey of the group."""
    who, other = await late(world, 10), RECALL.model_copy(update={"key": "other", "group": "reach"})
    await late(world, 3, world.there)
    await people(world, 4)
    mine = RECALL.model_copy(update={"group": "reach"})
    earlier = await journey_of(world, world.here, mine, version=7, state="ended")
    elsewhere = await journey_of(world, world.here, other, state="paused")
    await put_ways(world, world.here, earlier, [
        Went(who[0], entered_at=NOON - 300 * DAY),
        Went(who[1], "completed", entered_at=NOON - 150 * DAY + timedelta(seconds=1)),
        Went(who[2], "completed", entered_at=NOON - 150 * DAY),
    ])  # fmt: skip
    await put_ways(world, world.here, elsewhere, [Went(who[3])], key="other")
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update enrolment set exclusive_group = 'reach' where journey_key = 'other'"))
    with at_most(15):
        found = await asked(world, mine)
    assert (found.matching, found.entering, found.in_group, found.first_day) == (10, 7, 1, 7)
    assert set(found.patient_ids) == {who[2], *who[4:]}
    assert [(each.branch_id, each.count) for each in found.branches] == [(world.here.branch_id, 7)]
    assert await launched(world, mine) == set(found.patient_ids)


@pytest.mark.parametrize(("rank", "comes"), [(499, 1), (500, 0)])
async def test_whom_it_takes_over_would_come_in(world: World, rank: int, comes: int) -> None:
    """The other has the number 500: of a lower one nobody is kept out by it."""
    who = await late(world, 1)
    other = RECALL.model_copy(update={"key": "other", "group": "reach"})
    mine = RECALL.model_copy(update={"group": "reach", "takes_over": True, "rank": rank})
    await put_ways(world, world.here, await journey_of(world, world.here, other), [Went(who[0])], key="other")
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update enrolment set exclusive_group = 'reach' where journey_key = 'other'"))
    found = await asked(world, mine)
    assert (found.entering, found.in_group) == (comes, 1 - comes)
    assert len(await launched(world, mine)) == comes


async def test_without_a_gap_nobody_comes_in_twice_and_without_a_group_nobody_is_kept_out(world: World) -> None:
    once, who = RECALL.model_copy(update={"again_after_days": None}), await late(world, 3)
    before = await journey_of(world, world.here, once, version=7, state="ended")
    await put_ways(world, world.here, before, [Went(who[0], "completed", entered_at=NOON - 1_000 * DAY)])
    other = RECALL.model_copy(update={"key": "other"})
    await put_ways(world, world.here, await journey_of(world, world.here, other), [Went(who[1])], key="other")
    found = await asked(world, once)
    assert (found.matching, found.entering, found.in_group) == (3, 2, 0)
    assert set(found.patient_ids) == set(who[1:])


async def test_who_has_a_visit_ahead_is_judged_by_the_criteria_alone(world: World) -> None:
    await late(world, 2, bookings=[Booking(AppointmentStatus.BOOKED, NOON + DAY)])
    assert (await asked(world)).matching == 2


async def test_branches_are_told_apart(world: World) -> None:
    far = Person(zone="America/New_York", done=[OVERDUE])
    async with world.database.writing(world.here.scope) as writing:
        west = await open_branch(writing, world.here.clinic_id, "West", far.zone)
        await add_people(writing, world.here.clinic_id, {far.zone: west}, [far], NOON)
    await late(world, 2)
    assert {each.branch_id: each.count for each in (await asked(world)).branches} == {west: 1, world.here.branch_id: 2}


async def test_a_branch_tells_who_would_turn_where_by_todays_facts(world: World) -> None:
    await late(world, 2)
    await late(world, 1, birth_date=NOON.date() - 3_000 * DAY)
    ways = [(each.step, each.to, each.count) for each in (await asked(world)).ways]
    assert ways == [("grown", "done", 2), ("grown", None, 1)]


async def test_a_case_is_taken_by_who_no_case_above_it_holds_of(world: World) -> None:
    cases = [{"when": {"kind": "age_at_least", "years": years}, "to": "done"} for years in (60, 18)]
    said = RECALL.definition()
    said["steps"][2]["cases"] = cases
    await late(world, 2)
    await late(world, 1, birth_date=NOON.date() - 30_000 * DAY)
    found = await asked(world, Journey.model_validate(said, strict=False))
    assert [(each.to, each.count) for each in found.ways] == [("done", 1), ("done", 2), (None, 0)]


async def test_the_ways_are_those_of_its_messages_with_who_agreed(world: World) -> None:
    """A recall by push needs no yes; by SMS one did say it, and has no phone."""
    who = await late(world, 3)
    async with world.database.sweeping() as sweeping:
        yes = ConsentRow(
            clinic_id=world.here.clinic_id, patient_id=who[0], purpose="recall", channel="sms", granted=True,
            at=NOON - DAY, actor_kind="patient",
        )  # fmt: skip
        sweeping.add(yes)
    ways = {each.channel: each for each in (await asked(world)).channels}
    assert (ways[ConsentChannel.PUSH].agreed, ways[ConsentChannel.PUSH].reachable) == (3, 0)
    assert (ways[ConsentChannel.SMS].agreed, ways[ConsentChannel.SMS].reachable) == (1, 0)
    assert ways[ConsentChannel.MESSENGER].reachable is None


async def ring(world: World, patient_id: UUID, channel: str, *ago: timedelta) -> None:
    row = {
        "clinic_id": world.here.clinic_id, "patient_id": patient_id, "purpose": "recall", "channel": channel,
        "sent_at": [NOON - each for each in ago],
    }  # fmt: skip
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(insert(ContactRing), [row])


async def test_who_has_no_room_under_the_caps_is_counted(world: World) -> None:
    """Of recalls four in thirty days; a call lately keeps no message out."""
    who = await late(world, 4)
    await ring(world, who[0], "any", DAY, 2 * DAY, 3 * DAY, 29 * DAY)
    await ring(world, who[1], "any", DAY, 2 * DAY, 3 * DAY, 31 * DAY)
    await ring(world, who[2], "any", DAY, 2 * DAY, 3 * DAY)
    await ring(world, who[3], "call", DAY)
    found = await asked(world)
    assert (found.entering, found.without_room) == (4, 1)


async def test_where_the_cap_is_nought_nobody_has_room(world: World) -> None:
    await late(world, 2)
    caps = [{"purpose": "recall", "most": 0, "days": 1}]
    async with world.database.sweeping() as sweeping:
        row = {"clinic_id": world.here.clinic_id, "caps": caps, "calls": False, "changed_at": NOON}
        await sweeping.execute(insert(ContactPolicyRow), [row])
    assert (await asked(world)).without_room == 2


async def test_a_day_lets_in_no_more_than_it_may(world: World) -> None:
    await late(world, 7)
    found = await asked(world, RECALL.model_copy(update={"per_day": 6}))
    assert (found.entering, found.first_day) == (7, 6)


async def test_few_people_are_not_told_of_to_the_marketer(world: World) -> None:
    await late(world, 7)
    await late(world, 2, birth_date=NOON.date() - 3_000 * DAY)
    found = await asked(world, clinical=False)
    assert (found.matching, found.entering, found.patient_ids) == (5, 5, [])
    assert [(each.to, each.count) for each in found.ways] == [("done", 5), (None, None)]


async def rows(world: World) -> dict[str, tuple[int, int]]:
    """Of each table how many rows there are, and the youngest transaction that wrote one."""
    found = {}
    youngest: ColumnElement[int] = func.coalesce(func.max(literal_column("xmin::text::bigint")), 0)
    async with world.database.sweeping() as sweeping:
        for name, table in SQLModel.metadata.tables.items():
            count, written = (await sweeping.execute(select(func.count(), youngest).select_from(table))).one()
            found[name] = (count, written)
    return found


async def test_nothing_is_written(world: World) -> None:
    await late(world, 3)
    before = await rows(world)
    body = RECALL.definition()
    answer = await world.post("/v1/staff/journeys/dry-run", world.here.staff, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["entering"] == 3
    assert await rows(world) == before


async def test_without_criteria_nobody_can_be_asked(world: World) -> None:
    manual = RECALL.model_copy(update={"trigger": RECALL.trigger.model_validate({"kind": "manual"}, strict=False)})
    with pytest.raises(ValueError, match="criteria"):
        await asked(world, manual)
