"""What is known of pushes: a patient's inbox, what was agreed to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, func, select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Value
from push.notice import NoticeKind, Purpose
from push.tables import ConsentRow, NoticeRow

PUSH = "push"
"""This channel's name in consents."""


class InboxItem(Value):
    """One line of the in-app inbox; what it is about is read under `link`."""

    notice_id: UUID
    kind: NoticeKind
    link: str | None
    at: Moment
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
