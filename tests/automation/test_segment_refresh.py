"""Segments of criteria keep themselves by facts and by the clock, and the nightly look at everybody finds nothing."""

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update
from sqlmodel import col

from automation.commands.membership import let_criteria_decide, put_in, tag_across, take_out
from automation.commands.segment_refresh import refresh_rule
from automation.commands.segments import change_segment, make_segment
from automation.library import ChangeCause, SegmentDraft, SegmentKind, SegmentWords
from automation.queries.rules import rules
from automation.queries.segments import segment_statement
from automation.segment import Criterion
from automation.tables import SegmentChange, SegmentMark, SegmentMember
from cabinet.facts import ServiceKind
from cabinet.tables.chart import ProcedureRow
from clinic.tables import Appointment, Patient
from core.database import Sweeping
from core.events import SYSTEM, Happening, record
from core.ids import new_id
from enamel.worker.segments import keep_segments
from tests.automation.people import Done, Person, add_clinic, add_people, synced
from tests.automation.test_leaves import leaf
from tests.world import World

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = ["Europe/Rome", "America/Havana", "Asia/Kathmandu"]


def tree(kind: str, *items: Criterion) -> Criterion:
    return Criterion.model_validate({"kind": kind, "items": list(items)}, strict=False)


RECALL = tree(
    "all",
    leaf("procedure_last", procedure="hygiene", older_than_days=10),
    tree("not", leaf("appointment_ahead")),
)


class Clinic:
    """A clinic with people, and what happens to them told as commands tell it."""

    def __init__(self, world: World, clinic_id: UUID, branches: dict[str, UUID], people: Sequence[Person]) -> None:
        self.world, self.clinic_id, self.branches, self.people = world, clinic_id, branches, people
        self.visits: list[UUID] = []

    async def segment(self, key: str, criteria: Criterion | None, now: datetime = START) -> UUID:
        kind = SegmentKind.MANUAL if criteria is None else SegmentKind.RULE
        draft = SegmentDraft(key=key, name=key, kind=kind, criteria=criteria)
        async with self.world.database.sweeping() as sweeping:
            return await make_segment(sweeping, self.clinic_id, draft, SYSTEM, now)

    async def done(self, sweeping: Sweeping, who: UUID, kind: str, day: datetime, now: datetime) -> None:
        row = {"patient_id": who, "kind": kind, "performed_on": day.date()}
        await sweeping.execute(insert(ProcedureRow), [{**synced(self.clinic_id, new_id(), now), **row}])
        await self.told(sweeping, "procedure.performed", who, now)

    async def booked(self, sweeping: Sweeping, who: UUID, at: datetime, now: datetime) -> None:
        self.visits.append(new_id())
        row = {"patient_id": who, "starts_at": at, "ends_at": at + DAY / 24, "status": "booked", "service": "x"}
        row |= {"branch_id": self.branches[ZONES[0]], **synced(self.clinic_id, self.visits[-1], now)}
        await sweeping.execute(insert(Appointment), [row])
        await self.told(sweeping, "appointment.booked", who, now)

    async def told(self, sweeping: Sweeping, kind: str, who: UUID, now: datetime) -> None:
        await record(sweeping, self.clinic_id, SYSTEM, [Happening(kind, who, who)], now)

    async def members(self, segment_id: UUID) -> set[UUID]:
        statement = select(col(SegmentMember.patient_id)).where(
            col(SegmentMember.segment_id) == segment_id, col(SegmentMember.source) != "ban"
        )
        async with self.world.database.sweeping() as sweeping:
            return set((await sweeping.execute(statement)).scalars())

    async def changes(self, segment_id: UUID) -> list[tuple[UUID, bool, str]]:
        line = SegmentChange
        statement = select(col(line.patient_id), col(line.joined), col(line.cause)).where(
            col(line.segment_id) == segment_id
        )
        async with self.world.database.sweeping() as sweeping:
            return [tuple(row) for row in await sweeping.execute(statement.order_by(col(line.id)))]  # type: ignore[misc]

    async def true_of(self, criterion: Criterion, now: datetime) -> set[UUID]:
        async with self.world.database.sweeping() as sweeping:
            rows = await sweeping.execute(segment_statement(criterion), {"as_of": now})
            return {row.patient_id for row in rows if row.clinic_id == self.clinic_id}


async def clinic_of(world: World, people: Sequence[Person]) -> Clinic:
    async with world.database.sweeping() as sweeping:
        clinic_id, branches = await add_clinic(sweeping, ZONES, START)
        await add_people(sweeping, clinic_id, branches, people, START)
    return Clinic(world, clinic_id, branches, people)


def overdue(zone: str = ZONES[0]) -> Person:
    return Person(zone=zone, done=[Done(ServiceKind.HYGIENE, (START - 30 * DAY).date())])


CRITERIA = {
    "recall": RECALL,
    "young": leaf("age_between", years=17, to_years=17),
    "birthday": leaf("birthday_within", within_days=3),
    "often": leaf("procedure_count", procedure="hygiene", at_least=2, within_days=20),
    "quiet": leaf("event_without", event="appointment.booked", then_event="message.posted", then_days=2, within_days=9),
    "missed": tree("any", leaf("visit_last_is", visit_status="no_show"), leaf("contact_known", contact="email")),
}  # fmt: skip


async def happens(clinic: Clinic, dice: random.Random, tag: UUID, now: datetime) -> None:
    """One random thing, committed by itself."""
    who, what = dice.choice(clinic.people).id, dice.randrange(7)
    async with clinic.world.database.sweeping() as sweeping:
        if what == 0:
            await clinic.done(sweeping, who, "hygiene", now - dice.randrange(15) * DAY, now)
        elif what == 1:
            await clinic.booked(sweeping, who, now + timedelta(hours=dice.randrange(1, 200)), now)
        elif what == 2 and clinic.visits:
            # Moved to another patient: only the mark of the change names who had it before.
            moved = update(Appointment).where(col(Appointment.id) == dice.choice(clinic.visits))
            await sweeping.execute(moved.values(patient_id=who), execution_options={"synchronize_session": False})
            await clinic.told(sweeping, "appointment.moved", who, now)
        elif what == 3 and clinic.visits:
            gone = update(Appointment).where(col(Appointment.id) == dice.choice(clinic.visits))
            await sweeping.execute(gone.values(status="no_show"), execution_options={"synchronize_session": False})
        elif what == 4:
            await clinic.told(sweeping, "message.posted", who, now)
        elif what == 5:
            mail = update(Patient).where(col(Patient.id) == who).values(email=dice.choice([None, "a@b.example"]))
            await sweeping.execute(mail, execution_options={"synchronize_session": False})
            await clinic.told(sweeping, "patient.updated", who, now)
        else:
            key = [(clinic.clinic_id, tag, who)]
            await tag_across(sweeping, key, joined=dice.random() < 0.6, cause=ChangeCause.JOURNEY, now=now)


@pytest.mark.parametrize("seed", [1, 2])
async def test_over_sixty_days_facts_and_clock_leave_the_nightly_look_nothing_to_correct(
    world: World, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    dice, days = random.Random(seed), 60  # noqa: S311  drawn again by its seed
    births = [(START + dice.randrange(60) * DAY).date().replace(year=2009, day=min(27, 1 + day)) for day in range(8)]
    people = [Person(zone=dice.choice(ZONES), birth_date=born) for born in births]
    clinic = await clinic_of(world, people)
    tag = await clinic.segment("tag", None)
    asked = {**CRITERIA, "tagged": tree("all", leaf("tag_is", segment_id=str(tag)), RECALL.items[1])}
    segments = {key: await clinic.segment(key, criterion) for key, criterion in asked.items()}
    now, moved = START, 0
    for day in range(days):
        for _ in range(dice.randrange(4)):
            now += timedelta(minutes=dice.randrange(1, 300))
            await happens(clinic, dice, tag, now)
            if dice.random() < 0.4:
                moved += await keep_segments(world.database, now)
        now = max(now, START + (day + 1) * DAY + timedelta(minutes=dice.randrange(-500, 500)))
        with caplog.at_level(logging.ERROR, logger="enamel.automation"):
            moved += await keep_segments(world.database, now)
        assert caplog.messages == [], (seed, day)
        for key, criterion in asked.items():
            assert await clinic.members(segments[key]) == await clinic.true_of(criterion, now), (seed, day, key)
    for key, segment_id in segments.items():
        held: set[UUID] = set()
        for who, joined, cause in await clinic.changes(segment_id):
            assert cause == "rule"
            assert (who in held) is not joined, (seed, key)
            held = held | {who} if joined else held - {who}
        assert held == await clinic.members(segment_id), (seed, key)
    assert moved > days


async def test_a_change_without_a_trace_is_found_at_night_and_said_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    person = overdue()
    clinic = await clinic_of(world, [person])
    segment_id = await clinic.segment("recall", RECALL)
    await keep_segments(world.database, START)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("delete from procedure where patient_id = :who"), {"who": person.id})
    await keep_segments(world.database, START + timedelta(minutes=5))
    assert await clinic.members(segment_id) == {person.id}
    with caplog.at_level(logging.ERROR, logger="enamel.automation"):
        await keep_segments(world.database, START + DAY)
    assert '"corrected": 1' in caplog.text
    assert await clinic.members(segment_id) == set()
    assert (await clinic.changes(segment_id))[-1] == (person.id, False, "audit")


async def test_pins_and_bans_outlast_every_look_and_are_taken_back_to_what_the_criteria_say(world: World) -> None:
    inside, outside = overdue(), Person()
    clinic = await clinic_of(world, [inside, outside])
    segment_id, now = await clinic.segment("recall", RECALL), START
    await keep_segments(world.database, now)
    async with world.database.sweeping() as sweeping:
        for _ in range(2):  # said twice, it changes once
            await take_out(sweeping, clinic.clinic_id, segment_id, inside.id, SYSTEM, now)
            await put_in(sweeping, clinic.clinic_id, segment_id, outside.id, SYSTEM, now)
        for who in (inside.id, outside.id):
            await clinic.told(sweeping, "message.posted", who, now)
    for ahead in (timedelta(minutes=2), DAY):
        await keep_segments(world.database, now + ahead)
        assert await clinic.members(segment_id) == {outside.id}
    words = SegmentWords(name="New", criteria=leaf("age_at_least", years=1))
    async with world.database.sweeping() as sweeping:
        await change_segment(sweeping, clinic.clinic_id, segment_id, 1, words, SYSTEM, now)
    await keep_segments(world.database, now + DAY)
    assert await clinic.members(segment_id) == {outside.id}
    async with world.database.sweeping() as sweeping:
        for who in (inside.id, outside.id):
            await let_criteria_decide(sweeping, clinic.clinic_id, segment_id, who, SYSTEM, now)
    assert await clinic.members(segment_id) == {inside.id, outside.id}
    came_and_went = [(inside.id, True, "rule"), (inside.id, False, "ban"), (inside.id, True, "rule")]
    assert sorted(await clinic.changes(segment_id)) == sorted([*came_and_went, (outside.id, True, "pin")])


async def test_new_criteria_take_in_and_let_go_and_one_who_was_erased_leaves(world: World) -> None:
    here = [overdue(), overdue(ZONES[1]), Person()]
    clinic = await clinic_of(world, here)
    segment_id = await clinic.segment("recall", RECALL)
    await keep_segments(world.database, START)
    assert await clinic.members(segment_id) == {here[0].id, here[1].id}
    words = SegmentWords(name="Never", criteria=leaf("procedure_never", procedure="hygiene"))
    async with world.database.sweeping() as sweeping:
        await change_segment(sweeping, clinic.clinic_id, segment_id, 1, words, SYSTEM, START)
    await keep_segments(world.database, START)
    assert await clinic.members(segment_id) == {here[2].id}
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("select set_config('enamel.restricted', 'on', true)"))
        gone = update(Patient).where(col(Patient.id) == here[2].id).values(erased_at=START)
        await sweeping.execute(gone, execution_options={"synchronize_session": False})
        await clinic.told(sweeping, "privacy.erased", here[2].id, START)
    await keep_segments(world.database, START)
    assert await clinic.members(segment_id) == set()


async def test_whoever_flaps_within_one_look_has_not_moved(world: World) -> None:
    person = overdue()
    clinic = await clinic_of(world, [person])
    segment_id = await clinic.segment("recall", RECALL)
    await keep_segments(world.database, START)
    async with world.database.sweeping() as sweeping:
        await clinic.booked(sweeping, person.id, START + DAY, START)
    async with world.database.sweeping() as sweeping:
        off = update(Appointment).values(status="cancelled")
        await sweeping.execute(off, execution_options={"synchronize_session": False})
        await clinic.told(sweeping, "appointment.cancelled", person.id, START)
    assert await keep_segments(world.database, START + timedelta(seconds=5)) == 0
    assert len(await clinic.changes(segment_id)) == 1


async def test_two_workers_at_once_write_every_change_once(world: World) -> None:
    clinic = await clinic_of(world, [overdue() for _ in range(40)])
    segments = [await clinic.segment(f"recall-{number}", RECALL) for number in range(2)]
    segments.append(await clinic.segment("other", leaf("age_at_least", years=1)))
    await asyncio.gather(*(keep_segments(world.database, START, at_once=7) for _ in range(4)))
    while await keep_segments(world.database, START, at_once=7):
        pass
    for segment_id in segments:
        changes = await clinic.changes(segment_id)
        assert len(changes) == len({who for who, _, _ in changes}) == 40
        assert await clinic.members(segment_id) == {each.id for each in clinic.people}


async def test_what_a_slow_transaction_commits_later_is_seen_then(world: World) -> None:
    """Its event is older than what was looked at meanwhile: a reader that remembered the newest would pass it by."""
    slow, quick = overdue(), overdue()
    clinic = await clinic_of(world, [slow, quick])
    segment_id = await clinic.segment("recall", RECALL)
    await keep_segments(world.database, START)
    async with world.database.sweeping() as sweeping:
        await clinic.booked(sweeping, slow.id, START + 9 * DAY, START)
        async with world.database.sweeping() as other:
            await clinic.booked(other, quick.id, START + 9 * DAY, START)
        await keep_segments(world.database, START + timedelta(seconds=2))
        assert await clinic.members(segment_id) == {slow.id}
    await keep_segments(world.database, START + timedelta(seconds=4))
    assert await clinic.members(segment_id) == set()


async def test_of_a_database_that_was_loaded_elsewhere_everybody_is_looked_at(world: World) -> None:
    person = overdue()
    clinic = await clinic_of(world, [person])
    segment_id = await clinic.segment("recall", RECALL)
    await keep_segments(world.database, START)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("delete from procedure"))
        await sweeping.execute(text("update segment_mark set horizon = '9000000000'"))
    await keep_segments(world.database, START + timedelta(seconds=2))
    assert await clinic.members(segment_id) == set()
    async with world.database.sweeping() as sweeping:
        (mark,) = (await sweeping.execute(select(SegmentMark))).scalars()
        assert int(mark.horizon) < 9_000_000_000


async def test_criteria_of_many_clinics_are_one_rule(world: World) -> None:
    first, second = [await clinic_of(world, [overdue()]) for _ in range(2)]
    for clinic in (first, second):
        await clinic.segment("recall", RECALL)
    async with world.database.sweeping() as sweeping:
        (rule,) = await rules(sweeping)
    assert len(rule.segment_ids) == 2
    assert await keep_segments(world.database, START) == 2


async def test_the_same_criteria_changed_by_another_worker_meanwhile_are_left_to_it(world: World) -> None:
    person: Any = overdue()
    clinic = await clinic_of(world, [person])
    segment_id = await clinic.segment("recall", RECALL)
    key = (clinic.clinic_id, segment_id)
    async with world.database.sweeping() as sweeping:
        held = select(SegmentMark).where(col(SegmentMark.segment_id) == key[1]).with_for_update()
        await sweeping.execute(held)
        assert await keep_segments(world.database, START) == 0
    assert await keep_segments(world.database, START) == 1


async def test_what_was_not_committed_is_done_by_the_next_round(world: World) -> None:
    person = overdue()
    clinic = await clinic_of(world, [person])
    segment_id = await clinic.segment("recall", RECALL)
    async with world.database.sweeping() as sweeping:
        (rule,) = await rules(sweeping)
    for _ in range(2):  # as if killed before the commit, twice
        async with world.database.sweeping() as sweeping:
            assert await refresh_rule(sweeping, rule, START, 100) == 1
            await sweeping.rollback()
    assert (await clinic.members(segment_id), await clinic.changes(segment_id)) == (set(), [])
    assert await keep_segments(world.database, START) == 1
    assert await keep_segments(world.database, START) == 0
    assert len(await clinic.changes(segment_id)) == 1


async def test_tags_are_given_to_many_at_once_and_once_however_often_it_is_said(world: World) -> None:
    first, second = [await clinic_of(world, [Person(), Person()]) for _ in range(2)]
    tags = [await clinic.segment("tag", None) for clinic in (first, second)]
    rule = await first.segment("rule", RECALL)
    keys = [(clinic.clinic_id, tag, each.id) for clinic, tag in zip((first, second), tags, strict=True)
            for each in clinic.people]  # fmt: skip
    strange = [(first.clinic_id, rule, first.people[0].id), (first.clinic_id, tags[0], new_id())]
    strange.append((first.clinic_id, tags[0], second.people[0].id))

    async def give(*, joined: bool) -> int:
        async with world.database.sweeping() as sweeping:
            asked, cause = keys + keys[:1] + strange, ChangeCause.JOURNEY
            return len(await tag_across(sweeping, asked, joined=joined, cause=cause, now=START))

    assert sorted(await asyncio.gather(*(give(joined=True) for _ in range(3)))) == [0, 0, 4]
    assert await first.members(tags[0]) == {each.id for each in first.people}
    assert await first.members(rule) == set()
    assert sorted(await asyncio.gather(*(give(joined=False) for _ in range(3)))) == [0, 0, 4]
    for tag in tags:
        assert sorted(joined for _, joined, _ in await first.changes(tag)) == [False, False, True, True]


async def test_many_who_pin_at_once_pin_once(world: World) -> None:
    person = Person()
    clinic = await clinic_of(world, [person])
    segment_id = await clinic.segment("recall", RECALL)

    async def pin() -> None:
        async with world.database.sweeping() as sweeping:
            await put_in(sweeping, clinic.clinic_id, segment_id, person.id, SYSTEM, START)

    await asyncio.gather(*(pin() for _ in range(6)))
    assert await clinic.changes(segment_id) == [(person.id, True, "pin")]
