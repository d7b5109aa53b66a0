"""Who may come in no longer: signed out, let go, shut out; and what is left of them is their events."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from clinic.commands import LastManager, admit_staff, let_staff_go
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import Device, make_staff_account, open_session
from identity.permissions import PRESETS, PartnerScope, Permission
from identity.sign_in import Audience
from tests.world import PASSWORD, Party, World, bearer

DESK = "/v1/staff/conversations"


async def hired(world: World, preset: str = "reception") -> tuple[str, dict[str, str]]:
    """A new person of the clinic here, signed in: staff id and headers."""
    here, at = world.here, now()
    async with world.database.writing(here.scope) as writing:
        account = await make_staff_account(writing, f"{new_id()}@rome.example", PASSWORD, at)
        await writing.flush()
        staff_id = await admit_staff(writing, here.clinic_id, account, "Rita", PRESETS[preset])
        device = Device("the-key-of-ritas-desk")
        pair = await open_session(writing, world.keys, Audience.STAFF, account, here.clinic_id, device, at)
    return str(staff_id), bearer(pair.access_token)


async def gone(world: World, path: str, headers: dict[str, str]) -> tuple[int, str]:
    answer = await world.http.delete(path, headers=headers)
    return answer.status_code, answer.json()["code"] if answer.content else ""


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def events(world: World, party: Party) -> list[tuple[str, str]]:
    async with world.database.reading(party.scope) as reading:
        told = "select kind, actor_kind from event where kind ~ 'left|revoked|unlinked' order by id"
        return [(kind, actor) for kind, actor in await reading.execute(text(told))]


async def test_staff_signs_out_and_its_token_stops(world: World) -> None:
    assert (await world.get(DESK, world.here.staff)).status_code == 200
    assert await gone(world, "/v1/staff/session", world.here.staff) == (204, "")
    assert refused(await world.get(DESK, world.here.staff)) == (401, "session-ended")
    assert await gone(world, "/v1/staff/session", world.here.staff) == (401, "session-ended")
    assert (await world.get(DESK, world.there.staff)).status_code == 200


async def test_who_was_let_go_is_refused_from_the_next_request_on(world: World) -> None:
    staff_id, rita = await hired(world)
    assert (await world.get(DESK, rita)).status_code == 200
    assert await gone(world, f"/v1/staff/people/{staff_id}", world.here.staff) == (204, "")
    assert refused(await world.get(DESK, rita)) == (401, "session-ended")
    async with world.database.reading(world.here.scope) as reading:
        living = await reading.execute(
            text("select count(*) from session where device_key ~ 'rita' and revoked_at is null")
        )
        assert living.scalar_one() == 0, "not even a refresh brings them back"
    assert await gone(world, f"/v1/staff/people/{staff_id}", world.here.staff) == (404, "not-found")
    assert await events(world, world.here) == [("staff.left", "staff")]


async def test_the_last_manager_stays(world: World) -> None:
    await hired(world)
    mine = f"/v1/staff/people/{world.here.staff_id}"
    assert await gone(world, mine, world.here.staff) == (409, "last-manager")
    await hired(world, "owner")
    assert await gone(world, mine, world.here.staff) == (204, "")


async def test_two_managers_cannot_let_each_other_go_at_once(world: World) -> None:
    here, (other_id, _) = world.here, await hired(world, "owner")

    async def let_go(staff_id: UUID) -> None:
        async with world.database.writing(here.scope) as writing:
            await let_staff_go(writing, here.clinic_id, staff_id, SYSTEM, now())

    async with world.database.writing(here.scope) as writing:
        await let_staff_go(writing, here.clinic_id, UUID(other_id), SYSTEM, now())
        second = asyncio.create_task(let_go(here.staff_id))
        await asyncio.wait({second}, timeout=0.5)
    with pytest.raises(LastManager):
        await second


async def test_only_who_manages_staff_lets_go_and_shuts_apps_out(world: World) -> None:
    _, rita = await hired(world)
    for path in (f"/v1/staff/people/{world.here.staff_id}", f"/v1/staff/partner-apps/{world.here.app_id}"):
        assert await gone(world, path, rita) == (403, "not-allowed")


async def test_a_revoked_app_is_refused_with_its_token_and_with_its_secret(world: World) -> None:
    here = world.here
    assert await gone(world, f"/v1/staff/partner-apps/{here.app_id}", here.staff) == (204, "")
    pushed = await world.post("/v1/partner/sync/patients", here.partner, {"items": []})
    assert refused(pushed) == (401, "session-ended")
    form = {"grant_type": "client_credentials", "client_id": str(here.app_id), "client_secret": here.app_secret}
    assert refused(await world.http.post("/v1/auth/partner/token", data=form)) == (401, "credentials-wrong")
    assert await events(world, here) == [("partner_app.revoked", "staff")]


async def test_a_record_that_was_shut_is_shut_at_the_next_request(world: World) -> None:
    here = world.here
    listed = await world.get(f"/v1/staff/patients/{here.patient_id}/access", here.staff)
    path = f"/v1/staff/patients/{here.patient_id}/access/{listed.json()['items'][0]['access_id']}"
    assert (await world.get("/v1/me/appointments", here.patient)).status_code == 200
    assert await gone(world, path, here.staff) == (204, "")
    assert refused(await world.get("/v1/me/appointments", here.patient)) == (403, "no-record-linked")
    assert await gone(world, path, here.staff) == (404, "not-found")
    assert await events(world, here) == [("record.unlinked", "staff")]


async def test_who_works_here_and_which_systems_push_is_listed_page_by_page(world: World) -> None:
    staff_id, rita = await hired(world)
    assert refused(await world.get("/v1/staff/people", rita)) == (403, "not-allowed")
    first = (await world.get("/v1/staff/people?limit=1", world.here.staff)).json()
    rest = (await world.get(f"/v1/staff/people?cursor={first['next_cursor']}", world.here.staff)).json()
    found = [*first["items"], *rest["items"]]
    assert [(each["staff_id"], each["name"]) for each in found] == [
        (str(world.here.staff_id), "Olga"),
        (staff_id, "Rita"),
    ]
    assert set(found[1]["permissions"]) == PRESETS["reception"]
    apps = (await world.get("/v1/staff/partner-apps", world.here.staff)).json()
    assert [(each["app_id"], each["system"]) for each in apps["items"]] == [(str(world.here.app_id), "mis")]
    await gone(world, f"/v1/staff/people/{staff_id}", world.here.staff)
    await gone(world, f"/v1/staff/partner-apps/{world.here.app_id}", world.here.staff)
    assert len((await world.get("/v1/staff/people", world.here.staff)).json()["items"]) == 1
    assert (await world.get("/v1/staff/partner-apps", world.here.staff)).json()["items"] == []


async def test_a_permission_that_this_version_does_not_know_is_passed_over(world: World) -> None:
    """Or one word of a newer version, in one row, would answer every request of that person with 500."""
    for column, table, known in (
        ("permissions", "staff", Permission.REPLY.value), ("scopes", "partner_app", PartnerScope.WRITE.value),
    ):  # fmt: skip
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text(f"update {table} set {column} = array['moons.read', '{known}']"))  # noqa: S608
    assert (await world.get(DESK, world.here.staff)).status_code == 200
    row = {"external_id": "c", "version": 1, "branch": "Centro", "given_name": "C", "family_name": "R",
           "birth_date": "1985-05-17"}  # fmt: skip
    assert (await world.post("/v1/partner/sync/patients", world.here.partner, {"items": [row]})).status_code == 200
    assert refused(await world.get(f"/v1/staff/patients/{world.here.patient_id}", world.here.staff)) == (
        403,
        "not-allowed",
    )
