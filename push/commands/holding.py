"""Holds what is still to be said back for a while, and lets it go again, each at its own time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, update
from sqlmodel import col

from core.database import Writing
from push.commands.batch import UNTRACKED
from push.outcome import DeliveryState
from push.tables import DeliveryRow, NoticeRow


async def hold_across(writing: Writing, causes: Select[UUID, UUID]) -> None:
    """Nobody looks at what these causes, of (clinic_id, cause_id), still want to say; two statements.

    The time of the next look is mirrored at the notice's expiry: it lies behind it then, so nothing goes out any more,
    and mirrored again it is what it was. Held twice is held once. As `cancel_across` this waits for the rows that a
    worker is claiming; what a worker already holds is on its way.
    """
    await _mirror(writing, causes, held=False)


async def release_across(writing: Writing, causes: Select[UUID, UUID], now: datetime) -> None:
    """Let go what `hold_across` held: each as it was due, what has become late at once; two statements."""
    await _mirror(writing, causes, held=True, not_before=now)


async def _mirror(
    writing: Writing, causes: Select[UUID, UUID], *, held: bool, not_before: datetime | None = None
) -> None:  # fmt: skip
    named = causes.subquery("named")
    clinic_id, cause_id = named.c
    of_cause = and_(col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.cause_id) == cause_id)
    expires = col(NoticeRow.expires_at)
    # The notices first, as everywhere: a claim holds the notice before it makes or moves its tries.
    for table, mine in (
        (NoticeRow, col(NoticeRow.state) == "due"),
        (
            DeliveryRow,
            and_(
                col(DeliveryRow.clinic_id) == NoticeRow.clinic_id, col(DeliveryRow.notice_id) == col(NoticeRow.id),
                col(DeliveryRow.state) == DeliveryState.DUE.value,
            ),
        ),
    ):  # fmt: skip
        look: Any = col(table.next_at)
        mirrored = expires + (expires - look)
        due = mirrored if not_before is None else func.greatest(mirrored, not_before)
        changed = update(table).where(of_cause, mine, look > expires if held else look < expires)
        await writing.execute(changed.values(next_at=due), execution_options=UNTRACKED)
