"""Series that become private by what they are tied to: their pictures are hidden with them."""

from uuid import UUID

import pytest
from sqlalchemy import text

from tests.api.household import SignedIn
from tests.api.picturing import done
from tests.api.test_private import family, marked, planned
from tests.api.test_series import FRONT, SERIES, pictures_of, send, told
from tests.media.looking import look
from tests.world import World

THEIRS = SERIES.replace("anna", "emma")
FORGET, LEFT = text("delete from file_left"), text("select key from file_left")


async def hidden_plan(world: World, emma: UUID) -> str:
    plan = await planned(world, "secret")
    await marked(world, f"/v1/staff/patients/{emma}/private/plan/{plan}", world.here.staff)
    return plan


async def series_of(world: World, who: SignedIn, emma: UUID) -> list[str]:
    answer = await world.get(f"/v1/patients/{emma}/series", who.headers)
    assert answer.status_code == 200, answer.text
    return [each["series_id"] for each in answer.json()["items"]]


@pytest.mark.parametrize("door", ["staff", "partner"])
async def test_a_series_tied_to_something_private_later_takes_its_pictures_with_it(world: World, door: str) -> None:
    emma, own, mother = await family(world)
    picture = await send(world, "one", "emma")
    series = (await told(world, {FRONT: "one"}, THEIRS, released=True))["series_id"]
    await look(world)
    plan = await hidden_plan(world, emma)
    assert await pictures_of(world, mother, emma) == [picture]
    if door == "staff":
        await done(world, "PUT", f"patients/{emma}/series/{series}", {"title": "", "plan_id": plan})
    else:
        await told(world, {FRONT: "one"}, THEIRS, released=True, plan="secret")
    assert (await pictures_of(world, mother, emma), await series_of(world, mother, emma)) == ([], [])
    assert (await pictures_of(world, own, emma), await series_of(world, own, emma)) == ([picture], [series])
    await marked(world, f"/v1/staff/patients/{emma}/private/plan/{plan}", world.here.staff, private=False)
    assert (await pictures_of(world, mother, emma), await series_of(world, mother, emma)) == ([picture], [series])


async def test_a_series_that_becomes_private_by_its_tie_lets_its_drawn_sheets_go(world: World) -> None:
    emma, _, _ = await family(world)
    series = (await told(world, {}, THEIRS, released=True))["series_id"]
    plan = await hidden_plan(world, emma)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(FORGET)
    await done(world, "PUT", f"patients/{emma}/series/{series}", {"title": "", "plan_id": plan})
    async with world.database.sweeping() as sweeping:
        keys = (await sweeping.execute(LEFT)).scalars().all()
    assert keys == [f"{world.here.clinic_id}/sheets/{series}"]
