"""Takes what the app reports: this arrived, this was opened."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, select, update
from sqlmodel import col

from clinic.queries import openers
from core.database import Writing
from core.events import Actor, Happening, record
from core.values import Value
from push.commands.batch import MOMENTS, UNTRACKED
from push.commands.finishing import finish
from push.outcome import DeliveryState
from push.queries import meant_for
from push.tables import DeliveryRow, DeviceRow, NoticeRow

# A receipt proves what the provider's lost answer left open.
_UNPROVEN = [state.value for state in (DeliveryState.DUE, DeliveryState.LEASED, DeliveryState.UNKNOWN)]

_BY_RECEIPT = "receipt"


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
    here = _this_phone(clinic_id, session_id, ids)
    proven = await _prove(writing, here, now)
    await _mark_deliveries(writing, here, opened, now)
    await finish(writing, [(clinic_id, notice_id) for notice_id in proven], now)
    await _mark_opened(writing, clinic_id, [notice.id for notice in first], now)
    happenings = [_acceptance(notice, proven[notice.id]) for notice in notices if notice.id in proven]
    await record(writing, clinic_id, actor, happenings + [_opening(notice) for notice in first], now)
    return len(ids)


async def _locked_own(
    writing: Writing, clinic_id: UUID, account_id: UUID, ids: set[UUID], now: datetime
) -> Sequence[NoticeRow]:
    opener = openers(now)
    mine = exists().where(
        opener.c.hears,
        opener.c.clinic_id == NoticeRow.clinic_id,
        opener.c.patient_id == NoticeRow.patient_id,
        opener.c.account_id == account_id,
    )
    asked = (col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.id) == func.any(sorted(ids)))
    statement = (
        select(NoticeRow).where(*asked, meant_for(account_id), mine).order_by(col(NoticeRow.id)).with_for_update()
    )
    return (await writing.execute(statement)).scalars().all()


def _this_phone(clinic_id: UUID, session_id: UUID, ids: list[UUID]) -> ColumnElement[bool]:
    """SQL: the deliveries of these notices to the very phone that reports."""
    return and_(
        col(DeliveryRow.clinic_id) == clinic_id,
        col(DeliveryRow.notice_id) == func.any(ids),
        col(DeviceRow.clinic_id) == DeliveryRow.clinic_id,
        col(DeviceRow.id) == DeliveryRow.device_id,
        col(DeviceRow.session_id) == session_id,
    )


async def _prove(writing: Writing, here: ColumnElement[bool], now: datetime) -> dict[UUID, UUID]:
    """Accept what the provider's answer left open; the device by the notice."""
    statement = (
        update(DeliveryRow)
        .where(here, col(DeliveryRow.state).in_(_UNPROVEN))
        .values(state=DeliveryState.ACCEPTED.value, reason=_BY_RECEIPT, accepted_at=now)
        .returning(col(DeliveryRow.notice_id), col(DeviceRow.id))
    )
    return dict(row for row in await writing.execute(statement, execution_options=UNTRACKED))


async def _mark_deliveries(writing: Writing, here: ColumnElement[bool], opened: set[UUID], now: datetime) -> None:
    was_opened = col(DeliveryRow.notice_id) == func.any(sorted(opened))
    moment = literal(now, MOMENTS)
    statement = (
        update(DeliveryRow)
        .where(here)
        .values(
            delivered_at=func.coalesce(col(DeliveryRow.delivered_at), moment),
            opened_at=case(
                (was_opened, func.coalesce(col(DeliveryRow.opened_at), moment)), else_=DeliveryRow.opened_at
            ),
        )
    )
    await writing.execute(statement, execution_options=UNTRACKED)


async def _mark_opened(writing: Writing, clinic_id: UUID, ids: list[UUID], now: datetime) -> None:
    if not ids:
        return
    statement = update(NoticeRow).where(col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.id) == func.any(ids))
    await writing.execute(statement.values(opened_at=now), execution_options=UNTRACKED)


def _acceptance(notice: NoticeRow, device_id: UUID) -> Happening:
    facts = {
        "kind": notice.kind, "purpose": notice.purpose, "state": DeliveryState.ACCEPTED.value,
        "reason": _BY_RECEIPT, "device_id": str(device_id),
    }  # fmt: skip
    return Happening("push.accepted", notice.id, notice.patient_id, facts, notice.cause_id)


def _opening(notice: NoticeRow) -> Happening:
    facts = {"kind": notice.kind, "purpose": notice.purpose}
    return Happening("push.opened", notice.id, notice.patient_id, facts, notice.cause_id)
