"""People of the chat: whoever a test needs comes into its world."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from itertools import count
from uuid import UUID

from clinic.commands import admit_staff, grant_access, take_patients, tie_staff
from clinic.household import AccessScope
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import Device, account_of_phone, open_session
from identity.permissions import PRESETS, Permission
from identity.sign_in import Audience
from tests.world import Party, World, bearer, patient_fact

_PHONES = count(393_480_000_000)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in. `id`: the patient's, or the staff's."""

    id: UUID
    account_id: UUID
    session_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.token)


async def a_patient(world: World, *, party: Party | None = None, born: date = date(1985, 5, 17)) -> Person:
    """With their own record."""
    party, phone = party or world.here, f"+{next(_PHONES)}"
    async with world.database.writing(party.scope) as writing:
        account_id = await account_of_phone(writing, phone, now())
        fact = patient_fact(str(new_id()), "Pia", phone, born)
        ((made,), _) = await take_patients(writing, party.clinic_id, "mis", [(0, fact)], SYSTEM, now())
        await grant_access(writing, party.clinic_id, account_id, made.id, "self", now())
    return await _signed_in(world, party, Audience.PATIENT, account_id, made.id)


async def a_carer(world: World, ward: UUID, scopes: Collection[AccessScope], relation: str = "guardian") -> Person:
    """Somebody with a record of their own, who acts for another patient as far as `scopes`."""
    person = await a_patient(world)
    async with world.database.writing(world.here.scope) as writing:
        clinic_id = world.here.clinic_id
        await grant_access(writing, clinic_id, person.account_id, ward, relation, now(), scopes=set(scopes))
    return person


async def a_colleague(
    world: World, permissions: Collection[Permission] = PRESETS["owner"], branch_ids: Collection[UUID] = ()
) -> Person:
    """Staff of the clinic here, tied to these branches."""
    here = world.here
    async with world.database.writing(here.scope) as writing:
        account_id = await account_of_phone(writing, f"+{next(_PHONES)}", now())  # a password costs time
        staff_id = await admit_staff(writing, here.clinic_id, account_id, "Rita", frozenset(permissions))
        await writing.flush()
        if branch_ids:
            await tie_staff(writing, here.clinic_id, staff_id, list(branch_ids), SYSTEM, now())
    return await _signed_in(world, here, Audience.STAFF, account_id, staff_id)


async def _signed_in(world: World, party: Party, audience: Audience, account_id: UUID, row_id: UUID) -> Person:
    async with world.database.writing(party.scope) as writing:
        device = Device(f"device-{new_id()}")
        pair = await open_session(writing, world.keys, audience, account_id, party.clinic_id, device, now())
    claims = world.keys.tokens.verify(pair.access_token, audience, now())
    return Person(row_id, account_id, claims.session_id, pair.access_token)
