"""What cannot be done is tried again later and later, then given up: a dead letter, which staff may put back."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from automation.commands.leaving import let_out
from automation.journey.words import EnrolmentState, ExitReason, JourneyState, Verdict
from automation.queries.journeys import of_journey
from automation.queries.places import Place
from automation.tables import Enrolment, JourneyRow, Timer, Touchpoint
from core.database import Sweeping, Writing
from core.errors import Conflict, NotFound
from core.ids import new_id
from push.commands.batch import UNTRACKED

MOST_FAILURES = 5
_FIRST_PAUSE = timedelta(minutes=1)
_TIMES = 4


class EnrolmentNotFailed(Conflict):
    """Only who is among the dead letters, on the journey no second time, and whose journey runs, can be put back."""

    slug = "enrolment-not-failed"


async def fail(sweeping: Sweeping, place: Place, now: datetime) -> None:
    """Once more it could not be moved: again after a while; the fifth time out, with the reason `failed`."""
    named = (col(Enrolment.clinic_id) == place.clinic_id, col(Enrolment.id) == place.enrolment_id)
    counted = update(Enrolment).where(*named).values(failures=Enrolment.failures + 1, seq=Enrolment.seq + 1)
    failures: int = (
        await sweeping.execute(counted.returning(col(Enrolment.failures)), execution_options=UNTRACKED)
    ).scalar_one()
    await sweeping.execute(insert(Touchpoint), [_line(place.key, place.seq, place.step, Verdict.FAILED, now)])
    if failures >= MOST_FAILURES:
        await let_out(sweeping, [place.key], ExitReason.FAILED, now)
        return
    pause = _FIRST_PAUSE * _TIMES ** (failures - 1)
    timer = (col(Timer.clinic_id) == place.clinic_id, col(Timer.enrolment_id) == place.enrolment_id)
    await sweeping.execute(update(Timer).where(*timer).values(due_at=now + pause), execution_options=UNTRACKED)


async def repair(writing: Writing, clinic_id: UUID, enrolment_id: UUID, now: datetime) -> None:
    """Put a dead letter back where it stood; it is looked at at once. Raises `NotFound`, `EnrolmentNotFailed`."""
    named = (col(Enrolment.clinic_id) == clinic_id, col(Enrolment.id) == enrolment_id)
    # Held first, as by whoever ends a journey: nobody is put back onto one that is being stopped.
    its = select(col(JourneyRow.state)).join(Enrolment, of_journey()).where(*named)
    state = (await writing.execute(its.with_for_update(of=JourneyRow, read=True))).scalar_one_or_none()
    row = (await writing.execute(select(Enrolment).where(*named).with_for_update())).scalar_one_or_none()
    if row is None:
        raise NotFound
    if state == JourneyState.STOPPED.value:
        raise EnrolmentNotFailed
    if row.exit_reason != ExitReason.FAILED.value or await _is_on_again(writing, row):
        raise EnrolmentNotFailed
    back = update(Enrolment).where(*named).values(
        state=EnrolmentState.ACTIVE.value, exited_at=None, exit_reason=None, failures=0, seq=row.seq + 1
    )  # fmt: skip
    await writing.execute(back, execution_options=UNTRACKED)
    key = (clinic_id, enrolment_id)
    await writing.execute(insert(Touchpoint), [_line(key, row.seq, row.step, Verdict.REPAIRED, now)])
    timer = upsert(Timer).values(clinic_id=clinic_id, enrolment_id=enrolment_id, due_at=now)
    await writing.execute(timer.on_conflict_do_nothing())


async def _is_on_again(writing: Writing, row: Enrolment) -> bool:
    """The unique indexes would refuse it: of the journey and subject, or of the group."""
    same = (col(Enrolment.journey_key) == row.journey_key) & col(Enrolment.subject_id).is_not_distinct_from(
        row.subject_id
    )
    if row.exclusive_group is not None:
        same |= col(Enrolment.exclusive_group) == row.exclusive_group
    theirs = (col(Enrolment.clinic_id) == row.clinic_id, col(Enrolment.patient_id) == row.patient_id)
    on = select(col(Enrolment.id)).where(*theirs, col(Enrolment.state) == EnrolmentState.ACTIVE.value, same)
    return (await writing.execute(on.limit(1))).first() is not None


def _line(key: tuple[UUID, UUID], seq: int, step: str, verdict: Verdict, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": key[0], "id": new_id(), "enrolment_id": key[1], "seq": seq, "step": step,
        "verdict": verdict.value, "reason": "", "at": now,
    }  # fmt: skip
