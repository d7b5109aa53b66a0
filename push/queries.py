"""What is known of pushes: a patient's inbox, what became of each delivery, what was agreed to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, and_, func, select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Int32, Value
from push.notice import NoticeKind, Purpose
from push.outcome import DeliveryState
from push.tables import ConsentRow, DeliveryRow, DeviceRow, NoticeRow

PUSH = "push"
"""This channel's name in consents."""


class InboxItem(Value):
    """One line of the in-app inbox; what it is about is read under `link`."""

    notice_id: UUID
    kind: NoticeKind
    link: str | None
    at: Moment
    opened_at: Moment | None


class DeliveryView(Value):
    """What became of one notice on one phone, or why it went nowhere."""

    notice_id: UUID
    kind: NoticeKind
    purpose: Purpose
    not_before: Moment
    state: DeliveryState
    reason: str
    attempt: Int32
    platform: str | None
    accepted_at: Moment | None
    delivered_at: Moment | None
    opened_at: Moment | None


async def inbox(
    reading: Reading, patient_id: UUID, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[InboxItem]:
    """What the patient was told, newest first, past the key `after`; what was taken back is not shown.

    It does not ask whether a push arrived: a lost one loses nothing.
    """
    statement = (
        select(NoticeRow)
        .where(
            col(NoticeRow.patient_id) == patient_id,
            col(NoticeRow.not_before) <= now,
            col(NoticeRow.state) != "cancelled",
        )
        .order_by(col(NoticeRow.not_before).desc(), col(NoticeRow.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(func.row(col(NoticeRow.not_before), col(NoticeRow.id)) < func.row(*after))
    return [
        InboxItem(
            notice_id=row.id, kind=NoticeKind(row.kind), link=row.link, at=row.not_before, opened_at=row.opened_at
        )
        for row in (await reading.execute(statement)).scalars()
    ]


async def delivery_states(reading: Reading, patient_id: UUID, *, limit: int = 100) -> list[DeliveryView]:
    """A patient's deliveries for staff, newest first: what was sent, what was not, and why."""
    same_notice = and_(col(NoticeRow.clinic_id) == DeliveryRow.clinic_id, col(NoticeRow.id) == DeliveryRow.notice_id)
    same_phone = and_(col(DeviceRow.clinic_id) == DeliveryRow.clinic_id, col(DeviceRow.id) == DeliveryRow.device_id)
    statement = (
        select(DeliveryRow, NoticeRow, col(DeviceRow.platform))
        .join(NoticeRow, same_notice)
        .outerjoin(DeviceRow, same_phone)
        .where(col(NoticeRow.patient_id) == patient_id)
        .order_by(col(DeliveryRow.created_at).desc(), col(DeliveryRow.id).desc())
        .limit(limit)
    )
    return [_view(delivery, notice, platform) for delivery, notice, platform in (await reading.execute(statement))]


def _view(delivery: DeliveryRow, notice: NoticeRow, platform: str | None) -> DeliveryView:
    return DeliveryView(
        notice_id=notice.id,
        kind=NoticeKind(notice.kind),
        purpose=Purpose(notice.purpose),
        not_before=notice.not_before,
        state=DeliveryState(delivery.state),
        reason=delivery.reason,
        attempt=delivery.attempt,
        platform=platform,
        accepted_at=delivery.accepted_at,
        delivered_at=delivery.delivered_at,
        opened_at=delivery.opened_at,
    )


async def last_word(reading: Reading, clinic_id: UUID, patient_id: UUID, purpose: Purpose) -> bool | None:
    """The patient's last word on pushes for `purpose`; None where they never said any."""
    statement = (
        select(col(ConsentRow.granted))
        .where(
            col(ConsentRow.clinic_id) == clinic_id,
            col(ConsentRow.patient_id) == patient_id,
            col(ConsentRow.purpose) == purpose.value,
            col(ConsentRow.channel) == PUSH,
        )
        .order_by(col(ConsentRow.at).desc(), col(ConsentRow.id).desc())
        .limit(1)
    )
    return (await reading.execute(statement)).scalar_one_or_none()


def consent_word(notice: Any) -> ScalarSelect[bool | None]:
    """SQL: the same, for the patient and purpose of a notice's row."""
    return (
        select(col(ConsentRow.granted))
        .where(
            col(ConsentRow.clinic_id) == notice.clinic_id,
            col(ConsentRow.patient_id) == notice.patient_id,
            col(ConsentRow.purpose) == notice.purpose,
            col(ConsentRow.channel) == PUSH,
        )
        .order_by(col(ConsentRow.at).desc(), col(ConsentRow.id).desc())
        .limit(1)
        .scalar_subquery()
    )
