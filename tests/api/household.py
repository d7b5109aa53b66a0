"""A household for tests: a girl of fifteen, her mother and her father, each with a phone that is signed in."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.commands import take_patients
from clinic.household import majority_on
from core.clock import now
from core.dates import birthday
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import Device, account_of_phone, open_session
from identity.sign_in import Audience
from tests.world import World, bearer, patient_fact

MOTHER, FATHER, EMMA = "+393471200061", "+393471200062", "+393471200063"
ROME = ZoneInfo("Europe/Rome")


@dataclass(frozen=True, slots=True)
class SignedIn:
    account_id: UUID
    session_id: UUID
    headers: dict[str, str]
    token: str


def today() -> date:
    """In Rome, where the branch is."""
    return now().astimezone(ROME).date()


def aged(years: int) -> date:
    """The birth date of somebody whose birthday is today."""
    born = today().replace(day=min(today().day, 28), year=today().year - years)
    return born if birthday(born, years) == today() else today().replace(year=today().year - years)


async def sign_in(world: World, phone: str) -> SignedIn:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        account_id = await account_of_phone(writing, phone, now())
        device = Device(f"device-{new_id()}")
        pair = await open_session(writing, world.keys, Audience.PATIENT, account_id, here.clinic_id, device, now())
    claims = world.keys.tokens.verify(pair.access_token, Audience.PATIENT, now())
    return SignedIn(account_id, claims.session_id, bearer(pair.access_token), pair.access_token)


async def child(world: World, name: str = "emma", born: date | None = None, version: int = 1) -> UUID:
    """A patient of fifteen, or born on the day given; told again with a higher version it is a correction."""
    fact = patient_fact(name, name.title(), None, born or aged(15)).model_copy(update={"version": version})
    async with world.database.writing(world.here.scope) as writing:
        taken, faults = await take_patients(writing, world.here.clinic_id, "mis", [(0, fact)], SYSTEM, now())
    assert not faults
    return taken[0].id


async def invited(world: World, patient_id: UUID, relation: str = "guardian", **bounds: Any) -> str:
    """The code that the desk hands out."""
    path = f"/v1/staff/patients/{patient_id}/link-codes"
    answer = await world.post(path, world.here.staff, {"relation": relation, **bounds})
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


async def linked(world: World, who: SignedIn, patient_id: UUID, relation: str = "guardian", **bounds: Any) -> None:
    code = await invited(world, patient_id, relation, **bounds)
    answer = await world.post("/v1/me/link", who.headers, {"code": code})
    assert answer.status_code == 200, answer.text


async def comes_of_age(world: World, patient_id: UUID) -> None:
    """Eighteen today: the clinic's system corrected the birth date, or the day has come; for us it is the same."""
    assert await child(world, born=aged(18), version=2) == patient_id
    assert majority_on(aged(18), "IT") <= today()


async def accesses(world: World, patient_id: UUID) -> list[dict[str, Any]]:
    answer = await world.get(f"/v1/staff/patients/{patient_id}/access", world.here.staff)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
