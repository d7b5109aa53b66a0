"""Keeps what came from an address that is nobody's, until the desk says whose it is or puts it away."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Sweeping, Writing
from core.errors import NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from push.channel import Way
from push.commands.batch import UNTRACKED
from push.queries.strangers import StrangerMessage, stranger_of
from push.report import Incoming
from push.tables import StrangerRow

KEPT = timedelta(days=30)


async def keep_stranger(
    writing: Writing, clinic_id: UUID, line_id: UUID, way: Way, incoming: Incoming, now: datetime
) -> None:
    """Once for ever, however often it is posted."""
    values = {
        "clinic_id": clinic_id, "id": new_id(), "line_id": line_id, "way": way.value,
        "external_id": incoming.external_id, "address": incoming.address, "body": incoming.text,
        "at": min(incoming.at, now), "settled_at": None, "settled_by": None,
    }  # fmt: skip
    row = insert(StrangerRow).values(values)
    await writing.execute(row.on_conflict_do_nothing(index_elements=["clinic_id", "line_id", "external_id"]))


async def settle_stranger(
    writing: Writing, clinic_id: UUID, message_id: UUID, patient_id: UUID | None, actor: Actor, now: datetime
) -> StrangerMessage:
    """It is this patient's, or nobody's. What was written, for the conversation; here its words are forgotten.

    Raises `NotFound`, also for one that somebody has settled already.
    """
    mine = (col(StrangerRow.clinic_id) == clinic_id, col(StrangerRow.id) == message_id)
    open_one = select(StrangerRow).where(*mine, col(StrangerRow.settled_at).is_(None)).with_for_update()
    row = (await writing.execute(open_one)).scalar_one_or_none()
    if row is None:
        raise NotFound
    told = stranger_of(row)
    settled = update(StrangerRow).where(*mine).values(settled_at=now, settled_by=actor.id, body="", address="")
    await writing.execute(settled, execution_options=UNTRACKED)
    happening = Happening("stranger.settled", message_id, patient_id, {"way": row.way, "ours": patient_id is not None})
    await record(writing, clinic_id, actor, [happening], now)
    return told


async def forget_strangers(sweeping: Sweeping, now: datetime) -> int:
    """Delete what nobody has settled for a month, and the traces of what was."""
    gone = delete(StrangerRow).where(col(StrangerRow.at) < now - KEPT).returning(col(StrangerRow.id))
    return len((await sweeping.execute(gone, execution_options=UNTRACKED)).scalars().all())
