"""Rows for tables outside: who was on which journey, what was done and how messages went, without anybody's name."""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Subquery, and_, func, select
from sqlmodel import col

from automation.tables import Enrolment, JourneyRow, Touchpoint
from core.database import Reading
from push.tables import DeliveryRow, NoticeRow

AT_ONCE = 2_000


class ExportTable(StrEnum):
    ENROLMENTS = "enrolments"
    """One row for each way through a journey, by its entry."""
    TOUCHPOINTS = "touchpoints"
    """One row for each thing done on it."""
    DELIVERIES = "deliveries"
    """One row for each try to deliver a message, of journeys and all else."""


def _enrolments() -> Subquery:
    of = and_(col(JourneyRow.clinic_id) == Enrolment.clinic_id, col(JourneyRow.id) == col(Enrolment.journey_id))
    return select(
        col(Enrolment.id).label("enrolment_id"), col(Enrolment.patient_id), col(Enrolment.journey_key),
        col(JourneyRow.version), col(Enrolment.entry_no), col(Enrolment.state), col(Enrolment.step),
        col(Enrolment.entered_at), col(Enrolment.exited_at), col(Enrolment.exit_reason), col(Enrolment.outcome),
        col(Enrolment.goal_at), col(Enrolment.entered_at).label("placed_at"), col(Enrolment.id).label("row_id"),
        col(Enrolment.clinic_id).label("of_clinic"),
    ).join_from(Enrolment, JourneyRow, of).subquery()  # fmt: skip


def _touchpoints() -> Subquery:
    of = and_(col(Touchpoint.clinic_id) == Enrolment.clinic_id, col(Touchpoint.enrolment_id) == col(Enrolment.id))
    return select(
        col(Touchpoint.id).label("touchpoint_id"), col(Touchpoint.enrolment_id), col(Enrolment.journey_key),
        col(Touchpoint.seq), col(Touchpoint.step), col(Touchpoint.verdict), col(Touchpoint.reason),
        col(Touchpoint.notice_id), col(Touchpoint.at), col(Touchpoint.at).label("placed_at"),
        col(Touchpoint.id).label("row_id"),
        col(Touchpoint.clinic_id).label("of_clinic"),
    ).join_from(Enrolment, Touchpoint, of).subquery()  # fmt: skip


def _deliveries() -> Subquery:
    of = and_(col(NoticeRow.clinic_id) == DeliveryRow.clinic_id, col(NoticeRow.id) == col(DeliveryRow.notice_id))
    return select(
        col(DeliveryRow.id).label("delivery_id"), col(DeliveryRow.notice_id), col(NoticeRow.patient_id),
        col(NoticeRow.cause_id), col(NoticeRow.kind), col(NoticeRow.purpose), col(DeliveryRow.channel),
        col(DeliveryRow.state), col(DeliveryRow.reason), col(DeliveryRow.accepted_at), col(DeliveryRow.delivered_at),
        func.coalesce(col(DeliveryRow.opened_at), col(NoticeRow.opened_at)).label("opened_at"),
        col(DeliveryRow.created_at).label("placed_at"), col(DeliveryRow.id).label("row_id"),
        col(DeliveryRow.clinic_id).label("of_clinic"),
    ).join_from(DeliveryRow, NoticeRow, of).where(~col(NoticeRow.silent)).subquery()  # fmt: skip


_FROM = {
    ExportTable.ENROLMENTS: _enrolments,
    ExportTable.TOUCHPOINTS: _touchpoints,
    ExportTable.DELIVERIES: _deliveries,
}
_INNER = {"row_id", "of_clinic", "placed_at"}


def columns_of(table: ExportTable) -> list[str]:
    return [name for name in _FROM[table]().c.keys() if name not in _INNER]  # noqa: SIM118  of SQLAlchemy


async def rows_of(
    reading: Reading, clinic_id: UUID, table: ExportTable, since: datetime, until: datetime
) -> AsyncIterator[list[tuple[Any, ...]]]:
    """In batches, in the order of their moments, as they were when the first was asked for: one statement, whose rows
    wait in PostgreSQL, so that what is held here never grows with the clinic."""
    rows = _FROM[table]()
    statement = (
        select(*(rows.c[name] for name in columns_of(table)))
        .where(rows.c.of_clinic == clinic_id, rows.c.placed_at >= since, rows.c.placed_at < until)
        .order_by(rows.c.placed_at, rows.c.row_id)
    )
    found = await reading.stream(statement, execution_options={"yield_per": AT_ONCE})
    async for batch in found.partitions():
        yield [tuple(row) for row in batch]
