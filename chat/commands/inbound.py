"""Takes in what patients wrote by another channel: it stands in their one conversation, marked with the channel."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from chat.commands.send import post_message
from chat.commands.speaking import IdReused, Sent
from chat.conversation import Side, Via
from chat.log import Thread
from chat.speaker import Author
from chat.tables import ChatAddress
from clinic.queries import named_patients, patients_by_phone
from core.database import Writing
from core.errors import Conflict, NotFound


class SenderAmbiguous(Conflict):
    """Several patients share the address: say whose message it is."""

    slug = "sender-ambiguous"


class ExternalIdReused(IdReused):
    """The channel's id of the message already names another one; a partner knows no `client_id`."""

    slug = "external-id-reused"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of another channel: its id there, the address it came from, and whose it is where that is known."""

    via: Via
    external_id: str
    address: str | None
    patient: str | None
    body: str
    patient_id: UUID | None = None
    """Whose it is where we know it ourselves: it answers a message of ours, or comes from a chat they opened."""


async def take_message(
    writing: Writing, clinic_id: UUID, app_id: UUID, system: str, arrived: Arrived, now: datetime
) -> Sent:
    """Keep it as the patient's message; the same channel and id again is the same message, for ever.

    An address that comes with its patient is remembered, unless it is the phone of others and not theirs.
    Raises `NotFound` (nobody here by that name or address), `SenderAmbiguous`, `ExternalIdReused`.
    """
    patient_id = await _whose(writing, clinic_id, system, arrived)
    client_id = uuid5(app_id, f"{arrived.via.value} {arrived.external_id}")
    thread = Thread(clinic_id, patient_id)
    author = Author(Side.PATIENT, app_id)
    try:
        return await post_message(writing, thread, author, client_id, arrived.body, None, now, via=arrived.via)
    except IdReused:
        raise ExternalIdReused from None


async def _whose(writing: Writing, clinic_id: UUID, system: str, arrived: Arrived) -> UUID:
    if arrived.patient_id is not None:
        return arrived.patient_id
    if arrived.patient is not None:
        named = (await named_patients(writing, system, {arrived.patient})).get(arrived.patient)
        if named is None:
            raise NotFound
        if arrived.address is not None and await _may_be_theirs(writing, arrived.address, named.id):
            await _remember(writing, clinic_id, arrived.via, arrived.address, named.id)
        return named.id
    assert arrived.address is not None
    kept = select(col(ChatAddress.patient_id)).where(
        col(ChatAddress.clinic_id) == clinic_id,
        col(ChatAddress.via) == arrived.via.value,
        col(ChatAddress.address) == arrived.address,
    )
    known = (await writing.execute(kept)).scalar_one_or_none()
    if known is not None:
        return known
    people = await patients_by_phone(writing, arrived.address)
    if len(people) > 1:
        raise SenderAmbiguous
    if not people:
        raise NotFound
    return people[0].patient_id


async def _may_be_theirs(writing: Writing, address: str, patient_id: UUID) -> bool:
    """Whether no other record claims the address, or theirs does too: one row never takes a phone from others."""
    holders = {each.patient_id for each in await patients_by_phone(writing, address)}
    return not holders or patient_id in holders


async def _remember(writing: Writing, clinic_id: UUID, via: Via, address: str, patient_id: UUID) -> None:
    values = {"clinic_id": clinic_id, "via": via.value, "address": address, "patient_id": patient_id}
    row = insert(ChatAddress).values(values)
    key = ["clinic_id", "via", "address"]
    await writing.execute(row.on_conflict_do_update(index_elements=key, set_={"patient_id": patient_id}))
