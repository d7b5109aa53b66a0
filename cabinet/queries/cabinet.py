"""The cabinet: everything a patient's app shows first, as one document of one statement and one trip."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Text, bindparam, case, func, null, select, true
from sqlalchemy.dialects.postgresql import array

from cabinet.account_balance import MOST_CURRENCIES, Balance
from cabinet.odontogram import Odontogram
from cabinet.plan_view import PlanView
from cabinet.queries.account import balance_json
from cabinet.queries.chart import chart_json, charts_at
from cabinet.queries.documents import DocumentView
from cabinet.queries.plans import MOST_PLANS, plans_json
from cabinet.queries.points import points_balance
from cabinet.queries.promotions import MOST_PROMOTIONS, PromotionView, promotions_json
from cabinet.queries.waiting_documents import MOST_IN_CABINET, waiting_documents_json
from clinic.household import AccessScope
from clinic.queries import VisitView, asked_records, covers, person_row, record_row
from clinic.queries.visit_fragments import MOST_OPEN_OFFERS, next_visit_view_json, open_offers_json
from clinic.queries.waiting import Offer
from core.database import Database, Document, Reading, scope_row
from core.dates import latest_today
from core.moments import Day
from core.values import Int64, Value
from media.queries import MOST_IN_DOCUMENT, Picture, pictures_json


class PatientView(Value):
    """Whose cabinet it is, and what they are to the account that opened it (`self`, `guardian`)."""

    patient_id: UUID
    given_name: str
    family_name: str
    birth_date: Day
    relation: str


class Section(StrEnum):
    """A part of the cabinet that not everybody sees who may open the record."""

    CHART = "chart"
    PLANS = "plans"
    PICTURES = "pictures"
    DOCUMENTS = "documents"
    BALANCES = "balances"
    POINTS = "points"
    OFFERS = "offers"


# What a guardian's or carer's access must extend to.
NEEDS = {
    Section.CHART: AccessScope.VIEW_CHART,
    Section.PLANS: AccessScope.VIEW_PLAN,
    Section.PICTURES: AccessScope.VIEW_MEDIA,
    Section.DOCUMENTS: AccessScope.VIEW_DOCUMENTS,
    Section.BALANCES: AccessScope.PAY,
    Section.POINTS: AccessScope.PAY,
    Section.OFFERS: AccessScope.BOOK,
}


class Cabinet(Value):
    """A patient's cabinet: teeth, who it is, which visit comes next, treatment plans, pictures, offers.

    `documents` are those that wait to be read, filled in or signed; `balances` are one for each currency of the books.
    """

    chart: Odontogram | None = Field(description="Null only where it is hidden.")
    hidden: list[Section] = Field(
        max_length=20, description="What this account was not given to see of a ward: empty here, whatever there is."
    )
    patient: PatientView
    next_visit: VisitView | None
    offers: list[Offer] = Field(max_length=MOST_OPEN_OFFERS, description="Freed times that wait for an answer.")
    plans: list[PlanView] = Field(max_length=MOST_PLANS)
    pictures: list[Picture] = Field(max_length=MOST_IN_DOCUMENT)
    promotions: list[PromotionView] = Field(max_length=MOST_PROMOTIONS)
    documents: list[DocumentView] = Field(max_length=MOST_IN_CABINET)
    balances: list[Balance] = Field(max_length=MOST_CURRENCIES)
    points: Int64 | None = Field(description="What can be spent; null where none were ever given, or it is hidden.")


def _document() -> Document:
    """One row of `scope` sets the clinic; of each that is `asked` one of `record` proves the right, and the rest hangs
    on that row."""
    clinic_id, asked = scope_row(), asked_records()
    record = record_row(clinic_id, asked).lateral("record")
    person = person_row(record.c.clinic_id, record.c.id).lateral("person")
    mine = (record.c.clinic_id, record.c.id)

    def sees(section: Section) -> Any:
        return covers(NEEDS[section], record)

    withheld: Any = array([case((~sees(section), section.value)) for section in Section], type_=Text())
    hidden = func.to_json(func.array_remove(withheld, null()))
    patient = func.json_build_object(
        *("patient_id", record.c.id, "given_name", record.c.given_name, "family_name", record.c.family_name),
        *("birth_date", record.c.birth_date, "relation", record.c.relation),
    )
    language = bindparam("language", type_=Text())
    chart = chart_json(*mine, language)
    cabinet = func.json_build_object(
        *("chart", case((sees(Section.CHART), chart)), "hidden", hidden, "patient", patient),
        *("next_visit", next_visit_view_json(*mine, language)),
        *("offers", _list(sees(Section.OFFERS), open_offers_json(*mine))),
        *("plans", _list(sees(Section.PLANS), plans_json(person))),
        *("pictures", _list(sees(Section.PICTURES), pictures_json(*mine)), "promotions", promotions_json(person)),
        *("documents", _list(sees(Section.DOCUMENTS), waiting_documents_json(*mine))),
        *("balances", _list(sees(Section.BALANCES), balance_json(person))),
        *("points", case((sees(Section.POINTS), points_balance(*mine)))),
    )
    each = clinic_id.table.join(asked, true()).join(record, true()).join(person, true())
    return Document(select(asked.c.n, cabinet).select_from(each))


def _list(seen: Any, listed: Any) -> Any:
    return case((seen, listed), else_=func.json_build_array())


CABINET = _document()
# How PostgreSQL writes a document whose chart is not stored, or no longer holds; and one whose chart is hidden.
_NO_CHART = b'{"chart" : null'
_HIDDEN_CHART = b'{"chart" : null, "hidden" : ["chart"'


async def cabinet_document(
    database: Database,
    clinic_id: UUID,
    account_id: UUID,
    session_id: UUID,
    patient_id: UUID | None,
    now: datetime,
    language: str = "en",
) -> bytes | None:
    """The `Cabinet` of a record this signed-in account may open (None: its own) as JSON; None where it may not.

    Teeth and visits are described in `language`.

    Its chart may be missing: see `lacks_chart`.
    """
    today = latest_today(now)
    ask = {"account": account_id, "session": session_id, "patient": patient_id}
    return await database.gathered(CABINET, ask, clinic=clinic_id, now=now, today=today, language=language)


def lacks_chart(document: bytes) -> bool:
    return document.startswith(_NO_CHART) and not document.startswith(_HIDDEN_CHART)


async def with_folded_chart(reading: Reading, document: bytes, now: datetime, language: str = "en") -> bytes:
    """The document with the chart it lacks, folded now from the findings."""
    patient = PatientView.model_validate(json.loads(document)["patient"], strict=False)
    day = latest_today(now)
    (chart,) = await charts_at(reading, patient.patient_id, patient.birth_date, [day], language)
    return b'{"chart" : ' + chart.model_dump_json().encode() + document.removeprefix(_NO_CHART)
