"""What was given to push and has not gone out yet: of enrolments, and of the invitations of surveys."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlmodel import col

from automation.tables import Enrolment, SurveyInvitation
from push.tables import NoticeRow


def unsaid() -> ColumnElement[bool]:
    """SQL: something that an `Enrolment` caused, a message or a question, still waits."""
    asked = and_(
        col(SurveyInvitation.clinic_id) == Enrolment.clinic_id,
        col(SurveyInvitation.patient_id) == Enrolment.patient_id, col(SurveyInvitation.cause_id) == Enrolment.id,
    )  # fmt: skip
    question = exists().where(asked, *_due(SurveyInvitation))
    return or_(exists().where(*_due(Enrolment)), question)


def invitations_unsaid(clinic_id: UUID, survey_id: UUID) -> Select[UUID, UUID]:
    """SQL: (clinic_id, invitation_id) of a survey of which nobody was told yet."""
    mine = (col(SurveyInvitation.clinic_id) == clinic_id, col(SurveyInvitation.survey_id) == survey_id)
    found = select(col(SurveyInvitation.clinic_id), col(SurveyInvitation.id))
    return found.where(*mine, exists().where(*_due(SurveyInvitation)))


def _due(cause: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        col(NoticeRow.clinic_id) == cause.clinic_id, col(NoticeRow.cause_id) == cause.id,
        col(NoticeRow.state) == "due",
    )  # fmt: skip
