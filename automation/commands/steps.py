"""Moves patients on: decides for every timer that is due, and writes down what follows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, select, update
from sqlmodel import col

from automation.journey import Decision, EnrolmentState, ExitReason, Journey, Verdict, decide
from automation.queries.journeys import active_journeys
from automation.queries.patients import Known, known_patients
from automation.tables import Enrolment, Timer, Touchpoint
from core.database import Sweeping
from core.ids import new_id
from push.commands import cancel_across, enqueue_across
from push.kinds import expiry
from push.notice import Notice

BOOKING_LINK = "/appointments/new"


@dataclass(frozen=True, slots=True)
class _Moved:
    """An enrolment whose timer rang, and what was decided for it."""

    clinic_id: UUID
    enrolment_id: UUID
    patient_id: UUID
    seq: int
    journey: Journey
    zone: str
    decision: Decision

    def key(self, offset: int) -> str:
        """Names the message of the `offset`-th line that this decision adds: enrolment, number, rung."""
        return f"{self.enrolment_id}:{self.seq + offset}:0"


async def advance(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Move on up to `limit` enrolments whose timer is due; how many there were.

    Timer and enrolment stay locked until the commit, and other workers pass over them. What is decided,
    the messages given to push, the log and the next timer are one commit: after a crash the timer is still
    due and nothing else has happened. Timers of a journey that no longer parses stay as they are.
    """
    moved = await _decided(sweeping, now, limit)
    if not moved:
        return 0
    notices = await enqueue_across(sweeping, [notice for each in moved for notice in _notices(each, now)], now)
    for reason in ExitReason:
        left = [(each.clinic_id, each.enrolment_id) for each in moved if each.decision.exit_reason is reason]
        await cancel_across(sweeping, left, reason.value, now)
    await sweeping.execute(update(Enrolment), [_next_state(each, now) for each in moved])
    lines = [line for each in moved for line in _lines(each, notices, now)]
    if lines:
        await sweeping.execute(insert(Touchpoint).execution_options(render_nulls=True), lines)
    await _rewind(sweeping, moved)
    return len(moved)


async def _decided(sweeping: Sweeping, now: datetime, limit: int) -> list[_Moved]:
    journeys = {journey_id: each.journey for each in await active_journeys(sweeping) for journey_id in each.ids}
    statement = (
        select(Enrolment)
        .join(Timer, and_(col(Timer.clinic_id) == Enrolment.clinic_id, col(Timer.enrolment_id) == Enrolment.id))
        .where(col(Timer.due_at) <= now, col(Enrolment.journey_id) == func.any(list(journeys)))
        .order_by(col(Timer.due_at))
        .limit(limit)
        .with_for_update(of=(Timer, Enrolment), skip_locked=True)
    )
    rows = (await sweeping.execute(statement)).scalars().all()
    if not rows:
        return []
    known = await known_patients(sweeping, [(row.clinic_id, row.patient_id) for row in rows], now)
    return [_moved(row, journeys[row.journey_id], known[row.clinic_id, row.patient_id], now) for row in rows]


def _moved(row: Enrolment, journey: Journey, known: Known, now: datetime) -> _Moved:
    decision = decide(journey, row.step, known.facts, known.zone, now)
    return _Moved(row.clinic_id, row.id, row.patient_id, row.seq, journey, known.zone, decision)


def _notices(moved: _Moved, now: datetime) -> Iterator[tuple[UUID, Notice]]:
    for offset, touch in enumerate(moved.decision.touchpoints):
        if touch.verdict is Verdict.SENT:
            assert touch.step.notice is not None
            yield (
                moved.clinic_id,
                Notice(
                    patient_id=moved.patient_id,
                    kind=touch.step.notice,
                    purpose=moved.journey.purpose,
                    dedupe_key=moved.key(offset),
                    not_before=now,
                    expires_at=expiry(touch.step.notice, now),
                    hours=moved.journey.hours(moved.zone),
                    link=BOOKING_LINK,
                    cause_id=moved.enrolment_id,
                ),
            )


def _next_state(moved: _Moved, now: datetime) -> dict[str, Any]:
    decision = moved.decision
    state = EnrolmentState.ACTIVE if decision.due_at else EnrolmentState.COMPLETED
    return {
        "clinic_id": moved.clinic_id,
        "id": moved.enrolment_id,
        "state": (EnrolmentState.EXITED if decision.exit_reason else state).value,
        "step": decision.next_step or decision.touchpoints[-1].step.id,
        "seq": moved.seq + len(decision.touchpoints),
        "exited_at": None if decision.due_at else now,
        "exit_reason": decision.exit_reason.value if decision.exit_reason else None,
    }


def _lines(moved: _Moved, notices: dict[tuple[UUID, str], UUID], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "clinic_id": moved.clinic_id,
            "id": new_id(),
            "enrolment_id": moved.enrolment_id,
            "seq": moved.seq + offset,
            "step": touch.step.id,
            "verdict": touch.verdict.value,
            "notice_id": notices.get((moved.clinic_id, moved.key(offset))),
            "at": now,
        }
        for offset, touch in enumerate(moved.decision.touchpoints)
    ]


async def _rewind(sweeping: Sweeping, moved: Sequence[_Moved]) -> None:
    """Set the timers that go on; take away those of who is out."""
    on = [
        {"clinic_id": each.clinic_id, "enrolment_id": each.enrolment_id, "due_at": each.decision.due_at}
        for each in moved
        if each.decision.due_at
    ]
    if on:
        await sweeping.execute(update(Timer), on)
    out = [each.enrolment_id for each in moved if not each.decision.due_at]
    if out:
        clinics = list({each.clinic_id for each in moved})
        gone = delete(Timer).where(col(Timer.clinic_id) == func.any(clinics), col(Timer.enrolment_id) == func.any(out))
        await sweeping.execute(gone)
