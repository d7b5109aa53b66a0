"""Offers and answers of which a patient's phones have not been told: each is taken once, by one worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_, update
from sqlmodel import col

from clinic.request import ABOUT_VISITS, RequestKind, RequestStatus
from clinic.tables import PatientRequest, SlotOffer
from clinic.waiting_list import OfferStatus
from core.database import Sweeping

# Older answers (the worker was away) are decided without a notice: the app has shown them by then.
TOO_OLD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Untold:
    """A thing of a patient to be told of until a moment."""

    clinic_id: UUID
    patient_id: UUID
    thing_id: UUID
    until: datetime
    about_visit: bool = True


async def take_untold_offers(sweeping: Sweeping, now: datetime, limit: int) -> tuple[int, list[Untold]]:
    """How many offers were decided, and those that may still be accepted."""
    columns = (col(SlotOffer.patient_id), col(SlotOffer.status), col(SlotOffer.expires_at))
    due = (col(SlotOffer.notice_decided_at).is_(None),)
    rows = await _taken(sweeping, SlotOffer, due, col(SlotOffer.made_at), columns, now, limit)
    return len(rows), [
        Untold(row.clinic_id, row.patient_id, row.id, row.expires_at)
        for row in rows
        if row.status == OfferStatus.OPEN.value and row.expires_at > now
    ]


async def take_untold_answers(sweeping: Sweeping, now: datetime, limit: int) -> tuple[int, list[Untold]]:
    """How many answers were decided, and those to tell.

    What is private is not: a phone of a guardian would hear of it too. Nor is an erasure: the record is shut by then.
    """
    answers = [RequestStatus.ACCEPTED.value, RequestStatus.DECLINED.value]
    columns = (
        col(PatientRequest.patient_id), col(PatientRequest.kind), col(PatientRequest.private),
        col(PatientRequest.answered_at),
    )  # fmt: skip
    due = (col(PatientRequest.notice_decided_at).is_(None), col(PatientRequest.status).in_(answers))
    rows = await _taken(sweeping, PatientRequest, due, col(PatientRequest.answered_at), columns, now, limit)
    return len(rows), [
        Untold(row.clinic_id, row.patient_id, row.id, now + TOO_OLD, RequestKind(row.kind) in ABOUT_VISITS)
        for row in rows
        if not row.private and row.kind != RequestKind.ERASURE.value and row.answered_at > now - TOO_OLD
    ]


async def _taken(
    sweeping: Sweeping, table: type[SlotOffer] | type[PatientRequest], due: tuple[ColumnElement[bool], ...],
    order: Any, columns: tuple[Any, ...], now: datetime, limit: int,
) -> Sequence[Any]:  # fmt: skip
    """Rows that are due and that nobody else is deciding or answering now, marked as decided."""
    key = (col(table.clinic_id), col(table.id))
    free = select(*key).where(*due).order_by(order).limit(limit).with_for_update(skip_locked=True).cte("free")
    mine = update(table).where(tuple_(*key).in_(select(free.c.clinic_id, free.c.id)))
    marked = mine.values(notice_decided_at=now).returning(*key, *columns)
    return (await sweeping.execute(marked.execution_options(synchronize_session=False))).all()
