"""How the outbox stands over all clinics: counts and ages, for an operator."""

from datetime import datetime

from sqlalchemy import func, literal_column, select, union_all
from sqlmodel import col

from core.database import Sweeping
from push.kinds import Lane
from push.tables import DeliveryRow, LineRow, NoticeRow


async def outbox_waiting(sweeping: Sweeping, now: datetime) -> tuple[dict[Lane, tuple[datetime, int]], int]:
    """By lane, since when the oldest that is due waits and how many do; and how many lines are open."""
    # Written out and not bound: a plan kept for later can use the partial index only by constants.
    waits = col(DeliveryRow.state).in_([literal_column("'due'"), literal_column("'leased'")])
    due = union_all(
        select(col(NoticeRow.lane), col(NoticeRow.next_at)).where(
            col(NoticeRow.next_at).is_not(None), col(NoticeRow.next_at) <= now
        ),
        select(col(DeliveryRow.lane), col(DeliveryRow.next_at)).where(waits, col(DeliveryRow.next_at) <= now),
    ).subquery()
    counted = select(due.c.lane, func.min(due.c.next_at), func.count()).group_by(due.c.lane)
    found = {Lane(lane): (oldest, count) for lane, oldest, count in await sweeping.execute(counted)}
    opened = select(func.count()).select_from(LineRow).where(
        col(LineRow.ended_at).is_(None), col(LineRow.enabled), col(LineRow.open_until).is_not(None)
    )  # fmt: skip
    return found, (await sweeping.execute(opened)).scalar_one()
