"""Signing in: patients by phone and code, staff by password, a clinic's system by its credentials."""

from core.clock import now
from core.moments import rfc3339
from tests.world import DAY, PASSWORD, World, bearer

DEVICE = "a-device-key-of-the-phone"


async def _ask(world: World, phone: str) -> str:
    asked = await world.post("/v1/auth/otp", {}, {"phone": phone})
    assert asked.status_code == 202, asked.text
    return str(asked.json()["challenge_id"])


async def test_a_patient_signs_in_by_phone_and_code_and_sees_their_record(world: World) -> None:
    challenge = await _ask(world, world.here.phone)
    proof = {
        "challenge_id": challenge, "code": world.last_code(world.here.phone),
        "clinic_id": str(world.here.clinic_id), "device_key": DEVICE,
    }  # fmt: skip
    opened = await world.post("/v1/auth/sessions", {}, proof)
    assert opened.status_code == 201, opened.text
    me = await world.get("/v1/me", bearer(opened.json()["access_token"]))
    assert me.status_code == 200, me.text
    assert [record["patient_id"] for record in me.json()["records"]] == [str(world.here.patient_id)]


async def test_a_new_phone_sees_nothing_before_the_desks_link_code(world: World) -> None:
    challenge = await _ask(world, "+390255519999")
    proof = {
        "challenge_id": challenge, "code": world.last_code("+390255519999"),
        "clinic_id": str(world.here.clinic_id), "device_key": DEVICE,
    }  # fmt: skip
    token = bearer((await world.post("/v1/auth/sessions", {}, proof)).json()["access_token"])
    refused = await world.get("/v1/me/appointments", token)
    assert (refused.status_code, refused.json()["code"]) == (403, "no-record-linked")
    path = f"/v1/staff/patients/{world.here.patient_id}/link-codes"
    issued = await world.post(path, world.here.staff, {"relation": "self"})
    assert issued.status_code == 201, issued.text
    linked = await world.post("/v1/me/link", token, {"code": issued.json()["code"].lower()})
    assert linked.status_code == 200, linked.text
    assert (await world.get("/v1/me/appointments", token)).status_code == 200
    again = await world.post("/v1/me/link", token, {"code": issued.json()["code"]})
    assert (again.status_code, again.json()["code"]) == (404, "link-code-wrong")


async def test_staff_signs_in_by_password_and_books(world: World) -> None:
    body = {
        "email": world.here.email,
        "password": PASSWORD,
        "clinic_id": str(world.here.clinic_id),
        "device_key": DEVICE,
    }
    opened = await world.post("/v1/auth/staff", {}, body)
    assert opened.status_code == 201, opened.text
    start = now() + DAY
    visit = {"starts_at": rfc3339(start), "ends_at": rfc3339(start + DAY / 48), "service": "Hygiene"}
    path = f"/v1/staff/patients/{world.here.patient_id}/appointments"
    booked = await world.post(path, bearer(opened.json()["access_token"]), visit)
    assert booked.status_code == 201, booked.text
    mine = await world.get("/v1/me/appointments", world.here.patient)
    assert [item["starts_at"] for item in mine.json()["items"]] == [rfc3339(start)]
