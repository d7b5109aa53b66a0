"""Whose an address is: by the record, or by the messenger that somebody has opened for the clinic."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlmodel import col

from clinic.queries import openers
from clinic.queries.addressees import reached_at
from core.database import Reading
from push.channel import Way
from push.tables import MessengerLink

MOST_HOLDERS = 50


async def holders(reading: Reading, clinic_id: UUID, way: Way, address: str, now: datetime) -> list[UUID]:
    """Every patient of the clinic who is reached there now."""
    if way in {Way.SMS, Way.WHATSAPP}:
        return await reached_at(reading, clinic_id, address, None)
    if way is Way.EMAIL:
        return await reached_at(reading, clinic_id, None, address)
    linked = select(col(MessengerLink.patient_id)).where(
        col(MessengerLink.clinic_id) == clinic_id, col(MessengerLink.way) == way.value,
        col(MessengerLink.address) == address, col(MessengerLink.linked_at).is_not(None),
        col(MessengerLink.ended_at).is_(None), may_hear(now),
    )  # fmt: skip
    statement = linked.distinct().order_by(col(MessengerLink.patient_id)).limit(MOST_HOLDERS)
    return list((await reading.execute(statement)).scalars())


def may_hear(now: Any) -> ColumnElement[bool]:
    """SQL: whoever opened the chat of a `MessengerLink` may still hear of its patient."""
    opener = openers(now)
    return exists().where(
        opener.c.hears,
        opener.c.clinic_id == MessengerLink.clinic_id,
        opener.c.patient_id == MessengerLink.patient_id,
        opener.c.account_id == MessengerLink.account_id,
    )
