"""What the clinic takes back from a patient is in no copy any more: neither in one that lies ready nor in a new one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import now
from core.events import SYSTEM
from enamel.worker.privacy import make_copies
from media.commands import hide_picture
from tests.api.household import child
from tests.api.picturing import came, done, ready
from tests.api.test_guardians_copies import NARROWED, asked, fetched, link, made, mother_of
from tests.api.test_issued_documents import PDF, put, told
from tests.api.test_series import begun, staff
from tests.enamel.test_erasing import folder
from tests.enamel.test_erasing_again import SlowStorage
from tests.world import World

MINE = "/v1/me/privacy/exports"


async def moved(world: World, picture: str, to: UUID | None = None) -> None:
    body = {"patient_id": str(to or world.here.other_patient_id), "reason": "wrong_record"}
    await done(world, "POST", f"pictures/{picture}/move", body)


async def hidden(world: World, picture: str) -> None:
    await done(world, "POST", f"pictures/{picture}/hide")


async def deleted(world: World, picture: str) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("delete from picture where id = :id"), {"id": picture})


async def held(world: World, picture: str) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update picture set state = 'quarantined' where id = :id"), {"id": picture})


TAKEN = pytest.mark.parametrize("take", [moved, hidden, deleted, held])
Take = Callable[[World, str], Awaitable[None]]


def pictures(copy: dict[str, bytes]) -> set[str]:
    """Which pictures a copy tells of, or holds the file of."""
    files = {name.partition("/")[2].partition(".")[0] for name in copy if name.startswith("pictures/")}
    return files | {each["id"] for each in json.loads(copy["picture.json"])}


async def copies_kept(world: World, patient_id: UUID) -> list[str]:
    keys = await world.ports.storage.keys_under(f"{world.here.clinic_id}/{patient_id}/copies")
    return [key.rpartition("/")[2] for key in keys]


@TAKEN
async def test_a_copy_that_holds_a_picture_which_was_taken_back_is_given_to_nobody(world: World, take: Take) -> None:
    here, picture = world.here, await ready(world)
    stays = await ready(world)
    old = await asked(world, here.patient, MINE)
    await made(world)
    assert pictures(await fetched(world, here.patient, MINE, old)) == {picture, stays}
    before = await link(world, here.patient, MINE, old)
    await take(world, picture)
    again = await world.post(f"{MINE}/{old}/link", here.patient, None)
    for answer in (again, await world.get(before, here.patient)):
        assert (answer.status_code, answer.json()["code"]) == NARROWED
    new = await asked(world, here.patient, MINE)
    assert new != old
    await made(world)
    assert pictures(await fetched(world, here.patient, MINE, new)) == {stays}
    assert await copies_kept(world, here.patient_id) == [new], "the file goes with the worker's next round"


async def test_a_guardians_copy_goes_with_it(world: World) -> None:
    _, mother, path = await mother_of(world)
    picture = await ready(world, patient="emma")
    export_id = await asked(world, mother.headers, path)
    await made(world)
    assert pictures(await fetched(world, mother.headers, path, export_id)) == {picture}
    await moved(world, picture)
    answer = await world.post(f"{path}/{export_id}/link", mother.headers, None)
    assert (answer.status_code, answer.json()["code"]) == NARROWED


async def test_the_copies_of_others_are_given_as_before(world: World) -> None:
    emma = await child(world)
    picture = await ready(world, patient="emma")
    mine = await asked(world, world.here.patient, MINE)
    await made(world)
    await moved(world, picture, world.here.patient_id)
    assert pictures(await fetched(world, world.here.patient, MINE, mine)) == set()
    assert await copies_kept(world, emma) == []


async def test_what_the_patient_was_not_shown_ends_no_copy(world: World) -> None:
    shown, unreleased, waits = await ready(world), await ready(world, released="false"), await came(world)
    export_id = await asked(world, world.here.patient, MINE)
    await made(world)
    for picture in (unreleased, waits):
        await moved(world, picture)
    await done(world, "POST", f"pictures/{shown}/release", {"comment": "Well healed"})
    assert pictures(await fetched(world, world.here.patient, MINE, export_id)) == {shown}


@TAKEN
async def test_a_copy_that_is_being_made_meanwhile_comes_to_nothing(world: World, take: Take) -> None:
    here, picture = world.here, await ready(world)
    old = await asked(world, here.patient, MINE)
    slow = SlowStorage(folder(world))
    making = asyncio.create_task(make_copies(world.database, slow, now()))
    await slow.reached.wait()
    await take(world, picture)
    slow.go_on.set()
    await making
    states = {each["export_id"]: each["state"] for each in (await world.get(MINE, here.patient)).json()["items"]}
    assert states == {old: "failed"}
    assert await copies_kept(world, here.patient_id) == []
    new = await asked(world, here.patient, MINE)
    await made(world)
    assert pictures(await fetched(world, here.patient, MINE, new)) == set()


async def test_who_makes_a_copy_waits_for_who_is_taking_a_picture_back(world: World) -> None:
    """It is not committed yet when the copy is asked for and begun."""
    picture = await ready(world)
    async with world.database.writing(world.here.scope) as writing:
        await hide_picture(writing, UUID(picture), SYSTEM, now())
        export_id = await asked(world, world.here.patient, MINE)
        making = asyncio.create_task(make_copies(world.database, world.ports.storage, now()))
        await asyncio.wait([making], timeout=0.5)
        assert not making.done()
    await making
    assert pictures(await fetched(world, world.here.patient, MINE, export_id)) == set()


async def test_a_copy_that_holds_a_paper_which_was_taken_back_is_given_to_nobody(world: World) -> None:
    here = world.here
    await told(world)
    document = (await put(world, PDF)).json()["document_id"]
    old = await asked(world, here.patient, MINE)
    await made(world)
    assert f"documents/{document}.pdf" in await fetched(world, here.patient, MINE, old)
    taken = await world.post(f"/v1/staff/documents/{document}/withdrawal", here.staff, {"note": "of somebody else"})
    assert taken.status_code == 200, taken.text
    answer = await world.post(f"{MINE}/{old}/link", here.patient, None)
    assert (answer.status_code, answer.json()["code"]) == NARROWED


@pytest.mark.parametrize("take", [("POST", "/hide"), ("DELETE", "")])
async def test_a_copy_that_tells_of_a_series_which_was_taken_back_is_given_to_nobody(
    world: World, take: tuple[str, str]
) -> None:
    here, series = world.here, await begun(world)
    path = f"/v1/staff/patients/{here.patient_id}/series/{series}"
    await staff(world, "POST", f"/{series}/release", {"comment": "Before"})
    old = await asked(world, here.patient, MINE)
    await made(world)
    assert [each["id"] for each in json.loads((await fetched(world, here.patient, MINE, old))["series.json"])] == [
        series
    ]
    method, act = take
    assert (await world.http.request(method, path + act, headers=here.staff)).is_success
    answer = await world.post(f"{MINE}/{old}/link", here.patient, None)
    assert (answer.status_code, answer.json()["code"]) == NARROWED
