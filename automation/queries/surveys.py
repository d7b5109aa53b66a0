"""Surveys of a clinic, what a patient is asked and has answered, and the results of groups that are not too small."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, literal, or_, select
from sqlmodel import col

from automation.survey import (
    HIGHEST_NPS,
    MOST_CHOICES,
    MOST_QUESTIONS,
    SMALLEST_GROUP,
    Counted,
    ReviewUrl,
    SurveyFacts,
    SurveyQuestion,
    SurveyQuestionKind,
    SurveyReply,
    Texts,
    nps,
    told,
)
from automation.tables import SurveyAnswer, SurveyInvitation, SurveyRow
from clinic.tables import Appointment
from core.database import Reading
from core.moments import Moment
from core.values import Int32, Int64, Value

MOST_OPEN, MOST_GROUPS, MOST_ANSWERED = 50, 500, 100


class SurveyView(Value):
    survey_id: UUID
    survey: SurveyFacts
    made_at: Moment
    ended_at: Moment | None


class InvitationView(Value):
    """What a patient is asked. The answer is the clinic's to read, with their name; the address is everybody's."""

    invitation_id: UUID
    titles: Texts
    questions: list[SurveyQuestion] = Field(max_length=MOST_QUESTIONS)
    review_url: ReviewUrl | None
    asked_at: Moment
    expires_at: Moment
    answered_at: Moment | None


class AnsweredSurveyView(Value):
    invitation_id: UUID
    survey_id: UUID
    name: str
    answered_at: Moment
    answers: list[SurveyReply] = Field(max_length=MOST_QUESTIONS)


class ResultsBy(StrEnum):
    CLINIC = "clinic"
    BRANCH = "branch"
    PRACTITIONER = "practitioner"


class ValueCount(Value):
    value: str = Field(description="A score, or the key of a choice.", examples=["9"])
    count: Int64


class QuestionResult(Value):
    """`nps` of such a question alone; texts are counted and told with their patient only."""

    question: str
    answered: Int64
    nps: Int32 | None = Field(examples=[42])
    counts: list[ValueCount] = Field(max_length=max(HIGHEST_NPS + 1, MOST_CHOICES))


class GroupResult(Value):
    group: str = Field(description="The branch's id or the practitioner; empty: the clinic, or none of them.")
    hidden: bool = Field(description="Too few have answered, or others would be told by it.")
    answered: Int64 | None
    questions: list[QuestionResult] = Field(max_length=MOST_QUESTIONS)


@dataclass(frozen=True, slots=True)
class Asked:
    """An invitation with its survey."""

    invitation_id: UUID
    patient_id: UUID
    branch_id: UUID | None
    survey_id: UUID
    survey: SurveyFacts
    expires_at: datetime
    answered_at: datetime | None
    ended: bool
    cause_id: UUID

    def open_at(self, now: datetime) -> bool:
        return self.answered_at is None and not self.ended and now < self.expires_at


def facts_of(definition: dict[str, Any]) -> SurveyFacts:
    return SurveyFacts.model_validate_json(json.dumps(definition))


async def surveys(
    reading: Reading, clinic_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[SurveyView]:  # fmt: skip
    """Newest first."""
    statement = select(SurveyRow).where(col(SurveyRow.clinic_id) == clinic_id)
    if after is not None:
        statement = statement.where(func.row(col(SurveyRow.made_at), col(SurveyRow.id)) < func.row(*after))
    ordered = statement.order_by(col(SurveyRow.made_at).desc(), col(SurveyRow.id).desc()).limit(limit)
    return [survey_view(row) for row in (await reading.execute(ordered)).scalars()]


def survey_view(row: SurveyRow) -> SurveyView:
    return SurveyView(
        survey_id=row.id, survey=facts_of(row.definition), made_at=row.made_at, ended_at=row.ended_at
    )  # fmt: skip


async def survey(reading: Reading, clinic_id: UUID, survey_id: UUID) -> SurveyView | None:
    named = (col(SurveyRow.clinic_id) == clinic_id, col(SurveyRow.id) == survey_id)
    row = (await reading.execute(select(SurveyRow).where(*named))).scalar_one_or_none()
    return None if row is None else survey_view(row)


async def live_surveys(reading: Reading, named: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Of (clinic_id, survey_id) those that have not been ended."""
    statement = select(col(SurveyRow.clinic_id), col(SurveyRow.id)).where(
        col(SurveyRow.clinic_id) == func.any(sorted({clinic_id for clinic_id, _ in named})),
        col(SurveyRow.id) == func.any(sorted({survey_id for _, survey_id in named})), col(SurveyRow.ended_at).is_(None),
    )  # fmt: skip
    return {(row[0], row[1]) for row in await reading.execute(statement)} & set(named)


async def invitations(
    reading: Reading, clinic_id: UUID, patient_id: UUID, now: datetime, invitation_id: UUID | None = None
) -> list[InvitationView]:
    """What is still to be answered; or this one, answered or not. Of a visit that the caller may not see, nothing."""
    mine = [col(SurveyInvitation.clinic_id) == clinic_id, col(SurveyInvitation.patient_id) == patient_id, _seen()]
    if invitation_id is None:
        mine += [
            col(SurveyInvitation.answered_at).is_(None), col(SurveyInvitation.expires_at) > now,
            col(SurveyRow.ended_at).is_(None),
        ]  # fmt: skip
    else:
        mine.append(col(SurveyInvitation.id) == invitation_id)
    statement = select(SurveyInvitation, col(SurveyRow.definition)).join(SurveyRow, _of_survey()).where(*mine)
    rows = await reading.execute(statement.order_by(col(SurveyInvitation.asked_at)).limit(MOST_OPEN))
    return [_invitation(row, facts_of(definition)) for row, definition in rows]


def _invitation(row: SurveyInvitation, facts: SurveyFacts) -> InvitationView:
    return InvitationView(
        invitation_id=row.id, titles=facts.titles, questions=facts.questions, review_url=facts.review_url,
        asked_at=row.asked_at, expires_at=row.expires_at, answered_at=row.answered_at,
    )  # fmt: skip


def _seen() -> ColumnElement[bool]:
    """SQL: row-level security shows its visit, where it is of one: a private one is hidden from guardians."""
    visit = exists().where(
        col(Appointment.clinic_id) == SurveyInvitation.clinic_id,
        col(Appointment.id) == col(SurveyInvitation.appointment_id),
    )
    return or_(col(SurveyInvitation.appointment_id).is_(None), visit)


def _of_survey() -> ColumnElement[bool]:
    return and_(
        col(SurveyRow.clinic_id) == SurveyInvitation.clinic_id, col(SurveyRow.id) == col(SurveyInvitation.survey_id)
    )


async def asked(reading: Reading, clinic_id: UUID, invitation_id: UUID) -> Asked | None:
    named = (col(SurveyInvitation.clinic_id) == clinic_id, col(SurveyInvitation.id) == invitation_id)
    statement = select(SurveyInvitation, SurveyRow).join(SurveyRow, _of_survey()).where(*named)
    row = (await reading.execute(statement)).one_or_none()
    if row is None:
        return None
    invitation, of = row
    return Asked(
        invitation.id, invitation.patient_id, invitation.branch_id, of.id, facts_of(of.definition),
        invitation.expires_at, invitation.answered_at, of.ended_at is not None, invitation.cause_id,
    )  # fmt: skip


async def answers_of_patient(reading: Reading, clinic_id: UUID, patient_id: UUID) -> list[AnsweredSurveyView]:
    """The latest, newest first, with every word in the order of the questions; two statements."""
    mine = (
        col(SurveyInvitation.clinic_id) == clinic_id, col(SurveyInvitation.patient_id) == patient_id,
        col(SurveyInvitation.answered_at).is_not(None),
    )  # fmt: skip
    found = select(SurveyInvitation, col(SurveyRow.definition)).join(SurveyRow, _of_survey()).where(*mine)
    newest = found.order_by(col(SurveyInvitation.answered_at).desc()).limit(MOST_ANSWERED)
    rows = (await reading.execute(newest)).all()
    given = await _answers(reading, clinic_id, [row.id for row, _ in rows])
    return [_answered(row, facts_of(definition), given.get(row.id, {})) for row, definition in rows]


def _answered(row: SurveyInvitation, facts: SurveyFacts, given: dict[str, SurveyReply]) -> AnsweredSurveyView:
    assert row.answered_at is not None
    return AnsweredSurveyView(
        invitation_id=row.id, survey_id=row.survey_id, name=facts.name, answered_at=row.answered_at,
        answers=[given[question.key] for question in facts.questions if question.key in given],
    )  # fmt: skip


async def _answers(reading: Reading, clinic_id: UUID, ids: Sequence[UUID]) -> dict[UUID, dict[str, SurveyReply]]:
    of = (col(SurveyAnswer.clinic_id) == clinic_id, col(SurveyAnswer.invitation_id) == func.any(list(ids)))
    found: dict[UUID, dict[str, SurveyReply]] = {}
    for row in (await reading.execute(select(SurveyAnswer).where(*of))).scalars():
        answer = SurveyReply(question=row.question, number=row.number, choice=row.choice, text=row.text)
        found.setdefault(row.invitation_id, {})[row.question] = answer
    return found


async def survey_results(
    reading: Reading, clinic_id: UUID, of: SurveyView, by: ResultsBy, since: datetime, until: datetime
) -> list[GroupResult]:
    """By group, those of few people hidden; two statements, whatever the number of answers."""
    group = _group(by)
    answered = (
        col(SurveyInvitation.clinic_id) == clinic_id, col(SurveyInvitation.survey_id) == of.survey_id,
        col(SurveyInvitation.answered_at) >= since, col(SurveyInvitation.answered_at) < until,
    )  # fmt: skip
    sizes = select(group, func.count()).where(*answered).group_by(group).order_by(group).limit(MOST_GROUPS)
    groups = [Counted(name, count) for name, count in await reading.execute(sizes)]
    value = func.coalesce(cast(col(SurveyAnswer.number), Text), col(SurveyAnswer.choice), "")
    same = and_(
        col(SurveyAnswer.clinic_id) == SurveyInvitation.clinic_id,
        col(SurveyAnswer.invitation_id) == col(SurveyInvitation.id),
    )
    columns: list[Any] = [group, col(SurveyAnswer.question), value]
    counted = select(*columns, func.count()).select_from(SurveyInvitation).join(SurveyAnswer, same).where(*answered)
    rows = (await reading.execute(counted.group_by(*columns))).all()
    open_to_all = told(groups)
    return [
        _group_result(each, of.survey, [row[1:] for row in rows if row[0] == each.group], each.group in open_to_all)
        for each in groups
    ]


def _group(by: ResultsBy) -> ColumnElement[str]:
    match by:
        case ResultsBy.CLINIC:
            return literal("")
        case ResultsBy.BRANCH:
            return func.coalesce(cast(col(SurveyInvitation.branch_id), Text), "")
        case ResultsBy.PRACTITIONER:
            return func.coalesce(col(SurveyInvitation.practitioner), "")


def _group_result(group: Counted, facts: SurveyFacts, rows: Sequence[Any], is_told: bool) -> GroupResult:
    if not is_told:
        return GroupResult(group=group.group, hidden=True, answered=None, questions=[])
    results = [
        _question_result(question, {value: count for key, value, count in rows if key == question.key})
        for question in facts.questions
    ]
    shown = [result for result in results if result.answered >= SMALLEST_GROUP]
    return GroupResult(group=group.group, hidden=False, answered=group.answered, questions=shown)


def _question_result(question: SurveyQuestion, counts: dict[str, int]) -> QuestionResult:
    is_nps = question.kind is SurveyQuestionKind.NPS
    scores = {int(value): count for value, count in counts.items()} if is_nps else {}
    listed = [] if question.kind is SurveyQuestionKind.TEXT else sorted(counts.items())
    return QuestionResult(
        question=question.key, answered=sum(counts.values()), nps=nps(scores),
        counts=[ValueCount(value=value, count=count) for value, count in listed],
    )  # fmt: skip
