"""Private documents: what is told in one stays out of open ones, and a private visit or plan makes them so."""

from typing import Any

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
