"""Closes notices of which nothing is left to be tried."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, literal_column, update
from sqlmodel import col

from core.database import Writing
from push.commands.batch import UNTRACKED, keys, same_key
from push.outcome import OPEN
from push.tables import DeliveryRow, NoticeRow

# Written out and not bound: a plan kept for later can use the partial index only by constants.
STILL_OPEN = col(DeliveryRow.state).in_([literal_column(f"'{state.value}'") for state in OPEN])


async def finish(writing: Writing, notices: Sequence[tuple[UUID, UUID]]) -> None:
    """Close those notices, of (clinic_id, id), whose every delivery has come to its end."""
    if not notices:
        return
    names = keys(notices)
    still_open = exists().where(
        col(DeliveryRow.clinic_id) == NoticeRow.clinic_id,
        col(DeliveryRow.notice_id) == NoticeRow.id,
        STILL_OPEN,
    )
    over = update(NoticeRow).where(same_key(NoticeRow, names), col(NoticeRow.state) == "due", ~still_open)
    await writing.execute(
        over.where(col(NoticeRow.next_at).is_(None)).values(state="done"), execution_options=UNTRACKED
    )
