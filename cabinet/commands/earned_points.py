"""Points that are earned by coming: swept from visits that took place."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, exists, literal, select
from sqlmodel import col

from cabinet.commands.points import Accrual, accrue
from cabinet.loyalty import PointsKind
from cabinet.tables.loyalty import PointEntry, ProgrammeRow
from clinic.queries.attendance import LOOK_BACK, completed_visits
from core.database import Sweeping
from core.events import SYSTEM


async def accrue_visits(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Give points for up to `limit` visits that took place and earned none yet; how many there were.

    Visits before the clinic gave points for them earn nothing. A visit earns once: its id is the cause.
    """
    visit = completed_visits(now - LOOK_BACK).subquery("visit")
    due = (
        select(visit.c.clinic_id, visit.c.patient_id, visit.c.appointment_id, col(ProgrammeRow.per_visit))
        .join(ProgrammeRow, col(ProgrammeRow.clinic_id) == visit.c.clinic_id)
        .where(
            col(ProgrammeRow.per_visit) > 0,
            visit.c.starts_at >= ProgrammeRow.visits_since,
            ~_in_ledger(visit.c.clinic_id, "visit:", visit.c.appointment_id, PointsKind.ACCRUE),
        )
        .order_by(visit.c.clinic_id, visit.c.appointment_id)
        .limit(limit)
    )
    accruals = [
        Accrual(
            row.clinic_id, row.patient_id, f"visit:{row.appointment_id}", row.per_visit, visit_id=row.appointment_id
        )
        for row in await sweeping.execute(due)
    ]
    return len(await accrue(sweeping, accruals, SYSTEM, now))


def _in_ledger(clinic_id: Any, prefix: str, row_id: Any, kind: PointsKind) -> ColumnElement[bool]:
    """SQL: the cause that `prefix` and a row's id make stands in the ledger of points."""
    return exists().where(
        col(PointEntry.clinic_id) == clinic_id,
        col(PointEntry.cause) == literal(prefix, Text) + cast(row_id, Text),
        col(PointEntry.kind) == kind.value,
    )
