"""What a teenager keeps to themself: hidden from guardians by PostgreSQL itself, in lists, screens and copies."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from api.patient.family import PrivateKind
from core.clock import now
from core.database import Scope
from core.ids import new_id
from core.moments import rfc3339
from core.private import private_tables
from core.schema import PRIVATE_WITH
from tests.api.household import EMMA, MOTHER, SignedIn, aged, child, linked, sign_in
from tests.api.said_of_foreign import FILE
from tests.media.looking import look
from tests.world import DAY, World

ACTS_FOR = ("guardian", "carer")


async def family(world: World, relation: str = "guardian") -> tuple[UUID, SignedIn, SignedIn]:
    """Emma, her own phone and her mother's."""
    emma, mother, own = await child(world), await sign_in(world, MOTHER), await sign_in(world, EMMA)
    await linked(world, mother, emma, relation)
    await linked(world, own, emma, "self")
    return emma, own, mother


async def booked(world: World, patient_id: UUID, service: str, *, days: int = 2) -> str:
    start = now() + days * DAY
    body = {"starts_at": rfc3339(start), "ends_at": rfc3339(start + timedelta(minutes=30)), "service": service}
    answer = await world.post(f"/v1/staff/patients/{patient_id}/appointments", world.here.staff, body)
    assert answer.status_code == 201, answer.text
    visit: str = answer.json()["appointment_id"]
    return visit


async def planned(world: World, name: str) -> str:
    stage = {"title": "One", "items": [{"name": "Veneer", "unit_price": {"amount_minor": 100, "currency": "EUR"}}]}
    row = {"external_id": name, "version": 1, "patient": "emma", "title": name, "currency": "EUR", "stages": [stage]}
    answer = await world.post("/v1/partner/sync/plans", world.here.partner, {"items": [row]})
    plan: str = answer.json()["rows"][0]["id"]
    return plan


async def pictured(world: World) -> str:
    path = f"/v1/partner/patients/emma/pictures/{new_id()}"
    form = {"kind": "photo", "released": "true"}
    answer = await world.http.put(path, headers=world.here.partner, data=form, files=FILE)
    await look(world)
    picture: str = answer.json()["picture_id"]
    return picture


async def marked(world: World, path: str, who: dict[str, str], private: bool = True) -> httpx.Response:
    return await world.http.put(path, headers=who, json={"private": private})


async def cabinet(world: World, who: SignedIn, patient_id: UUID) -> dict[str, Any]:
    answer = await world.get(f"/v1/patients/{patient_id}/cabinet", who.headers)
    document: dict[str, Any] = answer.json()
    return document | {"etag": answer.headers["etag"]}


def shown(document: dict[str, Any]) -> tuple[str | None, list[str], int]:
    visit = document["next_visit"]
    return visit and visit["service"], [plan["title"] for plan in document["plans"]], len(document["pictures"])


@pytest.mark.parametrize("relation", ACTS_FOR)
async def test_what_is_marked_is_seen_by_the_patient_and_the_clinic_and_by_nobody_who_acts_for_them(
    world: World, relation: str
) -> None:
    emma, own, mother = await family(world, relation)
    things = {
        "appointment": await booked(world, emma, "Secret"), "plan": await planned(world, "secret"),
        "picture": await pictured(world),
    }  # fmt: skip
    await booked(world, emma, "Hygiene", days=9)
    await planned(world, "braces")
    before = await cabinet(world, mother, emma)
    assert shown(before) == ("Secret", ["braces", "secret"], 1)
    for kind, thing in things.items():
        answer = await marked(world, f"/v1/staff/patients/{emma}/private/{kind}/{thing}", world.here.staff)
        assert answer.status_code == 204, answer.text
    after = await cabinet(world, mother, emma)
    assert shown(after) == ("Hygiene", ["braces"], 0)
    assert after["etag"] != before["etag"]
    assert shown(await cabinet(world, own, emma)) == ("Secret", ["braces", "secret"], 1)
    visits = (await world.get(f"/v1/patients/{emma}/appointments", mother.headers)).json()["items"]
    assert [visit["service"] for visit in visits] == ["Hygiene"]
    plans = (await world.get(f"/v1/patients/{emma}/plans", mother.headers)).json()["items"]
    assert [plan["title"] for plan in plans] == ["braces"]
    assert (await world.get(f"/v1/patients/{emma}/plans/{things['plan']}", mother.headers)).status_code == 404
    assert (await world.get(f"/v1/patients/{emma}/pictures", mother.headers)).json()["items"] == []
    link = f"/v1/patients/{emma}/pictures/{things['picture']}/links"
    assert (await world.post(link, mother.headers, {"variant": "download"})).status_code == 404
    assert (await world.post(link, own.headers, {"variant": "download"})).status_code == 200
    desk = (await world.get(f"/v1/staff/patients/{emma}/plans", world.here.staff)).json()["items"]
    assert {plan["title"] for plan in desk} == {"braces", "secret"}


async def test_a_teenager_hides_a_visit_and_shows_it_again(world: World) -> None:
    emma, own, mother = await family(world)
    visit = await booked(world, emma, "Hygiene")
    path = f"/v1/me/private/appointment/{visit}"
    assert (await marked(world, path, own.headers)).status_code == 204
    assert shown(await cabinet(world, mother, emma))[0] is None
    assert (await marked(world, path, mother.headers)).status_code == 403
    assert (await marked(world, path, own.headers, private=False)).status_code == 204
    assert shown(await cabinet(world, mother, emma))[0] == "Hygiene"
    async with world.database.reading(world.here.scope) as reading:
        told = text("select kind, facts->>'kind' from event where kind ~ '^thing' order by id")
        assert [tuple(row) for row in await reading.execute(told)] == [
            ("thing.hidden", "appointment"),
            ("thing.shown", "appointment"),
        ]


async def test_of_a_child_nothing_is_hidden(world: World) -> None:
    leo = await child(world, "leo", aged(14) + DAY)
    visit = await booked(world, leo, "Hygiene")
    path = f"/v1/staff/patients/{leo}/private/appointment/{visit}"
    answer = await marked(world, path, world.here.staff)
    assert (answer.status_code, answer.json()["code"]) == (409, "too-young-for-private")
    await child(world, "leo", aged(14), version=2)
    assert (await marked(world, path, world.here.staff)).status_code == 204


async def test_a_sync_that_knows_nothing_of_the_mark_does_not_take_it_off(world: World) -> None:
    emma, _, mother = await family(world)
    start = now() + DAY
    row: dict[str, Any] = {
        "external_id": "v", "version": 1, "patient": "emma", "service": "Secret",
        "starts_at": rfc3339(start), "ends_at": rfc3339(start + timedelta(minutes=30)),
    }  # fmt: skip
    answer = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [row]})
    visit = answer.json()["rows"][0]["id"]
    await marked(world, f"/v1/staff/patients/{emma}/private/appointment/{visit}", world.here.staff)
    later = {**row, "version": 2, "practitioner": "Dr. B"}
    answer = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [later]})
    assert answer.json()["updated"] == 1
    assert shown(await cabinet(world, mother, emma))[0] is None


def test_what_can_be_hidden_has_a_column_for_it() -> None:
    assert {kind.value for kind in PrivateKind} <= private_tables().keys()
    assert [name for name, table in private_tables().items() if "patient_id" not in table.columns] == []


@pytest.mark.parametrize("table", sorted(private_tables()))
async def test_a_patients_transaction_begins_without_sight_of_anything_private(world: World, table: str) -> None:
    """The policy of every such table asks who looks; a query that opened no record is nobody."""
    looks = text("select pg_get_expr(polqual, polrelid) from pg_policy where polname = 'own_clinic'"
                 " and polrelid = cast(:name as regclass)")  # fmt: skip
    async with world.database.reading(Scope(world.here.clinic_id, guarded=True)) as reading:
        assert "enamel.viewer" in (await reading.execute(looks, {"name": table})).scalar_one()


async def test_a_query_that_forgets_shows_nothing_private(world: World) -> None:
    emma = await child(world)
    visit = await booked(world, emma, "Secret")
    await marked(world, f"/v1/staff/patients/{emma}/private/appointment/{visit}", world.here.staff)
    count = text("select count(*) from appointment")
    for scope, seen in ((world.here.scope, 1), (Scope(world.here.clinic_id, guarded=True), 0)):
        async with world.database.reading(scope) as reading:
            assert (await reading.execute(count)).scalar_one() == seen


async def test_one_persons_sight_of_their_own_is_not_sight_of_anybody_elses(world: World) -> None:
    emma, other = await child(world), world.here.patient_id
    for patient in (emma, other):
        visit = await booked(world, patient, "Secret")
        await marked(world, f"/v1/staff/patients/{patient}/private/appointment/{visit}", world.here.staff)
    async with world.database.reading(Scope(world.here.clinic_id, guarded=True)) as reading:
        await reading.execute(text("select set_config('enamel.viewer', :mine, true)"), {"mine": str(emma)})
        found = await reading.execute(text("select patient_id from appointment"))
        assert list(found.scalars()) == [emma]


async def test_what_is_private_stays_so_when_the_plan_of_the_one_trip_is_reused(world: World) -> None:
    """Past the fifth run PostgreSQL may change to a generic plan; the viewer must still be set before the rows."""
    emma, own, mother = await family(world)
    visit = await booked(world, emma, "Secret")
    await marked(world, f"/v1/staff/patients/{emma}/private/appointment/{visit}", world.here.staff)
    for _ in range(8):
        assert shown(await cabinet(world, mother, emma))[0] is None
        assert shown(await cabinet(world, own, emma))[0] == "Secret"


async def billed(world: World, plan: str, name: str = "l1") -> None:
    row = {
        "external_id": name, "version": 1, "patient": "emma", "kind": "charge", "plan": plan,
        "amount": {"amount_minor": 9900, "currency": "EUR"}, "posted_on": "2026-01-10", "text": "Secret treatment",
    }  # fmt: skip
    answer = await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [row]})
    assert answer.json()["created"] == 1, answer.text


async def told_of_money(world: World, who: SignedIn, patient_id: UUID) -> tuple[int, int, int]:
    """How many lines, payments and balances somebody sees."""
    path = f"/v1/patients/{patient_id}"
    answers = [await world.get(f"{path}/{part}", who.headers) for part in ("account/entries", "payments", "account")]
    lines, payments, books = (answer.json() for answer in answers)
    assert len(books["plans"]) == len(books["balances"])
    return len(lines["items"]), len(payments["items"]), len(books["balances"])


async def test_what_belongs_to_a_hidden_plan_is_hidden_and_shown_with_it(world: World) -> None:
    emma, own, mother = await family(world)
    plan = await planned(world, "secret")
    await billed(world, "secret")
    answer = await world.post("/v1/me/payments", own.headers, {"plan_id": plan})
    assert answer.status_code == 201, answer.text
    assert await told_of_money(world, mother, emma) == (1, 1, 1)
    await marked(world, f"/v1/me/private/plan/{plan}", own.headers)
    await billed(world, "secret", "l2")
    assert await told_of_money(world, mother, emma) == (0, 0, 0)
    assert (await world.get(f"/v1/patients/{emma}/payments/{answer.json()['payment_id']}", mother.headers)).is_error
    assert await told_of_money(world, own, emma) == (2, 1, 1)
    await marked(world, f"/v1/me/private/plan/{plan}", own.headers, private=False)
    assert await told_of_money(world, mother, emma) == (2, 1, 1)


async def test_what_was_asked_about_a_hidden_visit_is_hidden_and_shown_with_it(world: World) -> None:
    emma, own, mother = await family(world)
    start = now() + 5 * DAY
    row = {
        "external_id": "v", "version": 1, "patient": "emma", "service": "Secret",
        "starts_at": rfc3339(start), "ends_at": rfc3339(start + timedelta(minutes=30)),
    }  # fmt: skip
    answer = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [row]})
    visit = answer.json()["rows"][0]["id"]
    answer = await world.post(f"/v1/me/appointments/{visit}/move", own.headers, {"words": "not that day"})
    assert answer.status_code < 300, answer.text
    path = f"/v1/patients/{emma}/requests"
    for private, seen in ((False, 1), (True, 0), (False, 1)):
        await marked(world, f"/v1/me/private/appointment/{visit}", own.headers, private=private)
        assert len((await world.get(path, mother.headers)).json()["items"]) == seen


async def private_rows(world: World, table: str) -> list[bool]:
    async with world.database.reading(world.here.scope) as reading:
        return list((await reading.execute(text(f"select private from {table} order by id"))).scalars())  # noqa: S608


DOCUMENT = text(
    "insert into document (clinic_id, id, patient_id, kind, title, private, plan_id, appointment_id, source,"
    " external_id, source_version, content_hash, changed_at)"
    " values (:clinic, :id, :patient, 'letter', 'Letter', :private, :plan, :visit, 'mis', :name, 1, '', now())"
)


async def documented(
    world: World, patient_id: UUID, plan: str | None = None, visit: str | None = None, *, private: bool = False,
    guarded: bool = False,
) -> str:  # fmt: skip
    one = new_id()
    row = {"clinic": world.here.clinic_id, "id": one, "patient": patient_id, "name": str(one), "private": private}
    async with world.database.writing(Scope(world.here.clinic_id, guarded=guarded)) as writing:
        await writing.execute(DOCUMENT, {**row, "plan": plan and UUID(plan), "visit": visit and UUID(visit)})
    return str(one)


async def test_showing_a_plan_again_shows_nothing_that_was_marked_for_itself_or_hangs_on_another_private_thing(
    world: World,
) -> None:
    emma, own, _ = await family(world)
    plan, visit = await planned(world, "secret"), await booked(world, emma, "Secret")
    marked_itself = await documented(world, emma, plan)
    await documented(world, emma, plan, private=True)
    await documented(world, emma, plan, visit)
    await documented(world, emma, plan)
    await marked(world, f"/v1/me/private/plan/{plan}", own.headers)
    await marked(world, f"/v1/me/private/appointment/{visit}", own.headers)
    await marked(world, f"/v1/me/private/document/{marked_itself}", own.headers)
    assert await private_rows(world, "document") == [True] * 4
    await marked(world, f"/v1/me/private/plan/{plan}", own.headers, private=False)
    assert await private_rows(world, "document") == [True, True, True, False]
    await marked(world, f"/v1/me/private/appointment/{visit}", own.headers, private=False)
    assert await private_rows(world, "document") == [True, True, False, False]


async def test_what_a_guardian_writes_inherits_the_mark_they_cannot_see_and_they_see_no_more_for_it(
    world: World,
) -> None:
    emma = await child(world)
    plan = await planned(world, "secret")
    await marked(world, f"/v1/staff/patients/{emma}/private/plan/{plan}", world.here.staff)
    await documented(world, emma, plan, guarded=True)
    assert await private_rows(world, "document") == [True]
    async with world.database.writing(Scope(world.here.clinic_id, guarded=True)) as writing:
        row = {"clinic": world.here.clinic_id, "id": new_id(), "patient": emma, "name": "a", "private": False}
        await writing.execute(DOCUMENT, {**row, "plan": UUID(plan), "visit": None})
        assert (await writing.execute(text("select count(*) from document"))).scalar_one() == 0


@pytest.mark.parametrize("guarded", [False, True], ids=["staff", "guardian"])
async def test_what_is_written_while_its_plan_is_being_hidden_does_not_miss_the_mark(
    world: World, guarded: bool
) -> None:
    emma = await child(world)
    plan = await planned(world, "secret")
    one = new_id()
    row = {"clinic": world.here.clinic_id, "id": one, "patient": emma, "name": "a", "private": False, "visit": None}
    async with world.database.writing(Scope(world.here.clinic_id, guarded=guarded)) as writing:
        await writing.execute(DOCUMENT, {**row, "plan": UUID(plan)})
        path = f"/v1/staff/patients/{emma}/private/plan/{plan}"
        marking = asyncio.create_task(marked(world, path, world.here.staff))
        await asyncio.wait([marking], timeout=0.5)
        assert not marking.done()
    assert (await marking).status_code == 204
    assert await private_rows(world, "document") == [True]


def test_what_inherits_a_mark_has_the_columns_for_it() -> None:
    tables = private_tables()
    inherits = {name: table.info[PRIVATE_WITH] for name, table in tables.items() if PRIVATE_WITH in table.info}
    assert inherits.keys() >= {"ledger_entry", "payment_intent", "patient_request", "document"}
    for name, parents in inherits.items():
        assert parents.keys() <= set(tables[name].columns.keys())
        named = {each for told in parents.values() for each in ([told] if isinstance(told, str) else told)}
        assert named <= tables.keys()
