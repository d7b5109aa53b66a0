"""Who is connected now, as far as living nodes say."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlmodel import col

from chat.tables import ChatNode, ChatPresence
from core.database import Reading


async def attended_desks(reading: Reading, clinic_ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Those of these clinics of whose staff somebody is connected."""
    statement = (
        select(col(ChatPresence.clinic_id))
        .distinct()
        .where(
            col(ChatPresence.clinic_id).in_(clinic_ids),
            col(ChatPresence.patient_id).is_(None),
            _living(ChatPresence, now),
        )
    )
    return set((await reading.execute(statement)).scalars())


# --- Fragments ---


def connected(clinic_id: Any, patient_id: Any, now: Any, *, front: bool = False) -> ColumnElement[bool]:
    """SQL: somebody of the patient's side has a socket open; `front`: and looks at it."""
    here = [col(ChatPresence.clinic_id) == clinic_id, col(ChatPresence.patient_id) == patient_id]
    looked_at = [col(ChatPresence.front)] if front else []
    return exists().where(*here, *looked_at, _living(ChatPresence, now))


def _living(presence: Any, now: Any) -> ColumnElement[bool]:
    return exists().where(col(ChatNode.id) == presence.node_id, col(ChatNode.until) > now)
