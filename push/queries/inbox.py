"""What a patient was told: the inbox, and on which phones."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Value
from push.notice import NoticeKind
from push.tables import DeviceRow, InboxReadRow, NoticeRow

MOST_UNREAD = 999


class InboxItem(Value):
    """One line of the in-app inbox; what it is about is read under `link`."""

    notice_id: UUID
    kind: NoticeKind
    link: str | None
    at: Moment
    opened_at: Moment | None
    read: bool = Field(description="Opened, or said by this account to be read.")


async def inbox(
    reading: Reading, patient_id: UUID, account_id: UUID, now: datetime, *, after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[InboxItem]:  # fmt: skip
    """What this account was told of the patient, newest first, past the key `after`; what was taken back is not shown.

    It does not ask whether a push arrived: a lost one loses nothing.
    """
    statement = (
        select(NoticeRow, _is_read(account_id))
        .where(col(NoticeRow.patient_id) == patient_id, *_shown(account_id, now))
        .order_by(col(NoticeRow.not_before).desc(), col(NoticeRow.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(func.row(col(NoticeRow.not_before), col(NoticeRow.id)) < func.row(*after))
    return [
        InboxItem(
            notice_id=row.id, kind=NoticeKind(row.kind), link=row.link, at=row.not_before, opened_at=row.opened_at,
            read=read,
        )
        for row, read in await reading.execute(statement)
    ]  # fmt: skip


async def unread_notices(reading: Reading, patient_id: UUID, account_id: UUID, now: datetime) -> int:
    """How many lines of the inbox wait to be read; what is more than 999 is 999."""
    mine = (col(NoticeRow.patient_id) == patient_id, *_shown(account_id, now), ~_is_read(account_id))
    counted = select(col(NoticeRow.id)).where(*mine).limit(MOST_UNREAD).subquery()
    return int((await reading.execute(select(func.count()).select_from(counted))).scalar_one())


def _shown(account_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL: what stands in this account's inbox."""
    begun = (col(NoticeRow.not_before) <= now, col(NoticeRow.state) != "cancelled")
    return (meant_for(account_id), *begun, ~col(NoticeRow.silent))


def _is_read(account_id: UUID) -> ColumnElement[bool]:
    """SQL: it was opened by anybody, or this account has read up to there."""
    through = exists().where(
        and_(
            col(InboxReadRow.clinic_id) == NoticeRow.clinic_id,
            col(InboxReadRow.patient_id) == NoticeRow.patient_id,
            col(InboxReadRow.account_id) == account_id,
            col(InboxReadRow.read_through) >= NoticeRow.not_before,
        )
    )
    return or_(col(NoticeRow.opened_at).is_not(None), through)


def meant_for(account_id: Any) -> ColumnElement[bool]:
    """SQL: a notice is for everybody who hears of the patient, or for this account alone."""
    return or_(col(NoticeRow.account_id).is_(None), col(NoticeRow.account_id) == account_id)


def has_other_phone(clinic_id: Any, account_id: Any, session_id: Any) -> ColumnElement[bool]:
    """SQL: the account has a phone beside the one of this session."""
    return exists().where(
        col(DeviceRow.clinic_id) == clinic_id, col(DeviceRow.account_id) == account_id,
        col(DeviceRow.session_id).is_distinct_from(session_id), col(DeviceRow.dead_at).is_(None),
    )  # fmt: skip
