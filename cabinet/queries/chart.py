"""What is known of a patient's teeth: the findings ever made, and the chart they fold into."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Text, and_, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from cabinet.chart_changes import ChartChanges, changes
from cabinet.finding import Finding, FindingCode, FindingStatus, Material
from cabinet.odontogram import Odontogram, odontogram
from cabinet.queries.fragments import of_person, person_document
from cabinet.queries.perio import exams_of
from cabinet.tables.chart import ChartRow, FindingRow
from cabinet.tooth import Surface
from cabinet.tooth_state import SHAPE
from clinic.queries import birth_date_of, person_row
from core.database import UUID_PARAMETER, Reading
from core.dates import latest_today
from core.errors import Fault, Invalid, NotFound
from core.moments import Day
from core.values import Value

COLUMNS: dict[str, Any] = {
    "en": col(ChartRow.teeth),
    "ru": col(ChartRow.teeth_ru),
    "it": col(ChartRow.teeth_it),
    "zh": col(ChartRow.teeth_zh),
}
"""Which column keeps the chart in which language."""


class _Kept(Value):
    """What is stored of a patient's chart, and what a fold would take."""

    birth_date: Day
    today: Day
    chart: Odontogram | None


async def tooth_chart(
    reading: Reading, patient_id: UUID, at: date | None, now: datetime, language: str = "en"
) -> Odontogram:
    """The chart on a date, or the present one, in words of `language`. Raises `NotFound` for an unknown patient.

    The present chart is one key lookup while the stored one holds; any other is folded here from two more statements.
    """
    found = await of_person(reading, _KEPT, patient_id, now, today=latest_today(now), language=language)
    if found is None:
        raise NotFound
    kept = _Kept.model_validate_json(found)
    if at is None and kept.chart is not None:
        return kept.chart
    (chart,) = await charts_at(reading, patient_id, kept.birth_date, [at or kept.today], language)
    return chart


async def charts_at(
    reading: Reading, patient_id: UUID, birth_date: date, days: Sequence[date], language: str
) -> list[Odontogram]:
    """The chart on each of `days`, folded from two statements whatever their number."""
    findings, exams = await findings_of(reading, [patient_id]), await exams_of(reading, [patient_id])
    mine, gums = findings.get(patient_id, []), exams.get(patient_id, [])
    return [odontogram(mine, birth_date, day, gums, language) for day in days]


async def chart_changes(
    reading: Reading, patient_id: UUID, since: date, until: date | None, language: str, now: datetime
) -> ChartChanges:
    """What changed between two dates (`until` None: today where the patient is at home).

    Raises `NotFound`, and `Invalid` where `since` is later.
    """
    person = person_row(None, bindparam("patient", type_=UUID_PARAMETER))
    found = (await reading.execute(person, {"patient": patient_id, "now": now})).one_or_none()
    if found is None:
        raise NotFound
    last = until or found.today
    if since > last:
        raise Invalid(Fault("/until", "before-since"))
    before, after = await charts_at(reading, patient_id, found.birth_date, [since, last], language)
    return changes(before, after, since, last, language)


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
        group=row.group_name,
        grade=row.grade,
        canals=row.canals,
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


def chart_json(clinic_id: Any, patient_id: Any, language: Any = "en") -> Any:
    """SQL: the patient's present chart as an `Odontogram` document, or null where it must be folded (`:today`).

    `language` is one of ours, or SQL that says one (a parameter, a column): English where it is none of them.
    """
    today = bindparam("today", type_=Date())
    own = (col(ChartRow.clinic_id) == clinic_id, col(ChartRow.id) == patient_id)
    return select(_in(language)).where(*own, _holds(today)).scalar_subquery()


def _in(language: Any) -> Any:
    if isinstance(language, str):
        return COLUMNS[language]
    others = [(language == name, column) for name, column in COLUMNS.items() if name != "en"]
    return case(*others, else_=COLUMNS["en"])


def _kept_json(person: Any) -> Any:
    chart = chart_json(person.c.clinic_id, person.c.id, bindparam("language", type_=Text()))
    return func.json_build_object("birth_date", person.c.birth_date, "today", person.c.today, "chart", chart)


_KEPT = person_document(_kept_json)
