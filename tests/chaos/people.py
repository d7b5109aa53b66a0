"""The clinic of the proof: patients with a conversation each, staff at the desk, and everybody's tokens."""

from dataclasses import dataclass
from uuid import UUID

from chat.commands import OWN, Speaker, send
from chat.conversation import Side
from clinic.commands import admit_staff, grant_access, take_patients
from core.clock import now
from core.database import NOBODY, Database
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import Device, Keys, account_of_phone, make_staff_account, open_session
from identity.permissions import PRESETS
from identity.sign_in import Audience
from tests.world import PASSWORD, SECRET, Party, make_party, patient_fact


@dataclass(frozen=True, slots=True)
class Person:
    """Who holds devices. `sender_id` is what the log knows them by."""

    token: str
    sender_id: UUID
    patient_id: UUID | None
    conversation: str


@dataclass(frozen=True, slots=True)
class People:
    party: Party
    patients: list[Person]
    staff: list[Person]

    @property
    def conversations(self) -> list[str]:
        return [each.conversation for each in self.patients]


async def made_people(url: str, *, patients: int, staff: int) -> People:
    """A clinic of its own, so that what stands in another is nobody's business."""
    database = Database(url, pool=2)
    try:
        return await _make_people(database, patients=patients, staff=staff)
    finally:
        await database.close()


async def _make_people(database: Database, *, patients: int, staff: int) -> People:
    keys = Keys(SECRET)
    party = await make_party(database, keys, f"Chaos{new_id().hex[-6:]}", "+39026660")
    made = [await _patient(database, keys, party, number) for number in range(patients)]
    return People(party, made, [await _staff(database, keys, party, number) for number in range(staff)])


async def _patient(database: Database, keys: Keys, party: Party, number: int) -> Person:
    at, phone = now(), f"+3902777{new_id().int % 10**6:06}"
    async with database.writing(NOBODY) as writing:
        account_id = await account_of_phone(writing, phone, at)
    async with database.writing(party.scope) as writing:
        fact = patient_fact(f"storm-{number}", f"Paziente {number}", phone)
        taken, _ = await take_patients(writing, party.clinic_id, "mis", [(0, fact)], SYSTEM, at)
        await grant_access(writing, party.clinic_id, account_id, taken[0].id, "self", at)
        device = Device(f"phone-{new_id().hex}")
        pair = await open_session(writing, keys, Audience.PATIENT, account_id, party.clinic_id, device, at)
    claims = keys.tokens.verify(pair.access_token, Audience.PATIENT, at)
    speaker = Speaker(Side.PATIENT, party.clinic_id, account_id, claims.session_id)
    begun = await send(database, speaker, OWN, new_id(), "Buongiorno", at)
    return Person(pair.access_token, account_id, taken[0].id, str(begun.event.conversation_id))


async def _staff(database: Database, keys: Keys, party: Party, number: int) -> Person:
    at = now()
    async with database.writing(NOBODY) as writing:
        account_id = await make_staff_account(writing, f"desk{number}-{new_id().hex}@clinic.example", PASSWORD, at)
    async with database.writing(party.scope) as writing:
        staff_id = await admit_staff(writing, party.clinic_id, account_id, f"Desk {number}", PRESETS["owner"])
        device = Device(f"desk-{new_id().hex}")
        pair = await open_session(writing, keys, Audience.STAFF, account_id, party.clinic_id, device, at)
    return Person(pair.access_token, staff_id, None, "")
