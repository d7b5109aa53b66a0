"""Of whom a notice is."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from core.database import Reading
from push.tables import NoticeRow


async def patient_of_notice(reading: Reading, clinic_id: UUID, notice_id: UUID) -> UUID | None:
    """Whom it was for; None for one of another clinic, or of none."""
    mine = (col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.id) == notice_id)
    return (await reading.execute(select(col(NoticeRow.patient_id)).where(*mine))).scalar_one_or_none()
