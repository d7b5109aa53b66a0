"""Makes and ends surveys, asks patients, each once for a cause, and takes one answer to each asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import col

from automation.commands.tasks import UNTRACKED, make_tasks
from automation.queries.survey_visits import Visited, visits_of
from automation.queries.surveys import Asked, SurveyView, live_surveys, survey, survey_view
from automation.queries.unsaid import invitations_unsaid
from automation.survey import LASTS, SurveyFacts, SurveyReply, faults_of, is_low
from automation.tables import SurveyAnswer, SurveyInvitation, SurveyRow
from automation.task import TaskDraft, TaskKind, TaskOrigin, Whose
from clinic.queries.desk import branches_of
from core.database import Writing
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor, Happening, record, record_across
from core.ids import new_id
from push.commands import cancel_across, enqueue_across
from push.kinds import expiry
from push.notice import Notice, NoticeKind, Purpose

IN_TOUCH_WITHIN = timedelta(days=1)
_DESK = Whose(preset="reception")


class SurveyOver(Conflict):
    """It was answered already, or its time is over."""

    slug = "survey-over"


@dataclass(frozen=True, slots=True)
class Asking:
    """Ask this patient; `cause_id` (a visit, an enrolment with its `seq`, the caller's own name) makes it once."""

    survey_id: UUID
    patient_id: UUID
    cause_id: UUID
    appointment_id: UUID | None = None
    seq: int = 0


async def make_survey(
    writing: Writing, clinic_id: UUID, facts: SurveyFacts, actor: Actor, now: datetime
) -> SurveyView:  # fmt: skip
    row = {"clinic_id": clinic_id, "id": new_id(), "definition": facts.definition(), "made_at": now}
    made = (await writing.execute(insert(SurveyRow).values(row).returning(SurveyRow))).scalar_one()
    await record(writing, clinic_id, actor, [Happening("survey.made", made.id)], now)
    return survey_view(made)


async def end_survey(writing: Writing, clinic_id: UUID, survey_id: UUID, actor: Actor, now: datetime) -> None:
    """Nobody is asked any more, whoever was not told yet either, and what was asked is not answered any more; again
    changes nothing."""
    if await survey(writing, clinic_id, survey_id) is None:
        raise NotFound
    live = (col(SurveyRow.clinic_id) == clinic_id, col(SurveyRow.id) == survey_id, col(SurveyRow.ended_at).is_(None))
    over = update(SurveyRow).where(*live).values(ended_at=now).returning(col(SurveyRow.id))
    if (await writing.execute(over, execution_options=UNTRACKED)).scalar_one_or_none() is not None:
        await record(writing, clinic_id, actor, [Happening("survey.ended", survey_id)], now)
        waiting = [(row[0], row[1]) for row in await writing.execute(invitations_unsaid(clinic_id, survey_id))]
        await cancel_across(writing, waiting, "survey-ended", now)


async def ask_survey(writing: Writing, clinic_id: UUID, asking: Asking, actor: Actor, now: datetime) -> UUID | None:
    """The invitation, new or known; None where it is not to be asked (see `ask_surveys`)."""
    return (await ask_surveys(writing, [(clinic_id, asking)], actor, now)).get((clinic_id, asking))


async def ask_surveys(
    writing: Writing, askings: Sequence[tuple[UUID, Asking]], actor: Actor, now: datetime
) -> dict[tuple[UUID, Asking], UUID]:
    """Takes (clinic_id, asking) of one or many clinics, gives the invitations of those that are asked.

    Not asked is about a visit that is private (the message would tell of it) or that there is not, or a survey that
    was ended. Each new invitation is told by push (`SURVEY`, consent and caps count) with a link to it. The number of
    statements does not grow with theirs.
    """
    visits = await visits_of(
        writing, [(clinic, each.appointment_id) for clinic, each in askings if each.appointment_id]
    )
    live = await live_surveys(writing, {(clinic, each.survey_id) for clinic, each in askings})
    homes = await branches_of(writing, sorted({(clinic, each.patient_id) for clinic, each in askings}))
    rows = [
        {
            "clinic_id": clinic, "id": new_id(), "survey_id": each.survey_id, "patient_id": each.patient_id,
            "cause_id": each.cause_id, "seq": each.seq, "appointment_id": each.appointment_id,
            "branch_id": visit.branch_id, "practitioner": visit.practitioner, "asked_at": now,
            "expires_at": now + LASTS,
        }
        for clinic, each in dict.fromkeys(askings)
        if (clinic, each.survey_id) in live and (visit := _visit(clinic, each, visits, homes)) is not None
    ]  # fmt: skip
    known = await _invited(writing, rows, actor, now) if rows else {}
    named = {pair: (pair[0], pair[1].survey_id, pair[1].patient_id, pair[1].cause_id, pair[1].seq) for pair in askings}
    return {pair: known[name] for pair, name in named.items() if name in known}


def _visit(
    clinic_id: UUID, asking: Asking, visits: dict[tuple[UUID, UUID], Visited], homes: dict[tuple[UUID, UUID], UUID]
) -> Visited | None:
    """What it is about: the visit, where it is the patient's, or else their own branch."""
    home = homes.get((clinic_id, asking.patient_id))
    if home is None:
        return None
    if asking.appointment_id is None:
        return Visited(asking.patient_id, home, "")
    visit = visits.get((clinic_id, asking.appointment_id))
    return visit if visit is not None and visit.patient_id == asking.patient_id else None


async def _invited(
    writing: Writing, rows: list[dict[str, Any]], actor: Actor, now: datetime
) -> dict[tuple[UUID, UUID, UUID, UUID, int], UUID]:
    """By (clinic, survey, patient, cause, seq)."""
    place = ["clinic_id", "survey_id", "patient_id", "cause_id", "seq"]
    fresh = insert_once(SurveyInvitation)
    # The row that is there already is named anew, so that one statement tells the ids of all.
    known = fresh.on_conflict_do_update(index_elements=place, set_={"cause_id": fresh.excluded.cause_id})
    columns = (
        col(SurveyInvitation.clinic_id), col(SurveyInvitation.patient_id), col(SurveyInvitation.cause_id),
        col(SurveyInvitation.id), col(SurveyInvitation.survey_id), col(SurveyInvitation.seq),
    )  # fmt: skip
    once = {tuple(row[name] for name in place): row for row in rows}
    ordered = [once[name] for name in sorted(once, key=lambda name: [str(part) for part in name])]
    found = (await writing.execute(known.returning(*columns).execution_options(render_nulls=True), ordered)).all()
    made = {row["id"] for row in rows}
    new = [each for each in found if each.id in made]
    notices = [
        (each.clinic_id, Notice(
            each.patient_id, NoticeKind.SURVEY, Purpose.SURVEY, f"survey {each.id}", now,
            expiry(NoticeKind.SURVEY, now), link=f"/surveys/{each.id}", cause_id=each.id,
        ))
        for each in new
    ]  # fmt: skip
    await enqueue_across(writing, notices, now)
    happenings = [
        (
            each.clinic_id,
            Happening("survey.asked", each.id, each.patient_id, {"survey_id": str(each.survey_id)}, each.cause_id),
        )
        for each in new
    ]
    await record_across(writing, actor, happenings, now)
    return {(each.clinic_id, each.survey_id, each.patient_id, each.cause_id, each.seq): each.id for each in found}


async def answer_survey(
    writing: Writing, clinic_id: UUID, found: Asked, answers: Sequence[SurveyReply], actor: Actor, now: datetime
) -> None:
    """Take the one answer to an asking. A low score makes one task, which says nothing of it.

    Raises `Invalid` with pointers into the answers, `SurveyOver`.
    """
    faults = faults_of(found.survey.questions, answers)
    if faults:
        raise Invalid(*faults)
    if not found.open_at(now):
        raise SurveyOver
    named = (col(SurveyInvitation.clinic_id) == clinic_id, col(SurveyInvitation.id) == found.invitation_id)
    is_open = (col(SurveyInvitation.answered_at).is_(None), col(SurveyInvitation.expires_at) > now)
    once = update(SurveyInvitation).where(*named, *is_open).values(answered_at=now)
    taken = await writing.execute(once.returning(col(SurveyInvitation.id)), execution_options=UNTRACKED)
    if taken.scalar_one_or_none() is None:
        raise SurveyOver
    rows = [
        {"clinic_id": clinic_id, "id": new_id(), "invitation_id": found.invitation_id, **answer.model_dump()}
        for answer in answers
    ]
    if rows:
        await writing.execute(insert(SurveyAnswer).execution_options(render_nulls=True), rows)
    if is_low(found.survey, answers):
        await make_tasks(writing, [(clinic_id, _task(found, now))], actor, now)
    facts = {"survey_id": str(found.survey_id)}
    answered = Happening("survey.answered", found.invitation_id, found.patient_id, facts, found.cause_id)
    await record(writing, clinic_id, actor, [answered], now)
    await cancel_across(writing, [(clinic_id, found.invitation_id)], "answered", now)


def _task(found: Asked, now: datetime) -> TaskDraft:
    return TaskDraft(
        TaskKind.FOLLOW_UP, "", now + IN_TOUCH_WITHIN, TaskOrigin.SURVEY, found.invitation_id,
        patient_id=found.patient_id, branch_id=found.branch_id, whose=_DESK,
    )  # fmt: skip
