"""Subscribe a calendar to a record's visits, and end it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from clinic.calendar import feed_token
from clinic.commands.patients import hold_patients
from clinic.tables import CalendarFeed
from core.database import Writing
from core.events import Actor, Happening, record
from identity.secrets import Secrets, new_seed


async def subscribe_calendar(
    writing: Writing, secrets: Secrets, clinic_id: UUID, account_id: UUID, patient_id: UUID, actor: Actor, now: datetime
) -> str:
    """A new secret for this account's calendar of this record; the one before it ends. Kept as a keyed hash only."""
    await hold_patients(writing, [patient_id])
    await _end(writing, clinic_id, account_id, patient_id, now)
    token = feed_token(clinic_id, new_seed())
    digest = secrets.keyed_hash(f"calendar {clinic_id}", token)
    made = CalendarFeed(
        clinic_id=clinic_id, account_id=account_id, patient_id=patient_id, token_hash=digest, made_at=now
    )
    writing.add(made)
    told = Happening("calendar_feed.made", made.id, patient_id=patient_id)
    await record(writing, clinic_id, actor, [told], now)
    return token


async def revoke_calendar(
    writing: Writing, clinic_id: UUID, account_id: UUID, patient_id: UUID, actor: Actor, now: datetime
) -> None:
    """End it, if there is one."""
    ended = await _end(writing, clinic_id, account_id, patient_id, now)
    told = [Happening("calendar_feed.revoked", each, patient_id=patient_id) for each in ended]
    await record(writing, clinic_id, actor, told, now)


async def _end(writing: Writing, clinic_id: UUID, account_id: UUID, patient_id: UUID, now: datetime) -> list[UUID]:
    mine = (
        col(CalendarFeed.clinic_id) == clinic_id,
        col(CalendarFeed.account_id) == account_id,
        col(CalendarFeed.patient_id) == patient_id,
        col(CalendarFeed.revoked_at).is_(None),
    )
    ended = update(CalendarFeed).where(*mine).values(revoked_at=now).returning(col(CalendarFeed.id))
    return list((await writing.execute(ended)).scalars())
