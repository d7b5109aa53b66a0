"""Rows of offers: what a plan said each time it was proposed, and what was answered. Neither is ever altered."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow
from core.schema import APPEND_ONLY, ERASABLE


class PlanOffer(TenantRow, table=True):
    """One version of a plan as it was proposed; the one with the highest number is the present one."""

    __tablename__ = "plan_offer"
    __table_args__ = (
        of_patient("plan_offer"),
        ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name="offer_plan"),
        UniqueConstraint("clinic_id", "plan_id", "number", name="plan_offer_number"),
        Index("plan_offer_of_patient", "clinic_id", "patient_id"),
        {"info": {APPEND_ONLY: True, ERASABLE: ("snapshot",)}},
    )

    patient_id: UUID
    plan_id: UUID
    number: int
    # Canonical JSON of `cabinet.offer.OfferedPlan` as text: its bytes are what `sha256` stands for.
    snapshot: str
    sha256: str
    proposed_at: datetime
    valid_until: date | None = None
    # Made in place of what the clinic's system held for accepted: it must be accepted again.
    renews: bool = False


class OfferAnswer(TenantRow, table=True):
    """What was said to an offer, of one stage or (none named) of the whole: accepted, declined, withdrawn."""

    __tablename__ = "offer_answer"
    __table_args__ = (
        of_patient("offer_answer"),
        ForeignKeyConstraint(["clinic_id", "offer_id"], ["plan_offer.clinic_id", "plan_offer.id"], name="answer_offer"),
        # The lock of the plan's row lets one answer in at a time; this holds if a command should ever forget it.
        Index(
            "offer_answer_once", "clinic_id", "offer_id", "stage", unique=True, postgresql_nulls_not_distinct=True
        ),
        Index("offer_answer_of_patient", "clinic_id", "patient_id"),
        {"info": {APPEND_ONLY: True, ERASABLE: ("note", "strokes")}},
    )  # fmt: skip

    patient_id: UUID
    plan_id: UUID
    offer_id: UUID
    stage: int | None = None
    verdict: str
    reason: str | None = None
    note: str = ""
    by_kind: str
    by_id: UUID | None = None
    session_id: UUID | None = None
    how: str
    # Of a drawn signature: what the finger drew (`cabinet.signing.Stroke`).
    strokes: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    language: str
    at: datetime
