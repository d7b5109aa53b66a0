"""What a patient sees leaves a mark when it changes, whoever changes it, and no reader misses a slow transaction's."""

import asyncio
from typing import Any

from sqlalchemy import text

from core.changes import tidy_changes
from core.clock import now
from core.database import Scope, Writing
from core.ids import new_id
from tests.conftest import Queries
from tests.world import Party, World

# The last mark of each thing, as a reader sees it.
MARKS = text(
    "select patient_id, kind, subject_id, max(xid::text::bigint), bool_or(was_open) from change"
    " group by 1, 2, 3 order by subject_id"
)
PICTURES = text(
    "insert into picture"
    " (clinic_id, id, patient_id, kind, state, media_type, size_bytes, sha256, uploaded_at, released_at, attempts)"
    " select :clinic, unnest(cast(:ids as uuid[])), :patient, 'xray', 'ready', 'image/png', 1, '', :at, :at, 0"
)


async def add_pictures(writing: Writing, party: Party, count: int) -> list[Any]:
    ids = [new_id() for _ in range(count)]
    values = {"clinic": party.clinic_id, "ids": ids, "patient": party.patient_id, "at": now()}
    await writing.execute(PICTURES, values)
    return ids


async def marks(world: World, party: Party) -> list[tuple[Any, ...]]:
    async with world.database.reading(party.scope) as reading:
        found = await reading.execute(MARKS)
        return [(patient, subject, int(xid)) for patient, kind, subject, xid, _ in found if kind == "picture"]


async def test_each_thing_has_one_mark_that_moves_with_every_change(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        first, second = sorted(await add_pictures(writing, world.here, 2))
    before = await marks(world, world.here)
    assert [(patient, subject) for patient, subject, _ in before] == [
        (world.here.patient_id, first),
        (world.here.patient_id, second),
    ]
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update picture set width = 7 where id = :id"), {"id": second})
    after = await marks(world, world.here)
    assert after[0] == before[0]
    assert after[1][:2] == before[1][:2]
    assert after[1][2] > before[1][2]


async def test_what_is_deleted_keeps_its_mark(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        (only,) = await add_pictures(writing, world.here, 1)
    ((_, _, born),) = await marks(world, world.here)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("delete from picture where id = :id"), {"id": only})
    ((_, subject, died),) = await marks(world, world.here)
    assert subject == only
    assert died > born


async def test_what_moves_to_another_patient_is_marked_for_both(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        (only,) = await add_pictures(writing, world.here, 1)
    moved = text("update picture set patient_id = :other where id = :id")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(moved, {"other": world.here.other_patient_id, "id": only})
    found = await marks(world, world.here)
    assert {patient for patient, _, _ in found} == {world.here.patient_id, world.here.other_patient_id}
    assert len({xid for _, _, xid in found}) == 1


async def test_a_batch_is_one_statement_for_its_writer_and_other_clinics_see_nothing(
    world: World, at_most: Queries
) -> None:
    async with world.database.writing(world.here.scope) as writing:
        with at_most(1):
            await add_pictures(writing, world.here, 500)
    assert len(await marks(world, world.here)) == 500
    assert await marks(world, world.there) == []


async def test_an_undone_change_leaves_no_mark(world: World) -> None:
    class Undone(Exception):
        pass

    try:
        async with world.database.writing(world.here.scope) as writing:
            await add_pictures(writing, world.here, 1)
            raise Undone
    except Undone:
        pass
    assert await marks(world, world.here) == []


async def test_what_only_the_worker_notes_of_a_thing_is_not_told(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await add_pictures(writing, world.here, 1)
    before = await marks(world, world.here)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update picture set attempts = attempts + 1, lease_until = now()"))
    assert await marks(world, world.here) == before
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update picture set attempts = 0, height = 9"))
    assert await marks(world, world.here) != before


async def test_whether_others_might_see_it_is_kept_with_the_mark(world: World) -> None:
    async def open_marks() -> list[bool]:
        async with world.database.reading(world.here.scope) as reading:
            rows = await reading.execute(text("select was_open from change where kind = 'picture' order by xid"))
            return [row.was_open for row in rows]

    for change in ("update picture set private = true", "update picture set width = 3", "delete from picture"):
        async with world.database.writing(world.here.scope) as writing:
            if change.startswith("update picture set private"):
                await add_pictures(writing, world.here, 1)
        async with world.database.writing(Scope(world.here.clinic_id)) as writing:
            await writing.execute(text(change))
    assert await open_marks() == [True, True, False, False], "made open, hidden, changed and deleted in secret"


async def test_tidying_keeps_the_last_mark_and_what_a_running_reader_may_need(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        (one,) = await add_pictures(writing, world.here, 1)
    for width in range(5):
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("update picture set width = :width"), {"width": width})
    last = await marks(world, world.here)

    async def kept() -> int:
        async with world.database.sweeping() as sweeping:
            await tidy_changes(sweeping)
        async with world.database.reading(world.here.scope) as reading:
            rows = await reading.execute(text("select count(*) from change where subject_id = :id"), {"id": one})
            return int(rows.scalar_one())

    async with world.database.writing(world.here.scope) as running:
        await running.execute(text("select pg_current_xact_id()"))
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("update picture set height = 4"))
        assert await kept() == 2, "what is newer than a running transaction repeats nothing yet"
    assert await kept() == 1
    assert (await marks(world, world.here))[0][2] > last[0][2]


async def test_marks_of_a_loaded_dump_are_brought_into_this_databases_counting(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await add_pictures(writing, world.here, 1)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update picture set height = 4"))
    async with world.database.sweeping() as sweeping:
        of_two = text("update change set xid = (xid::text::bigint + 4000000000)::text::xid8 returning 1")
        assert len(list(await sweeping.execute(of_two))) == 2
    async with world.database.sweeping() as sweeping:
        await tidy_changes(sweeping)
    ((_, _, xid),) = await marks(world, world.here)
    assert xid < 4_000_000_000


async def test_two_batches_over_the_same_patients_in_other_orders_never_wait_for_each_other(world: World) -> None:
    both = [world.here.patient_id, world.here.other_patient_id]

    async def batch(patients: list[Any]) -> None:
        async with world.database.writing(world.here.scope) as writing:
            for patient in patients:
                await writing.execute(PICTURES, {
                    "clinic": world.here.clinic_id, "ids": [new_id()], "patient": patient, "at": now(),
                })  # fmt: skip
                await asyncio.sleep(0.05)

    await asyncio.gather(batch(both), batch(both[::-1]), batch(both), batch(both[::-1]))
    assert len(await marks(world, world.here)) == 8
