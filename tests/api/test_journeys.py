"""Journeys over HTTP: staff launch one, see whom it would reach and why it reached somebody."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from cabinet.facts import ServiceKind
from clinic.commands import admit_staff
from core.clock import now
from core.database import NOBODY
from core.events import Event
from enamel.worker.automation import run_journeys
from identity.commands import Device, make_staff_account, open_session
from identity.permissions import PRESETS, Permission
from identity.sign_in import Audience
from tests.automation.people import Done, Person, add_people
from tests.world import PASSWORD, Party, World, bearer

LAUNCH = {"template": "hygiene-recall"}
OVERDUE: dict[str, Any] = {
    "kind": "all",
    "items": [
        {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
        {"kind": "not", "items": [{"kind": "appointment_ahead"}]},
    ],
}


async def overdue_patient(world: World, party: Party) -> UUID:
    person = Person(done=[Done(ServiceKind.HYGIENE, now().date() - timedelta(days=200))])
    async with world.database.writing(party.scope) as writing:
        await add_people(writing, party.clinic_id, {"Europe/Rome": party.branch_id}, [person], now())
    return person.id


async def staff_who_is(world: World, preset: str) -> dict[str, str]:
    return await staff_with(world, PRESETS[preset], preset)


async def staff_with(world: World, permissions: frozenset[Permission], name: str = "somebody") -> dict[str, str]:
    async with world.database.writing(NOBODY) as writing:
        account = await make_staff_account(writing, f"{name}@rome.example", PASSWORD, now())
    async with world.database.writing(world.here.scope) as writing:
        await admit_staff(writing, world.here.clinic_id, account, name, permissions)
        device = Device(f"desk-of-{name}")
        pair = await open_session(writing, world.keys, Audience.STAFF, account, world.here.clinic_id, device, now())
    return bearer(pair.access_token)


async def test_a_launched_journey_counts_who_is_on_it(world: World) -> None:
    await overdue_patient(world, world.here)
    launched = await world.post("/v1/staff/journeys", world.here.staff, LAUNCH)
    assert launched.status_code == 201, launched.text
    assert (launched.json()["key"], launched.json()["active"]) == ("hygiene-recall", 0)
    await run_journeys(world.database, now())
    listed = (await world.get("/v1/staff/journeys", world.here.staff)).json()["items"]
    assert [(each["key"], each["state"], each["active"], each["exited"]) for each in listed] == [
        ("hygiene-recall", "active", 1, 0)
    ]
    assert (await world.get("/v1/staff/journeys", world.there.staff)).json()["items"] == []


async def test_a_second_launch_is_refused_and_so_is_an_unknown_template(world: World) -> None:
    await world.post("/v1/staff/journeys", world.here.staff, LAUNCH)
    again = await world.post("/v1/staff/journeys", world.here.staff, LAUNCH)
    assert (again.status_code, again.json()["code"]) == (409, "journey-already-runs")
    unknown = await world.post("/v1/staff/journeys", world.here.staff, {"template": "spam-everybody"})
    assert unknown.status_code == 422


async def test_a_launch_leaves_the_draft_of_a_colleague_alone(world: World) -> None:
    path = "/v1/staff/journey-templates/drafts"
    draft = await world.post(path, world.here.staff, {"template": "hygiene-recall"})
    assert draft.status_code == 201, draft.text
    refused = await world.post("/v1/staff/journeys", world.here.staff, LAUNCH)
    assert (refused.status_code, refused.json()["code"]) == (409, "journey-draft-exists")
    said = {"digest": draft.json()["digest"], "carrying": "newcomers"}
    published = await world.post(f"/v1/staff/journeys/{draft.json()['journey_id']}/publish", world.here.staff, said)
    assert published.status_code == 200, published.text
    again = await world.post("/v1/staff/journeys", world.here.staff, LAUNCH)
    assert (again.status_code, again.json()["code"]) == (409, "journey-already-runs")
    versions = f"/v1/staff/journeys/{draft.json()['journey_id']}/versions"
    listed = (await world.get(versions, world.here.staff)).json()["items"]
    assert [each["state"] for each in listed] == ["active"]  # what was refused left nothing behind


async def test_of_two_launches_at_once_one_is_refused(world: World) -> None:
    answers = await asyncio.gather(
        *(world.post("/v1/staff/journeys", world.here.staff, LAUNCH) for _ in range(5))
    )  # fmt: skip
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409, 409]
    assert len((await world.get("/v1/staff/journeys", world.here.staff)).json()["items"]) == 1


async def test_a_preview_counts_and_names_who_matches(world: World) -> None:
    patient_id = await overdue_patient(world, world.here)
    await overdue_patient(world, world.there)
    shown = await world.post("/v1/staff/segments/preview", world.here.staff, {"criteria": OVERDUE})
    assert shown.status_code == 200, shown.text
    assert shown.json() == {"count": 1, "fewer_than": None, "patient_ids": [str(patient_id)]}


async def test_who_may_not_read_clinical_facts_sees_a_count_only(world: World) -> None:
    await overdue_patient(world, world.here)
    marketer = await staff_who_is(world, "marketer")
    shown = await world.post("/v1/staff/segments/preview", marketer, {"criteria": OVERDUE})
    assert shown.json() == {"count": None, "fewer_than": 5, "patient_ids": []}
    nobody = {"kind": "procedure_within", "procedure": "implant", "within_days": 1}
    shown = await world.post("/v1/staff/segments/preview", marketer, {"criteria": nobody})
    assert shown.json() == {"count": None, "fewer_than": 5, "patient_ids": []}
    for _ in range(4):
        await overdue_patient(world, world.here)
    shown = await world.post("/v1/staff/segments/preview", marketer, {"criteria": OVERDUE})
    assert shown.json() == {"count": 5, "fewer_than": None, "patient_ids": []}
    operator = await staff_who_is(world, "operator")
    for answer in (
        await world.post("/v1/staff/segments/preview", operator, {"criteria": OVERDUE}),
        await world.post("/v1/staff/journeys", operator, LAUNCH),
        await world.get("/v1/staff/journeys", operator),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


async def test_wrong_criteria_are_named_without_being_repeated(world: World) -> None:
    wrong = {"kind": "all", "items": [{"kind": "procedure_last", "procedure": "hygiene"}]}
    refused = await world.post("/v1/staff/segments/preview", world.here.staff, {"criteria": wrong})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": "/criteria/items/0", "code": "members-do-not-fit-the-kind"}]


async def test_why_a_patient_is_in_is_told_with_its_evidence(world: World) -> None:
    patient_id = await overdue_patient(world, world.here)
    await world.post("/v1/staff/journeys", world.here.staff, LAUNCH)
    await run_journeys(world.database, now())
    path = f"/v1/staff/patients/{patient_id}/enrolments"
    (card,) = (await world.get(path, world.here.staff)).json()["items"]
    assert (card["key"], card["state"], card["entry_no"]) == ("hygiene-recall", "active", 1)
    last, _, ahead = card["evidence"]
    assert (last["kind"], last["holds"]) == ("procedure_last", True)
    assert last["last_on"] == (now().date() - timedelta(days=200)).isoformat()
    assert (ahead["kind"], ahead["holds"], ahead["next_visit_at"]) == ("appointment_ahead", False, None)
    assert (await world.get(path, world.there.staff)).json()["code"] == "not-found"
    assert await readers(world, patient_id) == [world.here.staff_id]


async def test_who_may_not_read_clinical_facts_is_not_told_of_enrolments(world: World) -> None:
    patient_id = await overdue_patient(world, world.here)
    refused = await world.get(f"/v1/staff/patients/{patient_id}/enrolments", await staff_who_is(world, "reception"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert await readers(world, patient_id) == []


async def readers(world: World, patient_id: UUID) -> list[UUID | None]:
    """Who read this patient's enrolments."""
    return await readers_of(world, patient_id, "enrolments.read")


async def readers_of(world: World, patient_id: UUID, what: str) -> list[UUID | None]:
    """Whose looks of a kind at this patient left a trace."""
    async with world.database.reading(world.here.scope) as reading:
        kind, whose = col(Event.kind) == what, col(Event.patient_id) == patient_id
        return list((await reading.execute(select(col(Event.actor_id)).where(kind, whose))).scalars())
