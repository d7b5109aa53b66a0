"""The cabinet: everything a patient's app shows first, as one document of one statement and one trip."""

import json
from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select, true

from cabinet.odontogram import Odontogram, odontogram
from cabinet.queries.chart import chart_json, findings_of
from cabinet.queries.plans import MOST_PLANS, MOST_PROMOTIONS, PlanView, PromotionView, plans_json, promotions_json
from clinic.queries import Visit, next_visit_json, person_row, record_row
from core.database import Database, Document, Reading, scope_row
from core.dates import latest_today
from core.moments import Day
from core.values import Value
from media.queries import MOST_IN_DOCUMENT, Picture, pictures_json


class PatientView(Value):
    """Whose cabinet it is, and what they are to the account that opened it (`self`, `guardian`)."""

    patient_id: UUID
    given_name: str
    family_name: str
    birth_date: Day
    relation: str


class Cabinet(Value):
    """A patient's cabinet: teeth, who it is, which visit comes next, treatment plans, pictures, offers."""

    chart: Odontogram
    patient: PatientView
    next_visit: Visit | None
    plans: list[PlanView] = Field(max_length=MOST_PLANS)
    pictures: list[Picture] = Field(max_length=MOST_IN_DOCUMENT)
    promotions: list[PromotionView] = Field(max_length=MOST_PROMOTIONS)


def _document() -> Document:
    """One row of `scope` sets the clinic, one of `record` proves the right; the rest hangs on that row."""
    clinic_id = scope_row()
    record = record_row(clinic_id).lateral("record")
    person = person_row(record.c.clinic_id, record.c.id).lateral("person")
    mine = (record.c.clinic_id, record.c.id)
    patient = func.json_build_object(
        *("patient_id", record.c.id, "given_name", record.c.given_name, "family_name", record.c.family_name),
        *("birth_date", record.c.birth_date, "relation", record.c.relation),
    )
    cabinet = func.json_build_object(
        *("chart", chart_json(*mine), "patient", patient),
        *("next_visit", next_visit_json(*mine), "plans", plans_json(person)),
        *("pictures", pictures_json(*mine), "promotions", promotions_json(person)),
    )
    return Document(select(cabinet).select_from(clinic_id.table.join(record, true()).join(person, true())))


CABINET = _document()
# How PostgreSQL writes a document whose chart is not stored, or no longer holds.
_NO_CHART = b'{"chart" : null'


async def cabinet_document(
    database: Database, clinic_id: UUID, account_id: UUID, session_id: UUID, patient_id: UUID | None, now: datetime
) -> bytes | None:
    """The `Cabinet` of a record this signed-in account may open (None: its own) as JSON; None where it may not.

    Its chart may be missing: see `lacks_chart`.
    """
    today = latest_today(now)
    return await database.document(
        CABINET, clinic=clinic_id, account=account_id, session=session_id, patient=patient_id, now=now, today=today
    )


def lacks_chart(document: bytes) -> bool:
    return document.startswith(_NO_CHART)


async def with_folded_chart(reading: Reading, document: bytes, now: datetime) -> bytes:
    """The document with the chart it lacks, folded now from the findings."""
    patient = PatientView.model_validate(json.loads(document)["patient"], strict=False)
    findings = await findings_of(reading, [patient.patient_id])
    chart = odontogram(findings.get(patient.patient_id, []), patient.birth_date, latest_today(now))
    return b'{"chart" : ' + chart.model_dump_json().encode() + document.removeprefix(_NO_CHART)
