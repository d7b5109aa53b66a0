"""Tokens, circuits and pauses of lines, in PostgreSQL and for any number of workers."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from core.clock import now
from push.channel import Way
from push.circuit import PROBE
from push.commands.line_outcomes import LineOutcome, forget_line_minutes, take_line_outcomes
from push.commands.pace import Ask, Turn, set_clinic_rate, take_turns
from push.line import Line
from push.outcome import Outcome, Result
from push.queries.lines import lines_of, paused_hosts
from push.ways import awake
from tests.conftest import Queries
from tests.push.lines import gateway, make
from tests.push.phones import HOUR, MINUTE, NOON, SECOND
from tests.world import World

REFUSED, TAKEN = Outcome(Result.CONFIG, "bad-key"), Outcome(Result.ACCEPTED, provider_id="1")
DEAD = Outcome(Result.DEAD, "unregistered")


async def line_of(world: World, name: str = "texts", rate: int = 600) -> Line:
    return await make(world.database, world.here, gateway("https://sms.example", name, rate_per_minute=rate))


async def turns(world: World, *asks: Ask, at: datetime = NOON) -> list[Turn]:
    async with world.database.sweeping() as sweeping:
        return await take_turns(sweeping, asks, at)


async def taken(world: World, wanted: dict[UUID, int], at: datetime = NOON) -> dict[UUID, int]:
    """How many of those wanted may go now."""
    asks = [Ask(line_id) for line_id, number in wanted.items() for _ in range(number)]
    given = await turns(world, *asks, at=at)
    now = [ask.line_id for ask, turn in zip(asks, given, strict=True) if turn.at <= at]
    return {line_id: now.count(line_id) for line_id in wanted}


async def told(world: World, line: Line, *outcomes: Outcome, at: datetime = NOON, host: str = "") -> frozenset[UUID]:
    async with world.database.sweeping() as sweeping:
        return await take_line_outcomes(sweeping, [LineOutcome(line.line_id, each, host) for each in outcomes], at)


async def usable(world: World, at: datetime = NOON) -> list[Line]:
    async with world.database.sweeping() as sweeping:
        found = await lines_of(sweeping, [world.here.clinic_id], at)
    return awake(found, world.here.clinic_id, Way.SMS)


async def alerts(world: World) -> list[tuple[str, str]]:
    asked = text("select kind, facts->>'why' from event where kind in ('line.opened', 'line.closed') order by id")
    async with world.database.sweeping() as sweeping:
        return [(kind, why) for kind, why in await sweeping.execute(asked)]


async def test_twenty_workers_together_take_no_more_than_there_is(world: World) -> None:
    line = await line_of(world, rate=600)  # a hundred at once
    given = await asyncio.gather(*(taken(world, {line.line_id: 30}) for _ in range(20)))
    assert sum(each[line.line_id] for each in given) == 100
    # Five hundred have a later turn each, ten a second; nobody goes before them.
    (next_turn,) = await turns(world, Ask(line.line_id), at=NOON + SECOND)
    assert next_turn == Turn(NOON + timedelta(seconds=50.1), paid=True)


async def test_whose_turn_it_is_takes_no_other_and_nobody_is_given_one_hours_ahead(world: World) -> None:
    line = await line_of(world, rate=6)  # one at once, then one in ten seconds
    first, second = await turns(world, Ask(line.line_id), Ask(line.line_id))
    assert (first.at, second) == (NOON, Turn(NOON + 10 * SECOND, paid=True))
    assert await turns(world, Ask(line.line_id, paid=True), at=second.at) == [Turn(second.at, paid=True)]
    given = await turns(world, *[Ask(line.line_id)] * 500, at=second.at)
    assert {turn.paid for turn in given[:359]} == {True}
    assert set(given[361:]) == {Turn(second.at + HOUR, paid=False)}


async def test_a_campaign_leaves_room_for_reminders(world: World) -> None:
    line = await line_of(world, rate=600)
    await turns(world, *[Ask(line.line_id, bulk=True)] * 1_000)
    assert (await turns(world, Ask(line.line_id), at=NOON + 30 * SECOND))[0].at == NOON + 30 * SECOND


async def test_a_clinic_has_a_pace_of_its_own_over_all_its_lines(world: World) -> None:
    lines = [await line_of(world, name) for name in ("a", "b")]
    async with world.database.sweeping() as sweeping:
        await set_clinic_rate(sweeping, world.here.clinic_id, 300, NOON)  # fifty at once
    given = await taken(world, {line.line_id: 40 for line in lines})
    assert sorted(given.values()) == [10, 40]


async def test_any_number_of_lines_costs_the_same_few_statements(world: World, at_most: Queries) -> None:
    lines = [await line_of(world, f"line {n}") for n in range(12)]
    with at_most(5):
        given = await taken(world, {line.line_id: 3 for line in lines})
    assert set(given.values()) == {3}
    outcomes = [LineOutcome(line.line_id, outcome) for line in lines for outcome in (REFUSED, REFUSED)]
    with at_most(7):
        async with world.database.sweeping() as sweeping:
            await take_line_outcomes(sweeping, outcomes, NOON)


async def test_an_open_line_is_not_offered_and_then_one_worker_tries_it(world: World) -> None:
    line = await line_of(world)
    await told(world, line, REFUSED)
    assert [each.line_id for each in await usable(world)] == [line.line_id]
    await told(world, line, REFUSED)
    assert await usable(world) == []
    assert await taken(world, {line.line_id: 5}) == {line.line_id: 0}
    later = NOON + MINUTE
    assert len(await usable(world, later)) == 1
    given = await asyncio.gather(*(taken(world, {line.line_id: 5}, later) for _ in range(10)))
    assert sorted(each[line.line_id] for each in given) == [0] * 9 + [1]
    assert await usable(world, later) == []
    await told(world, line, TAKEN, at=later + SECOND)
    assert len(await usable(world, later + SECOND)) == 1
    assert await alerts(world) == [("line.opened", "config"), ("line.closed", "answered")]


async def test_a_worker_that_dies_while_it_tries_leaves_the_line_to_another(world: World) -> None:
    line, later = await line_of(world), NOON + MINUTE
    await told(world, line, REFUSED, REFUSED)
    assert (await taken(world, {line.line_id: 1}, later))[line.line_id] == 1
    assert (await taken(world, {line.line_id: 1}, later + PROBE - SECOND))[line.line_id] == 0
    assert (await taken(world, {line.line_id: 1}, later + PROBE))[line.line_id] == 1


async def test_two_workers_that_are_refused_at_once_open_it_once(world: World) -> None:
    line = await line_of(world)
    await asyncio.gather(*(told(world, line, REFUSED) for _ in range(20)))
    assert await alerts(world) == [("line.opened", "config")]
    assert await usable(world, NOON + MINUTE) != []


async def test_where_phones_die_by_the_dozen_none_is_believed_and_the_clinic_is_told(world: World) -> None:
    line = await line_of(world)
    assert await told(world, line, *[TAKEN] * 40, *[DEAD] * 50) == frozenset()
    assert await told(world, line, DEAD, at=NOON + 9 * MINUTE) == {line.line_id}
    assert await told(world, line, DEAD, at=NOON + 9 * MINUTE + SECOND) == {line.line_id}
    assert await usable(world, NOON + 9 * MINUTE) == []
    assert await alerts(world) == [("line.opened", "mass-death")]


async def test_deaths_of_longer_ago_than_ten_minutes_do_not_count(world: World) -> None:
    line = await line_of(world)
    await told(world, line, *[DEAD] * 50)
    assert await told(world, line, *[DEAD] * 50, at=NOON + 11 * MINUTE) == frozenset()


async def test_a_line_waits_when_it_is_asked_to_and_others_do_not(world: World) -> None:
    line, other = await line_of(world, "a"), await line_of(world, "b")
    await told(world, line, Outcome(Result.THROTTLED, "429", retry_after=30 * SECOND))
    assert [each.line_id for each in await usable(world)] == [other.line_id]
    wanted = {line.line_id: 1, other.line_id: 1}
    assert await taken(world, wanted) == {line.line_id: 0, other.line_id: 1}
    assert await taken(world, wanted, NOON + 30 * SECOND) == {line.line_id: 1, other.line_id: 1}


async def test_a_push_service_that_asks_for_time_stops_itself_and_not_the_build(world: World) -> None:
    line, busy = await line_of(world), "push.example"
    slow = Outcome(Result.THROTTLED, "429", retry_after=9 * HOUR)
    await told(world, line, slow, at=NOON, host=busy)
    assert [each.line_id for each in await usable(world)] == [line.line_id]
    async with world.database.sweeping() as sweeping:
        assert await paused_hosts(sweeping, [line.line_id], NOON) == {(line.line_id, busy): NOON + HOUR}
        assert await paused_hosts(sweeping, [line.line_id], NOON + HOUR) == {}
        assert await forget_line_minutes(sweeping, NOON + timedelta(days=2)) == 2


async def test_a_switched_off_line_gives_nothing_and_unknown_ids_neither(world: World) -> None:
    line = await make(world.database, world.here, gateway("https://sms.example", enabled=False))
    assert await usable(world) == []
    stranger = UUID(int=7)
    assert await taken(world, {line.line_id: 3, stranger: 3}) == {line.line_id: 0, stranger: 0}
    assert await told(world, line, DEAD) == frozenset()


async def test_lines_of_two_clinics_are_judged_apart(world: World) -> None:
    line, other = await line_of(world), await make(world.database, world.there, gateway("https://sms.example"))
    told_of_both = [LineOutcome(line.line_id, REFUSED)] * 2 + [LineOutcome(other.line_id, TAKEN)]
    async with world.database.sweeping() as sweeping:
        await take_line_outcomes(sweeping, told_of_both, NOON)
        found = await lines_of(sweeping, [world.here.clinic_id, world.there.clinic_id], NOON)
    assert [line.clinic_id for lines in found.values() for line in lines if line.rests_until is None] == [
        world.there.clinic_id
    ]
    assert await usable(world, NOON + MINUTE) != []
    given = await taken(world, {line.line_id: 9, other.line_id: 9})
    assert given == {line.line_id: 0, other.line_id: 9}


async def test_figures_say_what_became_of_a_lines_sends(world: World) -> None:
    line, at = await line_of(world), now()
    await told(world, line, TAKEN, TAKEN, DEAD, Outcome(Result.NOT_SENT, "no-connection"), at=at - MINUTE)
    await told(world, line, TAKEN, at=at - 5 * HOUR)
    path = f"/v1/staff/lines/{line.line_id}/figures"
    seen = (await world.get(path, world.here.staff)).json()
    assert (seen["accepted"], seen["dead"], seen["not_sent"], seen["config"]) == (2, 1, 1, 0)
    assert (await world.get(path, world.here.staff, params={"hours": 6})).json()["accepted"] == 3


async def test_no_push_service_of_browsers_stops_a_line(world: World) -> None:
    """Its address is the phone's word: anybody's server may refuse us, or call any number of its own phones dead."""
    line = await line_of(world)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update line set way = 'webpush', provider = 'webpush'"))
    odd, good = "push.anybody.example", "push.browser.example"
    assert await told(world, line, *[REFUSED] * 5, *[DEAD] * 60, host=odd) == frozenset()
    assert await alerts(world) == []
    first, second = await turns(world, Ask(line.line_id, host=odd), Ask(line.line_id, host=good))
    assert (first, second) == (Turn(NOON + MINUTE, paid=False), Turn(NOON, paid=True))


async def test_a_phone_of_another_project_is_no_refusal_of_our_credentials_but_many_are(world: World) -> None:
    line, elsewhere = await line_of(world), Outcome(Result.CONFIG, "sender-id-mismatch")
    for minute in range(5):
        await told(world, line, elsewhere, at=NOON + minute * MINUTE)
    assert await alerts(world) == []
    await told(world, line, *[elsewhere] * 50, at=NOON + 5 * MINUTE)
    assert await alerts(world) == [("line.opened", "mass-death")]
