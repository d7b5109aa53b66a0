"""One word of ours to a stop or a start: asked for with it, sent once, and never again within the hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Sweeping, Writing
from core.ids import new_id
from push.channel import Way
from push.commands.batch import UNTRACKED, keys, same_key
from push.stop_words import Wish
from push.tables import ConfirmationRow

ONCE_WITHIN = timedelta(hours=1)
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is to be said, where: see `push.confirmation_words`."""

    clinic_id: UUID
    confirmation_id: UUID
    line_id: UUID
    way: Way
    address: str
    wish: Wish
    language: str


async def ask_confirmation(
    writing: Writing, clinic_id: UUID, line_id: UUID, way: Way, address: str, wish: Wish, language: str, now: datetime
) -> None:
    """Have it said, unless the same was said there within the hour."""
    values = {
        "clinic_id": clinic_id, "id": new_id(), "line_id": line_id, "way": way.value, "address": address,
        "wish": wish.value, "language": language, "asked_at": now, "claimed_at": None,
    }  # fmt: skip
    row = insert(ConfirmationRow).values(values)
    again = row.on_conflict_do_update(
        index_elements=["clinic_id", "line_id", "address", "wish"],
        set_={"asked_at": row.excluded.asked_at, "claimed_at": None, "language": row.excluded.language},
        where=col(ConfirmationRow.asked_at) <= now - ONCE_WITHIN,
    )
    await writing.execute(again)


async def claim_confirmations(sweeping: Sweeping, now: datetime, limit: int) -> list[Confirmation]:
    """Up to `limit` that nobody sends yet. Given once and never again: whoever takes one sends it, or nobody does."""
    await sweeping.execute(
        delete(ConfirmationRow).where(col(ConfirmationRow.asked_at) <= now - KEPT), execution_options=UNTRACKED
    )
    due = select(ConfirmationRow).where(col(ConfirmationRow.claimed_at).is_(None))
    locked = due.order_by(col(ConfirmationRow.asked_at)).limit(limit).with_for_update(skip_locked=True)
    rows = (await sweeping.execute(locked)).scalars().all()
    if rows:
        names = keys((row.clinic_id, row.id) for row in rows)
        taken = update(ConfirmationRow).where(same_key(ConfirmationRow, names)).values(claimed_at=now)
        await sweeping.execute(taken, execution_options=UNTRACKED)
    return [
        Confirmation(row.clinic_id, row.id, row.line_id, Way(row.way), row.address, Wish(row.wish), row.language)
        for row in rows
    ]
