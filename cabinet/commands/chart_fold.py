"""Folds the charts of patients whose findings or examinations changed, and keeps them for reading."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.chart_words import in_language
from cabinet.eruption import chart_holds_until
from cabinet.odontogram import Odontogram, odontogram
from cabinet.queries.chart import COLUMNS, findings_of
from cabinet.queries.perio import exams_of
from cabinet.tables.chart import ChartRow
from cabinet.tooth_state import SHAPE
from core.database import Writing
from core.dates import latest_today


async def fold_charts(writing: Writing, clinic_id: UUID, births: dict[UUID, date], now: datetime) -> None:
    """Rewrite the charts of these patients, who are locked: two reads, one write, whatever their number."""
    if not births:
        return
    findings, exams = await findings_of(writing, births), await exams_of(writing, births)
    today = latest_today(now)
    rows = [
        {
            "clinic_id": clinic_id,
            "id": patient_id,
            "patient_id": patient_id,
            **_documents(odontogram(findings.get(patient_id, []), born, today, exams.get(patient_id, []))),
            "birth_date": born,
            "holds_until": chart_holds_until(born, today),
            "shape": SHAPE,
            "version": 1,
            "changed_at": now,
        }
        for patient_id, born in births.items()
    ]
    fresh = insert(ChartRow)
    names = (*(column.key for column in COLUMNS.values()), "birth_date", "holds_until", "shape", "changed_at")
    newer: dict[str, ColumnElement[Any]] = {name: fresh.excluded[name] for name in names}
    newer["version"] = col(ChartRow.version) + 1
    await writing.execute(fresh.on_conflict_do_update(index_elements=["clinic_id", "id"], set_=newer), rows)


def _documents(chart: Odontogram) -> dict[str, Any]:
    """The chart in every language, by the column that keeps it."""
    return {column.key: in_language(chart, language).model_dump(mode="json") for language, column in COLUMNS.items()}
