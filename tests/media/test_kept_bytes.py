"""What a clinic keeps is known without adding up its pictures, exactly, whoever adds and takes away at once."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from media.commands.kept import add_up_kept
from media.queries.uploads import used_by_clinic, used_by_patient
from media.upload import Quota, Used
from tests.world import Party, World

TRUTH = text("""
select (select coalesce(sum(size_bytes), 0) from picture where clinic_id = :clinic)
     + (select coalesce(sum(size_bytes), 0) from upload where clinic_id = :clinic and state = 'open')
     - (select coalesce(sum(size_bytes), 0) from picture_elsewhere where clinic_id = :clinic)
""")
PICTURE = text("""
insert into picture (clinic_id, id, patient_id, kind, state, media_type, size_bytes, sha256, uploaded_at, attempts)
values (:clinic, :id, :patient, 'photo', 'ready', 'image/jpeg', :size, md5(:name), :at, 0)
""")
SOURCE = text(
    "insert into dicomweb_source (clinic_id, id, name, address, sign_in, made_at, failures)"
    " values (:clinic, :id, 'radiology', 'https://pacs.example', 'none', :at, 0)"
)
ELSEWHERE = text("""
insert into picture_elsewhere (clinic_id, id, source_id, study_uid, series_uid, instance_uid, size_bytes)
values (:clinic, :id, :source, '1.2', '1.2.3', '1.2.3.4', :size)
""")
SMALL = "/v1/staff/patients/{}/uploads"


async def change(world: World, statement: str | Any, **values: Any) -> None:
    """One transaction of its own."""
    asked = text(statement) if isinstance(statement, str) else statement
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(asked, values)


async def kept(world: World, size: int, party: Party | None = None) -> UUID:
    party, picture = party or world.here, new_id()
    at = {"clinic": party.clinic_id, "id": picture, "patient": party.patient_id, "at": now()}
    await change(world, PICTURE, **at, size=size, name=str(picture))
    return picture


async def known(world: World, party: Party | None = None, patient_id: UUID | None = None) -> Used:
    party = party or world.here
    async with world.database.reading(party.scope) as reading:
        of_patient = await used_by_patient(reading, party.clinic_id, patient_id or party.patient_id)
        return Used(of_patient, await used_by_clinic(reading, party.clinic_id))


async def truth(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        found: int = (await sweeping.execute(TRUTH, {"clinic": world.here.clinic_id})).scalar_one()
        return int(found)


async def add_up(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        return await add_up_kept(sweeping)


def announced(size: int) -> dict[str, Any]:
    return {"kind": "photo", "media_type": "image/jpeg", "size_bytes": size, "sha256": f"{size:064x}"}


async def test_every_change_of_what_is_kept_is_in_the_sum(world: World) -> None:
    first, second = await kept(world, 100), await kept(world, 20)
    await kept(world, 7, world.there)
    assert await known(world) == Used(120, 120)
    await change(world, "update picture set size_bytes = 30 where id = :id", id=second)
    assert await known(world) == Used(130, 130)
    other = world.here.other_patient_id
    await change(world, "update picture set patient_id = :other where id = :id", id=second, other=other)
    assert (await known(world), await known(world, patient_id=other)) == (Used(100, 130), Used(30, 130))
    await change(world, "delete from picture where id = :id", id=first)
    assert await known(world) == Used(0, 30)
    assert await known(world, world.there) == Used(7, 7)


async def test_a_file_on_its_way_counts_until_it_is_kept_or_given_up(world: World) -> None:
    path = SMALL.format(world.here.patient_id)
    for size in (40, 2):
        assert (await world.post(path, world.here.staff, announced(size))).status_code == 201
    assert await known(world) == Used(42, 42)
    await change(world, "update upload set state = 'complete' where size_bytes = 40")
    assert await known(world) == Used(2, 2)
    await change(world, "delete from upload")
    assert await known(world) == Used(0, 0)


async def test_what_another_server_keeps_counts_only_once_it_is_kept_here(world: World) -> None:
    picture, source = await kept(world, 500), new_id()
    here = world.here.clinic_id
    await change(world, SOURCE, clinic=here, id=source, at=now())
    await change(world, ELSEWHERE, clinic=here, id=picture, source=source, size=500)
    assert await known(world) == Used(0, 0)
    await change(world, "delete from picture_elsewhere where id = :id", id=picture)
    assert await known(world) == Used(500, 500)
    await change(world, ELSEWHERE, clinic=here, id=picture, source=source, size=500)
    await change(world, "delete from picture where id = :id", id=picture)
    assert await known(world) == Used(0, 0)


async def test_the_worker_makes_one_row_of_many_and_changes_no_sum(world: World) -> None:
    for size in range(1, 8):
        await kept(world, size)
    await kept(world, 9, world.there)
    assert await add_up(world) == 1, "of the other clinic there is one already"
    assert await add_up(world) == 0
    assert (await known(world), await known(world, world.there)) == (Used(28, 28), Used(9, 9))
    async with world.database.sweeping() as sweeping:
        rows = (await sweeping.execute(text("select bytes from kept_bytes order by 1"))).scalars().all()
    assert rows == [9, 28]


async def test_what_was_not_committed_is_not_in_the_sum(world: World) -> None:
    await kept(world, 10)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update picture set size_bytes = 99"))
        await add_up(world)
        await writing.rollback()
    assert await known(world) == Used(10, 10)


async def test_the_sum_is_exact_whoever_keeps_takes_away_and_adds_up_at_once(world: World) -> None:
    gone = [await kept(world, 1000 + number) for number in range(20)]
    path = SMALL.format(world.here.patient_id)
    work: list[Awaitable[Any]] = [change(world, "delete from picture where id = :id", id=each) for each in gone[:10]]
    work += [change(world, "update picture set size_bytes = 3 where id = :id", id=each) for each in gone[5:]]
    work += [kept(world, size) for size in range(10)]
    work += [world.post(path, world.here.staff, announced(size)) for size in range(1, 21)]
    work += [add_up(world) for _ in range(10)]
    await asyncio.gather(*work)
    found = await known(world)
    assert found.clinic_bytes == found.patient_bytes == await truth(world) > 0
    await add_up(world)
    assert (await known(world)) == found


async def test_while_a_file_is_being_kept_nobody_waits_to_keep_another(world: World) -> None:
    await kept(world, 1)
    object.__setattr__(world.ports, "quota", Quota(patient_bytes=1_000, clinic_bytes=50))
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update picture set size_bytes = 40"))
        other = SMALL.format(world.here.other_patient_id)
        answer = await asyncio.wait_for(world.post(other, world.here.staff, announced(20)), 20)
        assert answer.status_code == 201
        await asyncio.wait_for(add_up(world), 20)
    assert (await known(world)).clinic_bytes == 60
    refused = await world.post(SMALL.format(world.here.patient_id), world.here.staff, announced(1))
    assert refused.json()["code"] == "media-quota-of-clinic"
