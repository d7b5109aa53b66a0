"""Dead letters: what failed for good, and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from core.database import Reading
from push.outcome import DeliveryState
from push.tables import DeliveryRow


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """So many messages of a clinic ended on a way for one reason."""

    clinic_id: UUID
    channel: str
    reason: str
    messages: int
    newest: datetime


async def dead_letters(reading: Reading, since: datetime, clinic_id: UUID | None) -> list[DeadLetters]:
    """What failed since then, by clinic, way and reason; the most first."""
    groups = (col(DeliveryRow.clinic_id), col(DeliveryRow.channel), col(DeliveryRow.reason))
    statement = (
        select(*groups, func.count(), func.max(col(DeliveryRow.created_at)))
        .where(col(DeliveryRow.state) == DeliveryState.FAILED.value, col(DeliveryRow.created_at) >= since)
        .group_by(*groups)
        .order_by(func.count().desc(), *groups)
    )
    if clinic_id is not None:
        statement = statement.where(col(DeliveryRow.clinic_id) == clinic_id)
    return [DeadLetters(*row) for row in await reading.execute(statement)]
