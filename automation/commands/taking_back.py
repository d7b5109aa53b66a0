"""Takes back what was made for who leaves a journey: messages and questions that wait, and tasks that nobody is at."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, select
from sqlmodel import col

from automation.commands.tasks import call_off
from automation.journey.words import ExitReason
from automation.tables import Enrolment, SurveyInvitation
from automation.task import TaskOrigin
from core.database import Writing
from push.commands import cancel_across
from push.commands.batch import keys, same_key


async def take_back(writing: Writing, left: Sequence[tuple[UUID, UUID]], reason: ExitReason, now: datetime) -> None:
    """Of these enrolments, of (clinic_id, enrolment_id), held by the caller.

    First notices, then tasks. A task that a colleague has taken is theirs to end: who booked while they were talked to
    leaves by that booking. Of a dead letter the tasks stay: nothing else reaches the patient any more.
    """
    if not left:
        return
    await take_words_back(writing, left, reason, now)
    if reason is not ExitReason.FAILED:
        await call_off(writing, left, TaskOrigin.JOURNEY, now, taken=False)


async def take_words_back(
    writing: Writing, said_to: Sequence[tuple[UUID, UUID]], reason: ExitReason, now: datetime
) -> None:
    """The messages and questions of these enrolments, and nothing else."""
    if not said_to:
        return
    await cancel_across(writing, [*said_to, *await _asked(writing, said_to)], reason.value, now)


async def _asked(writing: Writing, left: Sequence[tuple[UUID, UUID]]) -> list[tuple[UUID, UUID]]:
    """The invitations to surveys of these, of (clinic_id, invitation_id), that nobody has answered."""
    names = keys(left)
    theirs = and_(
        col(SurveyInvitation.clinic_id) == Enrolment.clinic_id,
        col(SurveyInvitation.patient_id) == Enrolment.patient_id,
        col(SurveyInvitation.cause_id) == Enrolment.id, col(SurveyInvitation.answered_at).is_(None),
    )  # fmt: skip
    found = (
        select(col(SurveyInvitation.clinic_id), col(SurveyInvitation.id))
        .join_from(names, Enrolment, same_key(Enrolment, names))
        .join(SurveyInvitation, theirs)
    )
    return [(clinic_id, invitation_id) for clinic_id, invitation_id in await writing.execute(found)]
