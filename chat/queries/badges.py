"""What stands on the icons of people's apps."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select, tuple_
from sqlmodel import col

from chat.log import Thread
from chat.queries.states import unread_of_account
from chat.tables import Conversation
from clinic.queries import openers
from core.database import Sweeping


async def badges_of_hearers(
    sweeping: Sweeping, threads: Collection[Thread], now: datetime
) -> dict[Thread, dict[UUID, int]]:
    """For everybody who hears these threads, over all clinics: how much is unread in all the threads they hear."""
    badges: dict[Thread, dict[UUID, int]] = {}
    if not threads:
        return badges
    hearer, heard = openers(now).alias("hearer"), openers(now).alias("heard")
    same = and_(heard.c.clinic_id == hearer.c.clinic_id, heard.c.account_id == hearer.c.account_id, heard.c.hears)
    theirs = and_(col(Conversation.clinic_id) == heard.c.clinic_id, col(Conversation.patient_id) == heard.c.patient_id)
    unread = func.coalesce(func.sum(unread_of_account(hearer.c.account_id, hearer)), 0)
    key = (hearer.c.clinic_id, hearer.c.patient_id, hearer.c.account_id)
    statement = (
        select(*key, unread)
        .select_from(hearer)
        .join(heard, same)
        .join(Conversation, theirs)
        .where(hearer.c.hears, tuple_(*key[:2]).in_([tuple(thread) for thread in threads]))
        .group_by(*key)
    )
    for clinic_id, patient_id, account_id, count in await sweeping.execute(statement):
        badges.setdefault(Thread(clinic_id, patient_id), {})[account_id] = int(count)
    return badges
