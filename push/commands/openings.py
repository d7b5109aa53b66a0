"""Takes that somebody followed the link of a message: it was opened, and so it had arrived."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import col

from core.database import Writing
from core.events import SYSTEM, Happening, record
from push.commands.settling import change_of, settle
from push.links import Opening
from push.report import Reported
from push.tables import DeliveryRow, NoticeRow

LEADS_FOR = timedelta(days=30)
"""How long after its notice has expired a link still leads somewhere."""


async def open_by_link(writing: Writing, opening: Opening, now: datetime, *, seen: bool = True) -> str | None:
    """Where the notice leads in the app, empty where to nothing in particular; None for a link that is over.

    `seen`: a person opened it and no machine; only then it is written down, the first time alone.
    """
    same = (col(NoticeRow.clinic_id) == opening.clinic_id, col(NoticeRow.id) == opening.notice_id)
    found = select(NoticeRow).where(*same)
    notice = (await writing.execute(found.with_for_update() if seen else found)).scalar_one_or_none()
    if notice is None or notice.state == "cancelled" or now > notice.expires_at + LEADS_FOR:
        return None
    if seen and notice.opened_at is None:
        await _note(writing, opening, notice, now)
    return notice.link or ""


async def _note(writing: Writing, opening: Opening, notice: NoticeRow, now: datetime) -> None:
    mine = (col(DeliveryRow.clinic_id) == opening.clinic_id, col(DeliveryRow.notice_id) == opening.notice_id)
    statement = select(DeliveryRow).where(*mine, col(DeliveryRow.way) == opening.way.value)
    deliveries = (await writing.execute(statement)).scalars().all()
    if deliveries:
        told = [(Reported.OPENED, "", now)]
        await settle(writing, [change_of(each, notice, told) for each in deliveries], now)
        return
    notice.opened_at = now
    await writing.flush()
    facts = {"kind": notice.kind, "purpose": notice.purpose, "channel": opening.way.value}
    opened = Happening("push.opened", notice.id, notice.patient_id, facts, notice.cause_id)
    await record(writing, opening.clinic_id, SYSTEM, [opened], now)
