"""What a claim reads of rows, as plain tuples: making a mapped object of each costs more than all else of a claim."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, NamedTuple
from uuid import UUID

from push.tables import DeviceRow, NoticeRow


class NoticeHead(NamedTuple):
    """Of a notice; each member is as its column in `NoticeRow`."""

    clinic_id: UUID
    id: UUID
    patient_id: UUID
    kind: str
    purpose: str
    link: str | None
    not_before: datetime
    expires_at: datetime
    hours_zone: str | None
    hours_opens: time | None
    hours_closes: time | None
    hours_weekdays: list[int] | None
    cause_id: UUID | None
    silent: bool
    account_id: UUID | None
    spared_session_id: UUID | None
    seq: int | None
    badges: dict[str, int] | None
    wording: str | None
    visit_id: UUID | None
    visit_at: datetime | None
    lane: int
    tried: list[str]
    rings: dict[str, str] | None
    state: str
    next_at: datetime | None
    opened_at: datetime | None


class PhoneHead(NamedTuple):
    """Of a phone; each member is as its column in `DeviceRow`."""

    id: UUID
    account_id: UUID
    session_id: UUID
    platform: str
    app_build: str
    way: str
    token: str
    locale: str


AnyNotice = NoticeRow | NoticeHead
AnyPhone = DeviceRow | PhoneHead


def columns_of(table: Any, head: type[NoticeHead] | type[PhoneHead]) -> Sequence[Any]:
    """SQL: the columns of a head, in its order, of a table or an alias of it."""
    return [getattr(table, name) for name in head._fields]
