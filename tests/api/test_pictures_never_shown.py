"""Nobody hears of pictures and series that they never could see; and whose a mark of privacy is when things move."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from tests.api.household import SignedIn, aged, child, linked
from tests.api.picturing import done, ready, staff
from tests.api.test_private import family, marked
from tests.world import World

Heard = tuple[set[tuple[str, str]], str]


async def heard(world: World, who: SignedIn, patient: UUID, cursor: str | None = None) -> Heard:
    """Of which pictures and series since, and where to go on."""
    params = {"cursor": cursor} if cursor else {}
    answer = await world.http.get(f"/v1/patients/{patient}/changes", headers=who.headers, params=params)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    of_media = {(item["kind"], item["id"]) for item in items if item["kind"] in ("picture", "series")}
    return of_media, answer.json()["next_cursor"]


async def begun(world: World, patient: UUID, **said: Any) -> str:
    answer = await world.post(f"/v1/staff/patients/{patient}/series", world.here.staff, {"protocol": "free", **said})
    assert answer.status_code == 201, answer.text
    series: str = answer.json()["series_id"]
    return series


async def put(world: World, patient: UUID, series: str, picture: str) -> None:
    await done(world, "PUT", f"patients/{patient}/series/{series}/views/1", {"picture_id": picture})


async def hide(world: World, patient: UUID, kind: str, thing: str, *, private: bool = True) -> None:
    path = f"/v1/staff/patients/{patient}/private/{kind}/{thing}"
    assert (await marked(world, path, world.here.staff, private)).status_code == 204


async def mark_of(world: World, picture: str) -> tuple[bool, bool]:
    """Whether it is private, and whether a series made it so."""
    async with world.database.sweeping() as sweeping:
        found = await sweeping.execute(text("select private, hidden_by from picture where id = :id"), {"id": picture})
    row = found.one()
    return row.private, row.hidden_by is not None


async def test_of_what_was_never_shown_nobody_hears(world: World) -> None:
    emma, own, mother = await family(world)
    _, hers = await heard(world, own, emma)
    _, mothers = await heard(world, mother, emma)
    picture = await ready(world, patient="emma", released="false")
    series = await begun(world, emma)
    await put(world, emma, series, picture)
    await hide(world, emma, "series", series)
    assert (await heard(world, mother, emma, mothers))[0] == set()
    assert (await heard(world, own, emma, hers))[0] == set()


async def test_of_what_is_shown_each_hears_who_may_see_it(world: World) -> None:
    emma, own, mother = await family(world)
    _, hers = await heard(world, own, emma)
    _, mothers = await heard(world, mother, emma)
    secret = await ready(world, patient="emma", private="true")
    shown = await ready(world, patient="emma", released="false")
    series = await begun(world, emma)
    await put(world, emma, series, shown)
    await done(world, "POST", f"patients/{emma}/series/{series}/release", {})
    both = {("picture", shown), ("series", series)}
    found, mothers = await heard(world, mother, emma, mothers)
    assert found == both
    assert (await heard(world, own, emma, hers))[0] == both | {("picture", secret)}


async def test_who_saw_it_hears_that_it_is_gone(world: World) -> None:
    emma, own, mother = await family(world)
    picture = await ready(world, patient="emma")
    series = await begun(world, emma)
    await put(world, emma, series, picture)
    await done(world, "POST", f"patients/{emma}/series/{series}/release", {})
    _, mothers = await heard(world, mother, emma)
    _, hers = await heard(world, own, emma)
    await hide(world, emma, "series", series)
    both = {("picture", picture), ("series", series)}
    found, mothers = await heard(world, mother, emma, mothers)
    assert found == both
    await done(world, "POST", f"pictures/{picture}/hide")
    assert (await heard(world, mother, emma, mothers))[0] == set()
    assert (await heard(world, own, emma, hers))[0] == both


async def test_a_private_series_hides_nothing_in_the_record_that_a_picture_moves_to(world: World) -> None:
    emma, _, _ = await family(world)
    picture, series = await ready(world, patient="emma"), await begun(world, emma, private=True)
    await put(world, emma, series, picture)
    assert await mark_of(world, picture) == (True, True)
    other = {"patient_id": str(await child(world, "dora")), "reason": "wrong_record"}
    await done(world, "POST", f"pictures/{picture}/move", other)
    assert await mark_of(world, picture) == (False, False)


async def test_a_private_picture_is_seen_by_the_parents_of_the_small_child_it_moves_to(world: World) -> None:
    emma, _, mother = await family(world)
    leo = await child(world, "leo", aged(5))
    await linked(world, mother, leo)
    picture = await ready(world, patient="emma")
    await hide(world, emma, "picture", picture)
    await done(world, "POST", f"pictures/{picture}/move", {"patient_id": str(leo), "reason": "wrong_record"})
    await done(world, "POST", f"pictures/{picture}/release", {})
    assert await mark_of(world, picture) == (False, False)
    answer = await world.get(f"/v1/patients/{leo}/pictures", mother.headers)
    assert [item["picture_id"] for item in answer.json()["items"]] == [picture]


async def test_a_picture_marked_by_itself_stays_private_with_another_who_is_old_enough(world: World) -> None:
    emma, _, _ = await family(world)
    picture = await ready(world, patient="emma")
    await hide(world, emma, "picture", picture)
    dora = await child(world, "dora")
    await done(world, "POST", f"pictures/{picture}/move", {"patient_id": str(dora), "reason": "wrong_record"})
    assert await mark_of(world, picture) == (True, False)


async def test_what_a_series_hid_stays_hidden_by_itself_when_the_series_is_removed(world: World) -> None:
    emma, _, mother = await family(world)
    picture, series = await ready(world, patient="emma"), await begun(world, emma, private=True)
    await put(world, emma, series, picture)
    assert (await staff(world, "DELETE", f"patients/{emma}/series/{series}")).status_code == 204
    assert await mark_of(world, picture) == (True, False)
    assert (await world.get(f"/v1/patients/{emma}/pictures", mother.headers)).json()["items"] == []
