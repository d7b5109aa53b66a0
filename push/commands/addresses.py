"""Addresses that live no more, and the chats of messengers that patients open for the clinic."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.queries import openers
from core.database import Writing
from core.events import Actor, ActorKind, Happening, record
from core.ids import new_id
from push.channel import Way
from push.commands.batch import UNTRACKED
from push.commands.consents import Proof, set_consent
from push.consent import ConsentChannel
from push.notice import Purpose
from push.queries.addresses import may_hear
from push.tables import DeadAddress, MessengerLink

ADDRESSED = frozenset({Way.SMS, Way.EMAIL, Way.TELEGRAM, Way.WHATSAPP})
"""Wires to an address of the patient, and not to a phone of the app."""
START_LIFE = timedelta(minutes=15)


async def bury_addresses(writing: Writing, addresses: Sequence[tuple[UUID, UUID, Way, str]], now: datetime) -> None:
    """Write to these no more, of (clinic_id, patient_id, way, address); a new address in the record is another one."""
    known = sorted({(clinic, patient, way.value, text) for clinic, patient, way, text in addresses if way in ADDRESSED})
    if not known:
        return
    names = ["clinic_id", "patient_id", "way", "address"]
    rows = [{**dict(zip(names, each, strict=True)), "id": new_id(), "dead_at": now} for each in known]
    await writing.execute(insert(DeadAddress).on_conflict_do_nothing(index_elements=names), rows)


async def start_messenger(
    writing: Writing, clinic_id: UUID, patient_id: UUID, account_id: UUID, way: Way, token_hash: bytes, now: datetime
) -> datetime:
    """Keep the one-time start that will link a chat; until when it is good. An earlier one of this account is void."""
    until = now + START_LIFE
    mine = (
        col(MessengerLink.clinic_id) == clinic_id, col(MessengerLink.patient_id) == patient_id,
        col(MessengerLink.account_id) == account_id, col(MessengerLink.way) == way.value,
        col(MessengerLink.address).is_(None),
    )  # fmt: skip
    await writing.execute(delete(MessengerLink).where(*mine), execution_options=UNTRACKED)
    row = MessengerLink(
        clinic_id=clinic_id, id=new_id(), patient_id=patient_id, account_id=account_id, way=way.value,
        token_hash=token_hash, expires_at=until,
    )  # fmt: skip
    writing.add(row)
    return until


async def link_messenger(
    writing: Writing, clinic_id: UUID, way: Way, token_hash: bytes, address: str, session_id: UUID | None, now: datetime
) -> UUID | None:
    """Spend a start: this chat is the patient's, and they want to hear of their treatment in it. The patient.

    None for a start that is wrong, spent or old: nobody learns which.
    """
    live = (col(MessengerLink.address).is_(None), col(MessengerLink.ended_at).is_(None), may_hear(now))
    named = (
        col(MessengerLink.clinic_id) == clinic_id, col(MessengerLink.way) == way.value,
        col(MessengerLink.token_hash) == token_hash, col(MessengerLink.expires_at) > now,
    )  # fmt: skip
    spent = update(MessengerLink).where(*named, *live).values(address=address, linked_at=now)
    found = await writing.execute(
        spent.returning(col(MessengerLink.id), col(MessengerLink.patient_id), col(MessengerLink.account_id)),
        execution_options=UNTRACKED,
    )
    row = found.one_or_none()
    if row is None:
        return None
    link_id, patient_id, account_id = row
    actor = Actor(ActorKind.PATIENT, account_id)
    await _make_room(writing, clinic_id, patient_id, way, address, link_id, now)
    proof = Proof(await _relation(writing, clinic_id, patient_id, account_id, now), session_id, "message", None)
    await set_consent(
        writing, clinic_id, patient_id, Purpose.SERVICE, True, actor, now,
        channel=ConsentChannel.MESSENGER, proof=proof,
    )  # fmt: skip
    linked = Happening("messenger.linked", link_id, patient_id, {"way": way.value})
    await record(writing, clinic_id, actor, [linked], now)
    return UUID(str(patient_id))


async def _relation(writing: Writing, clinic_id: UUID, patient_id: UUID, account_id: UUID, now: datetime) -> str:
    """As whom the account hears of the patient."""
    opener = openers(now)
    whose = (opener.c.clinic_id == clinic_id, opener.c.patient_id == patient_id, opener.c.account_id == account_id)
    return str((await writing.execute(select(opener.c.relation).where(*whose))).scalar_one())


async def _make_room(
    writing: Writing, clinic_id: UUID, patient_id: UUID, way: Way, address: str, link_id: UUID, now: datetime
) -> None:
    """A chat has one address for ever. Whoever opens it again is linked once, and written to also after a block."""
    earlier = update(MessengerLink).where(
        col(MessengerLink.clinic_id) == clinic_id, col(MessengerLink.patient_id) == patient_id,
        col(MessengerLink.way) == way.value, col(MessengerLink.address) == address, col(MessengerLink.id) != link_id,
        col(MessengerLink.ended_at).is_(None),
    )  # fmt: skip
    await writing.execute(earlier.values(ended_at=now), execution_options=UNTRACKED)
    dead = (
        col(DeadAddress.clinic_id) == clinic_id, col(DeadAddress.patient_id) == patient_id,
        col(DeadAddress.way) == way.value, col(DeadAddress.address) == address,
    )  # fmt: skip
    await writing.execute(delete(DeadAddress).where(*dead), execution_options=UNTRACKED)


async def end_messenger(
    writing: Writing, clinic_id: UUID, patient_id: UUID, way: Way, actor: Actor, now: datetime
) -> None:
    """End every chat of this record; again changes nothing."""
    mine = (
        col(MessengerLink.clinic_id) == clinic_id, col(MessengerLink.patient_id) == patient_id,
        col(MessengerLink.way) == way.value, col(MessengerLink.ended_at).is_(None),
    )  # fmt: skip
    ended = update(MessengerLink).where(*mine).values(ended_at=now).returning(col(MessengerLink.id))
    links = (await writing.execute(ended, execution_options=UNTRACKED)).scalars().all()
    facts = {"way": way.value}
    await record(
        writing, clinic_id, actor, [Happening("messenger.ended", each, patient_id, facts) for each in links], now
    )
