"""App builds over the API, and what an app is told before anybody signs in."""

import asyncio
from typing import Any

import httpx

from core.ids import new_id
from tests.api.said_of_foreign import BODIES
from tests.api.test_devices import register
from tests.world import World

BUILD: dict[str, Any] = {
    "name": "it.example.clinic", "minimum_version": "3.1",
    "branding": {"display_name": "Studio Rossi", "link_scheme": "rossi", "link_hosts": ["app.clinic.example"]},
}  # fmt: skip
LINE = BODIES["makeLine"]


async def made(world: World, what: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await world.post(f"/v1/staff/{what}", world.here.staff, body)
    assert answer.status_code == 201, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


async def start(world: World, name: str = BUILD["name"], clinic: Any = None) -> httpx.Response:
    asked = {"clinic_id": str(clinic or world.here.clinic_id)}
    return await world.get(f"/v1/app-builds/{name}", {}, params=asked)


async def test_an_app_learns_how_it_looks_and_a_browser_the_key_without_signing_in(world: World) -> None:
    await made(world, "app-builds", BUILD)
    line = await made(world, "lines", LINE)
    told = await start(world)
    assert told.status_code == 200, told.text
    seen = told.json()
    assert (seen["minimum_version"], seen["ways"]) == ("3.1", ["webpush"])
    assert seen["web_push_key"] == line["facts"]["public_key"]
    assert seen["branding"]["link_hosts"] == ["app.clinic.example"]
    assert LINE["secrets"]["key"] not in told.text
    body = {"version": 1, "enabled": False}
    await world.http.put(f"/v1/staff/lines/{line['line_id']}/enabled", headers=world.here.staff, json=body)
    off = (await start(world)).json()
    assert (off["web_push_key"], off["ways"]) == ("", [])


async def test_unknown_builds_and_those_of_other_clinics_are_not_found(world: World) -> None:
    await made(world, "app-builds", BUILD)
    for answer in (
        await start(world, "no.such.build"),
        await start(world, clinic=world.there.clinic_id),
        await start(world, clinic=new_id()),
    ):
        assert answer.status_code == 404


async def test_who_asks_too_often_waits(world: World) -> None:
    answers = await asyncio.gather(*(start(world) for _ in range(130)))
    held = [answer for answer in answers if answer.status_code == 429]
    assert 0 < len(held) < 130
    assert held[0].headers["retry-after"]


async def test_a_version_that_is_served_no_more_registers_no_phone(world: World) -> None:
    assert (await register(world, world.here.patient, app_version="")).status_code == 200
    await made(world, "app-builds", BUILD)
    for version in ("", "3.0.9", "2.11"):
        refused = await register(world, world.here.patient, app_version=version)
        assert (refused.status_code, refused.json()["code"]) == (409, "app-too-old")
    assert (await register(world, world.here.patient, app_version="3.1")).status_code == 200
    other = await register(world, world.here.patient, app_build="another.build", app_version="0.1")
    assert other.status_code == 200


async def test_a_build_is_changed_by_whom_knows_its_version_and_ended(world: World) -> None:
    build = await made(world, "app-builds", BUILD)
    path, headers = f"/v1/staff/app-builds/{build['build_id']}", world.here.staff
    again = await world.post("/v1/staff/app-builds", headers, BUILD)
    assert (again.status_code, again.json()["code"]) == (409, "build-name-taken")
    change = {"version": 1, "draft": {**BUILD, "minimum_version": ""}}
    changed = await world.http.put(path, headers=headers, json=change)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = await world.http.put(path, headers=headers, json=change)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")
    listed = await world.get("/v1/staff/app-builds", headers)
    assert listed.json()["items"] == [changed.json()]
    assert (await world.http.delete(path, headers=headers)).status_code == 204
    assert (await world.get(path, headers)).status_code == 404
    assert (await start(world)).status_code == 404


async def test_one_of_many_who_change_it_at_once_does(world: World) -> None:
    build = await made(world, "app-builds", BUILD)
    path = f"/v1/staff/app-builds/{build['build_id']}"
    body = {"version": 1, "draft": BUILD}
    answers = await asyncio.gather(*(world.http.put(path, headers=world.here.staff, json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]
