"""What is known of a patient's gums: every examination, and the one that holds on a date."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from cabinet.chart_words import probed_text
from cabinet.perio import PerioExam, PerioExamView, PerioTooth, Probed, Reading, Site, last_exam, site_view, summary
from cabinet.tables.perio import PerioExamRow
from clinic.queries import person_row
from core import database
from core.database import UUID_PARAMETER
from core.dates import latest_today
from core.errors import NotFound


async def exams_of(reading: database.Reading, patient_ids: Collection[UUID]) -> dict[UUID, list[PerioExam]]:
    """All examinations by patient, in one statement; not what was entered in error."""
    statement = select(PerioExamRow).where(
        col(PerioExamRow.patient_id) == func.any(sorted(patient_ids)), ~col(PerioExamRow.entered_in_error)
    )
    found: dict[UUID, list[PerioExam]] = defaultdict(list)
    for row in (await reading.execute(statement)).scalars():
        teeth = tuple(_probed(each) for each in row.teeth)
        found[row.patient_id].append(PerioExam(row.id, row.examined_on, f"{row.source} {row.external_id}", teeth))
    return found


async def perio_exam(
    reading: database.Reading, patient_id: UUID, at: date | None, language: str, now: datetime
) -> PerioExamView:
    """The examination that holds on a date, or at present. Raises `NotFound` for an unknown patient."""
    exams = await exams_of(reading, [patient_id])
    exam = last_exam(exams.get(patient_id, []), at or latest_today(now))
    if exam is None:
        person = person_row(None, bindparam("patient", type_=UUID_PARAMETER))
        if (await reading.execute(person, {"patient": patient_id, "now": now})).one_or_none() is None:
            raise NotFound
        return PerioExamView(summary=None, teeth=[])
    return PerioExamView(summary=summary(exam), teeth=[_view(probed, language) for probed in exam.teeth])


def _view(probed: Probed, language: str) -> PerioTooth:
    tooth = PerioTooth(
        tooth=probed.tooth,
        mobility=probed.mobility,
        furcation=probed.furcation,
        sites=[site_view(each) for each in probed.readings],
        text="",
    )
    return tooth.model_copy(update={"text": probed_text(tooth, language)})


def _probed(kept: dict[str, Any]) -> Probed:
    readings = tuple(
        Reading(
            Site(each["site"]),
            each["probing_mm"],
            each["margin_mm"],
            each["bleeding"],
            each["suppuration"],
            each["plaque"],
        )
        for each in kept["sites"]
    )
    return Probed(kept["tooth"], readings, kept["mobility"], kept["furcation"])
