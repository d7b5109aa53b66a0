"""What the merge fields of a letter to a patient stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import col

from cabinet.document_paper import Answered, Content
from cabinet.paper_blocks import Letterhead
from cabinet.paper_words import day_text, moment_text, money_text
from cabinet.queries.documents import DocumentDetail
from cabinet.tables.plan import TreatmentPlan
from clinic.queries.letters import Addressee, VisitTold, addressee, visit_of_letter
from core.database import Reading
from core.errors import Fault, Invalid, NotFound
from core.money import Money


@dataclass(frozen=True, slots=True)
class About:
    """What a letter is about, besides its patient."""

    appointment_id: UUID | None = None
    plan_id: UUID | None = None


async def addressee_of(reading: Reading, patient_id: UUID) -> Addressee:
    """Raises `NotFound`."""
    found = await addressee(reading, patient_id)
    if found is None:
        raise NotFound
    return found


async def merge_values(
    reading: Reading, patient: Addressee, about: About, language: str, now: datetime
) -> Mapping[str, str]:
    """Every merge field that this letter knows. Raises `Invalid` where the visit or plan is not this patient's."""
    visit = plan = None
    if about.appointment_id is not None:
        visit = await visit_of_letter(reading, patient.patient_id, about.appointment_id)
        if visit is None:
            raise Invalid(Fault("/appointment_id", "unknown-reference"))
    if about.plan_id is not None:
        plan = await _plan(reading, patient.patient_id, about.plan_id)
        if plan is None:
            raise Invalid(Fault("/plan_id", "unknown-reference"))
    today = now.astimezone(ZoneInfo(patient.zone)).date()
    return {
        "patient.given_name": patient.given_name,
        "patient.family_name": patient.family_name,
        "patient.full_name": patient.full_name,
        "patient.birth_date": day_text(patient.birth_date, language),
        "patient.phone": patient.phone or "",
        "clinic.name": patient.clinic_name,
        "branch.name": patient.branch_name,
        "branch.address": patient.branch_address,
        "branch.phone": patient.branch_phone,
        "today": day_text(today, language),
        **(_of_visit(visit, language) if visit else {}),
        **(_of_plan(plan, language) if plan else {}),
    }


def content_of(document: DocumentDetail, patient: Addressee) -> Content:
    """A document as it is printed. Answers that were not handed in are nobody's word."""
    said = document.answered
    answered = Answered(document.state.value, said.name, said.relation, said.at, patient.zone) if said else None
    return Content(
        document.document_id, document.title, document.language, patient.full_name, patient.birth_date,
        document.template_version, document.parts, document.questions,
        document.answers if document.submitted else [], document.content_sha256, answered,
    )  # fmt: skip


def letterhead_of(patient: Addressee) -> Letterhead:
    lines = (f"{patient.branch_name}, {patient.branch_address}".strip(", "), patient.branch_phone)
    return Letterhead(patient.clinic_name, tuple(line for line in lines if line))


def _of_visit(visit: VisitTold, language: str) -> dict[str, str]:
    return {
        "visit.starts_at": moment_text(visit.starts_at, visit.zone, language),
        "visit.service": visit.service,
        "visit.practitioner": visit.practitioner,
    }


def _of_plan(plan: TreatmentPlan, language: str) -> dict[str, str]:
    return {
        "plan.title": plan.title,
        "plan.total": money_text(Money(amount_minor=plan.patient_minor, currency=plan.currency), language),
        "plan.valid_until": day_text(plan.valid_until, language) if plan.valid_until else "",
    }


async def _plan(reading: Reading, patient_id: UUID, plan_id: UUID) -> TreatmentPlan | None:
    mine = (col(TreatmentPlan.id) == plan_id, col(TreatmentPlan.patient_id) == patient_id)
    return (await reading.execute(select(TreatmentPlan).where(*mine))).scalar_one_or_none()
