"""Private documents: what is told in one stays out of open ones, and a private visit or plan makes them so."""

import asyncio
from typing import Any

from sqlalchemy import text

from tests.api.paperwork import FORM, NOTE, sent
from tests.api.test_private import booked, family, marked, planned
from tests.world import World


async def test_a_private_form_is_not_repeated_in_an_open_one(world: World) -> None:
    emma, own, _ = await family(world)
    secret = await sent(world, FORM, patient_id=emma, private=True)
    path = f"/v1/me/documents/{secret['document_id']}"
    await world.post(f"{path}/opening", own.headers, None)
    body = {"answers": [{"question": "smokes", "yes": True}, {"question": "how_many", "number": 17}]}
    assert (await world.post(f"{path}/submission", own.headers, body)).status_code == 200
    known = [(await sent(world, FORM, patient_id=emma, private=private))["answers"] for private in (False, True)]
    assert [[answer["question"] for answer in answers] for answers in known] == [
        ["name"], ["smokes", "how_many", "name"],
    ]  # fmt: skip


async def test_what_is_about_a_private_visit_or_plan_is_private(world: World) -> None:
    emma, own, mother = await family(world)
    visit, plan = await booked(world, emma, "Secret"), await planned(world, "secret")
    for kind, thing in (("appointment", visit), ("plan", plan)):
        await marked(world, f"/v1/staff/patients/{emma}/private/{kind}/{thing}", world.here.staff)
    about: tuple[dict[str, Any], ...] = ({"appointment_id": visit}, {"plan_id": plan}, {})
    made = [await sent(world, NOTE, patient_id=emma, **each) for each in about]
    assert [each["private"] for each in made] == [True, True, False]
    seen = (await world.get(f"/v1/patients/{emma}/documents", mother.headers)).json()["items"]
    assert [each["document_id"] for each in seen] == [made[2]["document_id"]]
    assert len((await world.get("/v1/me/documents", own.headers)).json()["items"]) == 3


async def test_who_hands_a_sheet_in_while_its_plan_is_being_hidden_and_who_hides_it_wait_in_one_order(
    world: World,
) -> None:
    emma, own, mother = await family(world)
    plan = await planned(world, "secret")
    sheet = {**FORM, "code": "sheet", "corrects_record": True}
    path = f"/documents/{(await sent(world, sheet, patient_id=emma, plan_id=plan))['document_id']}"
    await world.post(f"/v1/me{path}/opening", own.headers, None)
    body = {"answers": [{"question": "smokes", "yes": False}]}
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("select from document for update"))
        filling = asyncio.create_task(world.post(f"/v1/patients/{emma}{path}/submission", mother.headers, body))
        await asyncio.wait([filling], timeout=0.5)
        hiding = asyncio.create_task(marked(world, f"/v1/staff/patients/{emma}/private/plan/{plan}", world.here.staff))
        await asyncio.wait([hiding], timeout=0.5)
        assert not filling.done() and not hiding.done()  # noqa: PT018
    assert ((await filling).status_code, (await hiding).status_code) == (200, 204)
    seen = [(await world.get(f"/v1/patients/{emma}/requests", who.headers)).json()["items"] for who in (own, mother)]
    assert [len(each) for each in seen] == [1, 0]
