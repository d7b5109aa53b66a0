"""Taking another system's rows in: each version once, whatever the order, the repetition and the company."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from clinic.commands import take_patients
from clinic.facts import PatientFact
from core.clock import now
from core.database import Scope
from core.events import SYSTEM
from core.upsert import Held, Outcome, Upserted, content_hash, verdict
from tests.conftest import Queries
from tests.world import World, patient_fact

HELD = Held(uuid4(), 5, "hash", {})


@pytest.mark.parametrize(
    ("held", "version", "digest", "outcome"),
    [
        (None, 0, "hash", Outcome.CREATED),
        (HELD, 5, "hash", Outcome.UNCHANGED),
        (HELD, 4, "hash", Outcome.UNCHANGED),
        (HELD, 6, "hash", Outcome.UNCHANGED),
        (HELD, 6, "other", Outcome.UPDATED),
        (HELD, 5, "other", Outcome.STALE),
        (HELD, 4, "other", Outcome.STALE),
    ],
)
def test_what_becomes_of_a_row(held: Held | None, version: int, digest: str, outcome: Outcome) -> None:
    assert verdict(held, version, digest) is outcome


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.dates(), st.none())))
def test_the_content_hash_does_not_care_about_the_order_of_columns(columns: dict[str, object]) -> None:
    assert content_hash(columns) == content_hash(dict(reversed(list(columns.items()))))


def test_the_content_hash_tells_a_date_from_another() -> None:
    assert content_hash({"on": date(2026, 1, 1)}) != content_hash({"on": date(2026, 1, 2)})


@dataclass(frozen=True)
class Sync:
    """Pushes patients into the clinic `here` and counts what that left behind."""

    world: World

    async def push(self, *facts: PatientFact) -> list[Upserted]:
        clinic_id = self.world.here.clinic_id
        async with self.world.database.writing(Scope(clinic_id)) as writing:
            done, faults = await take_patients(writing, clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
        assert not faults
        return done

    async def count(self, of: str) -> int:
        async with self.world.database.reading(Scope(self.world.here.clinic_id)) as reading:
            found = await reading.execute(text(of))
            return int(found.scalar_one())

    async def events(self) -> int:
        return await self.count("select count(*) from event")


@pytest.fixture
def sync(world: World) -> Sync:
    return Sync(world)


def fact(name: str, version: int = 1, external_id: str = "new") -> PatientFact:
    return patient_fact(external_id, name, None).model_copy(update={"version": version})


async def test_a_row_is_created_then_unchanged_then_updated_then_stale(sync: Sync) -> None:
    before = await sync.events()
    (created,) = await sync.push(fact("Chen"))
    (unchanged,) = await sync.push(fact("Chen"))
    (updated,) = await sync.push(fact("Chen Wei", 2))
    (stale,) = await sync.push(fact("Chen", 1))
    (disputed,) = await sync.push(fact("Chen", 2))
    outcomes = [each.outcome.value for each in (created, unchanged, updated, stale, disputed)]
    assert outcomes == ["created", "unchanged", "updated", "stale", "stale"]
    assert len({each.id for each in (created, unchanged, updated, stale)}) == 1
    assert await sync.events() == before + 2, "only what changed is an event"
    assert await sync.count("select count(*) from patient where given_name = 'Chen Wei'") == 1


async def test_a_late_older_version_does_not_undo_a_newer_one_that_brought_nothing_new(sync: Sync) -> None:
    await sync.push(fact("Chen", 1))
    await sync.push(fact("Chen", 3))
    (late,) = await sync.push(fact("Somebody else", 2))
    assert late.outcome is Outcome.STALE
    assert await sync.count("select count(*) from patient where given_name = 'Chen'") == 1


async def test_a_birth_on_a_day_that_has_begun_somewhere_is_not_in_the_future(world: World) -> None:
    late = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)  # 2 March in Auckland
    async with world.database.writing(world.here.scope) as writing:
        born = [(0, patient_fact("new", "New", None, date(2026, 3, 2)))]
        done, faults = await take_patients(writing, world.here.clinic_id, "mis", born, SYSTEM, late)
    assert (len(done), faults) == (1, {})


async def test_a_newer_version_of_the_same_content_is_no_change(sync: Sync) -> None:
    await sync.push(fact("Chen", 1))
    when = "select extract(epoch from changed_at) * 1000 from patient where external_id = 'new'"
    before, events = await sync.count(when), await sync.events()
    (same,) = await sync.push(fact("Chen", 9))
    assert same.outcome is Outcome.UNCHANGED
    assert (await sync.count(when), await sync.events()) == (before, events)
    assert await sync.count("select source_version from patient where external_id = 'new'") == 9


async def test_two_syncs_of_one_new_row_at_once_make_one(sync: Sync) -> None:
    done = await asyncio.gather(*(sync.push(fact("Chen")) for _ in range(6)))
    assert sorted(each.outcome.value for (each,) in done) == ["created"] + ["unchanged"] * 5
    assert len({each.id for (each,) in done}) == 1
    assert await sync.count("select count(*) from patient where external_id = 'new'") == 1


async def test_the_same_name_in_another_clinic_is_another_person(sync: Sync, world: World) -> None:
    (here,) = await sync.push(fact("Chen"))
    there = world.there.clinic_id
    async with world.database.writing(Scope(there)) as writing:
        done, _ = await take_patients(writing, there, "mis", [(0, fact("Chen"))], SYSTEM, now())
    assert done[0].outcome is Outcome.CREATED
    assert done[0].id != here.id


async def test_a_thousand_rows_take_as_many_statements_as_one(sync: Sync, at_most: Queries) -> None:
    facts = [fact("Chen", 1, f"p{number}") for number in range(1_000)]
    with at_most(6) as one:
        await sync.push(facts[0])
    with at_most(len(one)):
        await sync.push(*facts)
    assert await sync.count("select count(*) from patient where external_id like 'p%'") == 1_000


async def test_a_birth_in_the_future_and_an_unknown_branch_are_faults_of_their_rows_only(world: World) -> None:
    tomorrow = now().date() + timedelta(days=2)
    facts = [
        (3, fact("Good", 1, "good")),
        (5, patient_fact("unborn", "Nobody", None, tomorrow)),
        (8, patient_fact("stray", "Nobody", None).model_copy(update={"branch": "Nowhere"})),
    ]
    clinic_id = world.here.clinic_id
    async with world.database.writing(Scope(clinic_id)) as writing:
        done, faults = await take_patients(writing, clinic_id, "mis", facts, SYSTEM, now())
    assert [each.incoming.index for each in done] == [3]
    assert {index: (fault.pointer, fault.code) for index, fault in faults.items()} == {
        5: ("/birth_date", "in-the-future"),
        8: ("/branch", "unknown-reference"),
    }
