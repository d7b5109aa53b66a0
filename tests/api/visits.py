"""What tests of visits share: book, push, publish free times, wait."""

from datetime import datetime, timedelta
from typing import Any

from clinic.commands import grant_access, take_patients
from clinic.commands.visit_settings import set_branch_booking
from clinic.queries.visit_settings import BranchBooking
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from core.moments import rfc3339
from identity.commands import Device, account_of_phone, open_session
from identity.sign_in import Audience
from tests.world import DAY, Party, World, bearer, patient_fact

HOUR = timedelta(hours=1)
JSON = dict[str, Any]


def times(starts_at: datetime, length: timedelta = HOUR) -> JSON:
    return {"starts_at": rfc3339(starts_at), "ends_at": rfc3339(starts_at + length)}


async def booked(world: World, starts_at: datetime, **more: Any) -> JSON:
    """A visit of Anna's that the desk enters."""
    path = f"/v1/staff/patients/{world.here.patient_id}/appointments"
    answer = await world.post(path, world.here.staff, {**times(starts_at), **more})
    assert answer.status_code == 201, answer.text
    made: JSON = answer.json()
    return made


async def pushed(world: World, starts_at: datetime, version: int = 1, **more: Any) -> str:
    """A visit of Anna's that the clinic's system keeps; its id."""
    row = {"external_id": "v1", "version": version, "patient": "anna", **times(starts_at), **more}
    answer = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [row]})
    assert answer.json()["refused"] == 0, answer.text
    return str(answer.json()["rows"][0]["id"])


async def published(world: World, *starts: datetime, party: Party | None = None, **more: Any) -> list[str]:
    """Free times, an hour each; their ids."""
    whose = party or world.here
    items = [
        {"external_id": str(new_id()), "branch": "Centro", "practitioner": "Dr. Bianchi", "services": ["Hygiene"],
         **times(start), **more}
        for start in starts
    ]  # fmt: skip
    answer = await world.post("/v1/partner/sync/slots", whose.partner, {"items": items})
    assert answer.json()["refused"] == 0, answer.text
    return [row["id"] for row in answer.json()["rows"]]


async def rules(world: World, booking: str = "direct", notice: int = 24, most: int = 3) -> None:
    """How the branch here lets patients book and call off."""
    body = BranchBooking.model_validate({"booking": booking, "cancel_notice_hours": notice, "most_ahead": most})
    async with world.database.writing(world.here.scope) as writing:
        await set_branch_booking(writing, world.here.clinic_id, world.here.branch_id, body, SYSTEM, now())


async def crowd(world: World, number: int) -> list[dict[str, str]]:
    """So many other patients of the clinic here, signed in: their headers."""
    here, at, headers = world.here, now(), []
    facts = [patient_fact(f"c{index}", f"C{index}", None) for index in range(number)]
    async with world.database.writing(here.scope) as writing:
        taken, _ = await take_patients(writing, here.clinic_id, "mis", list(enumerate(facts)), SYSTEM, at)
        for index, each in enumerate(taken):
            account = await account_of_phone(writing, f"+3933300{index:05d}", at)
            await grant_access(writing, here.clinic_id, account, each.id, "self", at)
            device = Device(f"phone-of-the-crowd-{index:010d}")
            pair = await open_session(writing, world.keys, Audience.PATIENT, account, here.clinic_id, device, at)
            headers.append(bearer(pair.access_token))
    return headers


async def waiting(world: World, headers: dict[str, str], **wants: Any) -> JSON:
    body = {"service": "Hygiene", "until": f"{now() + 60 * DAY:%Y-%m-%d}", **wants}
    answer = await world.post("/v1/me/waiting-list", headers, body)
    assert answer.status_code == 201, answer.text
    made: JSON = answer.json()
    return made


async def offers(world: World, headers: dict[str, str]) -> list[JSON]:
    answer = await world.get("/v1/me/slot-offers", headers)
    assert answer.status_code == 200, answer.text
    found: list[JSON] = answer.json()["items"]
    return found
