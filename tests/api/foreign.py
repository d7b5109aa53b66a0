"""What the matrix of rights calls each operation with: ids of ours and of others, and bodies that would be taken.

A new route with a known path parameter joins by itself. A new path parameter needs an entry in `IDS` (who owns such
an id, and whose must not work) or, where it names no row, in `WORDS`. A new body needs an entry in `BODIES`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from clinic.commands import admit_staff
from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from enamel.worker.media import make_previews
from identity.commands import Device, make_partner_app, make_staff_account, open_session
from identity.permissions import PRESETS
from identity.sign_in import Audience
from tests.media.samples import photo
from tests.world import DAY, PASSWORD, Party, World, patient_fact


@dataclass(frozen=True, slots=True)
class Ids:
    """One that the caller may use, those that exist and are none of theirs, and one that nobody has."""

    own: str
    foreign: tuple[str, ...]
    absent: str


Owners = Callable[[World, str], Awaitable[Ids]]


def ids(own: object, *foreign: object) -> Ids:
    return Ids(str(own), tuple(str(each) for each in foreign), str(new_id()))


async def patients(world: World, who: str) -> Ids:
    """Staff sees every patient of the clinic; a patient only who gave them access."""
    neighbour = () if who == "staff" else (world.here.other_patient_id,)
    return ids(world.here.patient_id, *neighbour, world.there.patient_id, world.there.other_patient_id)


async def visits(world: World, who: str) -> Ids:  # noqa: ARG001
    made = []
    for party in (world.here, world.there):
        answer = await world.post(
            f"/v1/staff/patients/{party.patient_id}/appointments", party.staff, BODIES["bookVisit"]
        )
        made.append(answer.json()["appointment_id"])
    return ids(*made)


async def sessions(world: World, who: str) -> Ids:  # noqa: ARG001
    """Another phone of ours, and phones and desks of other people, here and there."""
    desk = world.keys.tokens.verify(world.here.staff_token, Audience.STAFF, now()).session_id
    return ids(*[await _phone(world, party) for party in (world.here, world.there)], desk)


async def _phone(world: World, party: Party) -> UUID:
    device = Device("another-phone-of-this-person")
    async with world.database.writing(party.scope) as writing:
        pair = await open_session(
            writing, world.keys, Audience.PATIENT, party.account_id, party.clinic_id, device, now()
        )
    return world.keys.tokens.verify(pair.access_token, Audience.PATIENT, now()).session_id


async def pictures(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours, of the neighbour in the same clinic, of somebody elsewhere."""
    owners = [(world.here, "anna"), (world.here, "boris"), (world.there, "anna")]
    made = ids(*[await _picture(world, party, patient) for party, patient in owners])
    while await make_previews(world.database, world.ports.storage, now()):
        pass
    return made


async def _picture(world: World, party: Party, patient: str) -> str:
    path = f"/v1/partner/patients/{patient}/pictures/{new_id()}"
    answer = await world.http.put(path, headers=party.partner, data={"kind": "photo", "released": "true"}, files=FILE)
    return str(answer.json()["picture_id"])


async def conversations(world: World, who: str) -> Ids:  # noqa: ARG001
    made = []
    for party in (world.here, world.there):
        message = {**BODIES["sendMessage"], "client_id": str(new_id())}
        answer = await world.post(f"/v1/staff/patients/{party.patient_id}/messages", party.staff, message)
        made.append(answer.json()["conversation_id"])
    return ids(*made)


async def external_patients(world: World, who: str) -> Ids:  # noqa: ARG001
    """A name that the other clinic's system uses and ours does not."""
    row = patient_fact("only-there", "Dora", None).model_dump(mode="json")
    await world.post("/v1/partner/sync/patients", world.there.partner, {"items": [row]})
    return ids("anna", "only-there")


async def accounts(world: World, who: str) -> Ids:  # noqa: ARG001
    """Who may open our patient's record, and somebody who may not."""
    return ids(world.here.account_id, world.there.account_id)


async def colleagues(world: World, who: str) -> Ids:  # noqa: ARG001
    """Somebody of the desk here, and the owner there."""
    here = world.here
    async with world.database.writing(here.scope) as writing:
        account = await make_staff_account(writing, f"{new_id()}@rome.example", PASSWORD, now())
        await writing.flush()
        return ids(
            await admit_staff(writing, here.clinic_id, account, "Rita", PRESETS["reception"]), world.there.staff_id
        )


async def apps(world: World, who: str) -> Ids:  # noqa: ARG001
    async with world.database.writing(world.here.scope) as writing:
        app_id, _ = await make_partner_app(writing, world.keys, world.here.clinic_id, "Second", "second", now())
    return ids(app_id, world.there.app_id)


IDS: dict[str, Owners] = {
    "account_id": accounts,
    "staff_id": colleagues,
    "app_id": apps,
    "patient_id": patients,
    "appointment_id": visits,
    "session_id": sessions,
    "picture_id": pictures,
    "conversation_id": conversations,
    "external_id": external_patients,
}

# Path parameters that name no row of anybody: the caller's own name for a new thing, or a word of a list.
WORDS = {"purpose": "service", "variant": "original", "picture_external_id": "x-1", "id": "finding-1"}

# Query parameters that an operation does not do without.
QUERIES = {"findPatients": {"phone": "+390255501234"}}

FILE = {"file": ("scan.jpg", photo())}

# A body that is taken when the ids are right: otherwise every id would be answered 422 and nothing be proved.
BODIES: dict[str, Any] = {
    "linkRecord": {"code": "7KQ2M-9XARD"},
    "setMyConsent": {"granted": True},
    "sendMyMessage": {"client_id": str(new_id()), "body": "Good morning"},
    "markMyConversation": {"delivered": 1, "read": 1},
    "confirmNotices": {"items": [{"notice_id": str(new_id()), "kind": "opened"}]},
    "bookVisit": {"starts_at": rfc3339(now() + DAY), "ends_at": rfc3339(now() + DAY + DAY / 24)},
    "changeVisit": {"status": "confirmed"},
    "issueLinkCode": {"relation": "self"},
    "sendMessage": {"client_id": str(new_id()), "body": "Good morning"},
    "markConversation": {"delivered": 1, "read": 1},
    "linkMyPicture": {"variant": "original"},
    "linkWardPicture": {"variant": "original"},
}

# Operations that take a form with a file instead of JSON.
FORMS = {"uploadPicture": {"kind": "photo"}, "putPicture": {"kind": "photo"}}
