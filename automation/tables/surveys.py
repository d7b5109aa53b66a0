"""Rows of surveys: what is asked, who was asked, and what they answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow


class SurveyRow(TenantRow, table=True):
    """Never changes but for its end."""

    __tablename__ = "survey"
    __table_args__ = (Index("survey_of_clinic", "clinic_id", "made_at", "id"),)

    definition: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    made_at: datetime
    ended_at: datetime | None = None


class SurveyInvitation(TenantRow, table=True):
    """One patient is asked once for each cause (a visit, an enrolment, the desk's own wish). Good for one answer."""

    __tablename__ = "survey_invitation"
    __table_args__ = (
        of_patient("survey_invitation"),
        ForeignKeyConstraint(
            ["clinic_id", "survey_id"], ["survey.clinic_id", "survey.id"], name="survey_invitation_survey"
        ),
        Index("survey_invitation_once", "clinic_id", "survey_id", "patient_id", "cause_id", "seq", unique=True),
        Index("survey_invitation_of_patient", "clinic_id", "patient_id", "asked_at"),
        Index("survey_invitation_answered", "clinic_id", "survey_id", "answered_at"),
    )

    survey_id: UUID
    patient_id: UUID
    cause_id: UUID
    seq: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """The step of the enrolment, where that is the cause."""
    appointment_id: UUID | None = None
    branch_id: UUID | None = None
    practitioner: str = ""
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None


class SurveyAnswer(TenantRow, table=True):
    __tablename__ = "survey_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "invitation_id"], ["survey_invitation.clinic_id", "survey_invitation.id"],
            name="survey_answer_invitation",
        ),
        Index("survey_answer_once", "clinic_id", "invitation_id", "question", unique=True),
    )  # fmt: skip

    invitation_id: UUID
    question: str
    number: int | None = Field(default=None, sa_column=Column(SmallInteger))
    choice: str | None = None
    text: str | None = None
