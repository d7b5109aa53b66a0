"""Notes up to where somebody has read an inbox."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.ids import new_id
from push.tables import InboxReadRow


async def read_inbox(
    writing: Writing, clinic_id: UUID, patient_id: UUID, account_id: UUID, through: datetime
) -> None:  # fmt: skip
    """Only ever further."""
    values = {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "account_id": account_id,
        "read_through": through,
    }  # fmt: skip
    row = insert(InboxReadRow).values(values)
    later = func.greatest(col(InboxReadRow.read_through), row.excluded.read_through)
    names = ["clinic_id", "patient_id", "account_id"]
    await writing.execute(row.on_conflict_do_update(index_elements=names, set_={"read_through": later}))
