"""Whether what is being made may be hidden from guardians: its patient is old enough, and who asks may hide it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from clinic.commands.access import TooYoungForPrivate, ward
from clinic.household import Relation, may_be_private
from clinic.tables import Access
from core.database import Writing
from core.errors import NotAllowed


class NotYoursToHide(NotAllowed):
    """Only the patient hides something from those who act for them, and the clinic does."""

    slug = "not-yours-to-hide"


async def check_may_hide(writing: Writing, patient_id: UUID, account_id: UUID, now: datetime) -> None:
    """Raises `NotYoursToHide`, `TooYoungForPrivate`."""
    own = select(col(Access.id)).where(
        col(Access.patient_id) == patient_id,
        col(Access.account_id) == account_id,
        col(Access.relation) == Relation.SELF.value,
    )
    if (await writing.execute(own)).scalar_one_or_none() is None:
        raise NotYoursToHide
    await check_old_enough(writing, patient_id, now)


async def check_old_enough(writing: Writing, patient_id: UUID, now: datetime) -> None:
    """Below the country's age a guardian sees everything, whoever made it. Raises `NotFound`, `TooYoungForPrivate`."""
    if not may_be_private(await ward(writing, patient_id), now):
        raise TooYoungForPrivate
