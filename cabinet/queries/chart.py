"""What is known of a patient's teeth: the findings ever made, and the chart they fold into."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from cabinet.finding import Finding, FindingCode, FindingStatus, Material
from cabinet.odontogram import Odontogram, odontogram
from cabinet.tables.chart import ChartRow, FindingRow
from cabinet.tooth import Surface
from cabinet.tooth_state import SHAPE
from clinic.queries import birth_date_of, person_row
from core.database import UUID_PARAMETER, Reading
from core.dates import latest_today
from core.errors import NotFound


async def tooth_chart(reading: Reading, patient_id: UUID, at: date | None, now: datetime) -> Odontogram:
    """The chart on a date, or the present one. Raises `NotFound` for an unknown patient.

    The present chart is one key lookup while the stored one holds; any other is folded here from one more statement.
    """
    today = latest_today(now)
    person = person_row(None, bindparam("patient", type_=UUID_PARAMETER)).subquery("person")
    known = select(person.c.birth_date, chart_json(person.c.clinic_id, person.c.id).label("teeth"))
    found = (await reading.execute(known, {"patient": patient_id, "now": now, "today": today})).one_or_none()
    if found is None:
        raise NotFound
    if at is None and found.teeth is not None:
        return Odontogram.model_validate(found.teeth, strict=False)
    findings = await findings_of(reading, [patient_id])
    return odontogram(findings.get(patient_id, []), found.birth_date, at or today)


async def findings_of(reading: Reading, patient_ids: Collection[UUID]) -> dict[UUID, list[Finding]]:
    """All versions of all findings by patient, in one statement; not what was later moved to another patient."""
    newer = aliased(FindingRow)
    moved = exists().where(
        col(newer.clinic_id) == FindingRow.clinic_id,
        col(newer.series_id) == FindingRow.series_id,
        col(newer.source_version) > FindingRow.source_version,
        col(newer.patient_id) != FindingRow.patient_id,
    )
    statement = select(FindingRow).where(col(FindingRow.patient_id) == func.any(sorted(patient_ids)), ~moved)
    found: dict[UUID, list[Finding]] = defaultdict(list)
    for row in (await reading.execute(statement)).scalars():
        found[row.patient_id].append(_finding(row))
    return found


def _finding(row: FindingRow) -> Finding:
    return Finding(
        tooth=row.tooth,
        code=FindingCode(row.code),
        observed_on=row.observed_on,
        status=FindingStatus(row.status),
        surfaces=tuple(Surface(letter) for letter in row.surfaces),
        material=Material(row.material) if row.material else None,
        series=row.series_id,
        version=row.source_version,
    )


def _holds(today: Any) -> ColumnElement[bool]:
    """SQL: the stored chart is still what a fold today would give."""
    return and_(
        or_(col(ChartRow.holds_until).is_(None), col(ChartRow.holds_until) > today),
        col(ChartRow.birth_date) == birth_date_of(col(ChartRow.clinic_id), col(ChartRow.patient_id)),
        col(ChartRow.shape) == SHAPE,
    )


def chart_json(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the patient's present chart as an `Odontogram` document, or null where it must be folded (`:today`)."""
    today = bindparam("today", type_=Date())
    own = (col(ChartRow.clinic_id) == clinic_id, col(ChartRow.id) == patient_id)
    return select(col(ChartRow.teeth)).where(*own, _holds(today)).scalar_subquery()
