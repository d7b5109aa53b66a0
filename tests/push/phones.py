"""People with phones, and notices for them."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import text

from core.database import Database
from core.ids import new_id
from identity.commands import Device, Keys, account_of_phone, open_session
from identity.sign_in import Audience
from push.commands import DeviceFacts, enqueue_across, register_device
from push.notice import Notice, NoticeKind, Purpose
from push.outcome import DeliveryState
from tests.world import Party

# A Sunday noon in Rome.
NOON = datetime(2030, 6, 16, 10, 0, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def app(token: str, **more: Any) -> DeviceFacts:
    facts = {"platform": "android", "app_build": "it.example.clinic", "locale": "it-IT", "zone": "Europe/Rome"}
    return DeviceFacts.model_validate({**facts, "token": token, **more})


async def sign_in(database: Database, keys: Keys, party: Party, phone: str) -> tuple[UUID, UUID]:
    """An account and a live session of it in the party's clinic."""
    async with database.writing(party.scope) as writing:
        account_id = await account_of_phone(writing, phone, NOON)
        device = Device(f"device-{uuid4()}")
        pair = await open_session(writing, keys, Audience.PATIENT, account_id, party.clinic_id, device, NOON)
    return account_id, keys.tokens.verify(pair.access_token, Audience.PATIENT, NOON).session_id


async def give_phone(database: Database, keys: Keys, party: Party, token: str, at: datetime = NOON) -> UUID:
    """The party's patient signs in on one more phone, whose app registers `token`."""
    account_id, session_id = await sign_in(database, keys, party, party.phone)
    async with database.writing(party.scope) as writing:
        return await register_device(writing, party.clinic_id, account_id, session_id, app(token), at)


def notice(party: Party, **more: Any) -> Notice:
    facts: dict[str, Any] = {
        "patient_id": party.patient_id, "kind": NoticeKind.VISIT, "purpose": Purpose.SERVICE,
        "dedupe_key": str(new_id()), "not_before": NOON, "expires_at": NOON + 24 * HOUR,
    }  # fmt: skip
    return Notice(**{**facts, **more})


async def tell(database: Database, party: Party, *notices: Notice) -> list[UUID]:
    """Enqueue; the ids in the order given."""
    async with database.writing(party.scope) as writing:
        named = await enqueue_across(writing, [(party.clinic_id, each) for each in notices], NOON)
    return [named[party.clinic_id, each.dedupe_key] for each in notices]


class Delivery(NamedTuple):
    state: DeliveryState
    reason: str
    attempt: int


async def deliveries(database: Database, patient_id: UUID) -> list[Delivery]:
    """What became of each notice of this patient on each phone, newest first."""
    statement = text(
        "select d.state, d.reason, d.attempt from delivery d join notice n"
        " on n.clinic_id = d.clinic_id and n.id = d.notice_id"
        " where n.patient_id = :patient order by d.created_at desc, d.id desc"
    )
    async with database.sweeping() as sweeping:
        rows = await sweeping.execute(statement, {"patient": patient_id})
        return [Delivery(DeliveryState(state), reason, attempt) for state, reason, attempt in rows]
