"""What was done for one enrolment, in its order, with the message and the thing that came of each line."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlmodel import col

from automation.journey.words import EnrolmentState, ExitReason, Verdict
from automation.queries.journeys import of_journey
from automation.tables import Enrolment, JourneyRow, Touchpoint
from core.database import Reading
from core.errors import NotFound
from core.moments import Moment
from core.values import Int32, Value

MOST_LINES = 500


class PathLine(Value):
    seq: Int32
    step: str
    verdict: Verdict
    reason: str = Field(description="A stable code: why skipped, failed or out; of a branch, the step that was taken.")
    notice_id: UUID | None
    thing_id: UUID | None = Field(description="The task, coupon, invitation, chat message or call that came of it.")
    at: Moment


class EnrolmentPath(Value):
    enrolment_id: UUID
    journey_id: UUID
    patient_id: UUID
    subject_id: UUID | None = Field(description="The visit, plan, coupon or document that it is about.")
    key: str
    version: Int32
    state: EnrolmentState
    step: str
    entered_at: Moment
    exited_at: Moment | None
    exit_reason: ExitReason | None
    outcome: str | None
    goal_at: Moment | None
    lines: list[PathLine] = Field(max_length=MOST_LINES)


async def enrolment_path(reading: Reading, clinic_id: UUID, enrolment_id: UUID) -> EnrolmentPath:
    """Raises `NotFound`."""
    mine = (col(Enrolment.clinic_id) == clinic_id, col(Enrolment.id) == enrolment_id)
    statement = select(Enrolment, col(JourneyRow.version)).join(JourneyRow, of_journey()).where(*mine)
    found = (await reading.execute(statement)).one_or_none()
    if found is None:
        raise NotFound
    of_it = (col(Touchpoint.clinic_id) == clinic_id, col(Touchpoint.enrolment_id) == enrolment_id)
    lines = select(Touchpoint).where(*of_it).order_by(col(Touchpoint.seq)).limit(MOST_LINES)
    return _path(found.Enrolment, found.version, [_line(row) for row in (await reading.execute(lines)).scalars()])


def _path(row: Enrolment, version: int, lines: list[PathLine]) -> EnrolmentPath:
    return EnrolmentPath(
        enrolment_id=row.id, journey_id=row.journey_id, patient_id=row.patient_id, subject_id=row.subject_id,
        key=row.journey_key, version=version, state=EnrolmentState(row.state), step=row.step,
        entered_at=row.entered_at, exited_at=row.exited_at,
        exit_reason=ExitReason(row.exit_reason) if row.exit_reason else None, outcome=row.outcome,
        goal_at=row.goal_at, lines=lines,
    )  # fmt: skip


def _line(row: Touchpoint) -> PathLine:
    return PathLine(
        seq=row.seq, step=row.step, verdict=Verdict(row.verdict), reason=row.reason, notice_id=row.notice_id,
        thing_id=row.thing_id, at=row.at,
    )  # fmt: skip
