"""Takes what the app reports: this arrived, this was opened."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import and_, case, exists, func, literal, select, update
from sqlmodel import col

from clinic.queries import openers
from core.database import Writing
from core.events import Actor, Happening, record
from core.values import Value
from push.commands.batch import MOMENTS, UNTRACKED
from push.outcome import DeliveryState
from push.tables import DeliveryRow, DeviceRow, NoticeRow

# A receipt proves what the provider's lost answer left open.
_UNPROVEN = [state.value for state in (DeliveryState.DUE, DeliveryState.LEASED, DeliveryState.UNKNOWN)]


class ReceiptEvent(StrEnum):
    DELIVERED = "delivered"
    OPENED = "opened"


class Receipt(Value):
    notice_id: UUID
    event: ReceiptEvent


async def confirm(
    writing: Writing,
    clinic_id: UUID,
    account_id: UUID,
    session_id: UUID,
    receipts: Sequence[Receipt],
    actor: Actor,
    now: datetime,
) -> int:
    """Write down what this phone reports; how many of the notices are ones that this account may see.

    The first report counts; repeats change nothing. Foreign and unknown ids are passed over alike.
    """
    seen = {receipt.notice_id for receipt in receipts}
    opened = {receipt.notice_id for receipt in receipts if receipt.event is ReceiptEvent.OPENED}
    notices = await _locked_own(writing, clinic_id, account_id, seen, now)
    ids = [notice.id for notice in notices]
    if not ids:
        return 0
    first = [notice for notice in notices if notice.id in opened and notice.opened_at is None]
    happenings = [_opening(notice) for notice in first]
    await _mark_deliveries(writing, clinic_id, session_id, ids, opened, now)
    await _mark_opened(writing, clinic_id, [notice.id for notice in first], now)
    await record(writing, clinic_id, actor, happenings, now)
    return len(ids)


async def _locked_own(
    writing: Writing, clinic_id: UUID, account_id: UUID, ids: set[UUID], now: datetime
) -> Sequence[NoticeRow]:
    opener = openers(now)
    mine = exists().where(
        opener.c.clinic_id == NoticeRow.clinic_id,
        opener.c.patient_id == NoticeRow.patient_id,
        opener.c.account_id == account_id,
    )
    statement = (
        select(NoticeRow)
        .where(col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.id) == func.any(sorted(ids)), mine)
        .order_by(col(NoticeRow.id))
        .with_for_update()
    )
    return (await writing.execute(statement)).scalars().all()


async def _mark_deliveries(
    writing: Writing, clinic_id: UUID, session_id: UUID, ids: list[UUID], opened: set[UUID], now: datetime
) -> None:
    """The delivery to this very phone: arrived, perhaps opened, and accepted whatever the provider said."""
    this_phone = and_(
        col(DeviceRow.clinic_id) == DeliveryRow.clinic_id,
        col(DeviceRow.id) == DeliveryRow.device_id,
        col(DeviceRow.session_id) == session_id,
    )
    was_opened = col(DeliveryRow.notice_id) == func.any(sorted(opened))
    proven = col(DeliveryRow.state).in_(_UNPROVEN)
    moment = literal(now, MOMENTS)
    statement = (
        update(DeliveryRow)
        .where(col(DeliveryRow.clinic_id) == clinic_id, col(DeliveryRow.notice_id) == func.any(ids), this_phone)
        .values(
            delivered_at=func.coalesce(col(DeliveryRow.delivered_at), moment),
            opened_at=case(
                (was_opened, func.coalesce(col(DeliveryRow.opened_at), moment)), else_=DeliveryRow.opened_at
            ),
            state=case((proven, DeliveryState.ACCEPTED.value), else_=DeliveryRow.state),
        )
    )
    await writing.execute(statement, execution_options=UNTRACKED)


async def _mark_opened(writing: Writing, clinic_id: UUID, ids: list[UUID], now: datetime) -> None:
    if not ids:
        return
    statement = update(NoticeRow).where(col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.id) == func.any(ids))
    await writing.execute(statement.values(opened_at=now), execution_options=UNTRACKED)


def _opening(notice: NoticeRow) -> Happening:
    facts = {"kind": notice.kind, "purpose": notice.purpose}
    return Happening("push.opened", notice.id, notice.patient_id, facts, notice.cause_id)
