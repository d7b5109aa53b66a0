"""Takes patients into journeys and lets them out: for every clinic at once, with a fixed number of statements."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Select,
    Uuid,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.journey import EnrolmentState, ExitReason, Journey, Verdict
from automation.queries.journeys import active_journeys, of_journey
from automation.queries.segments import AS_OF, booked_since, segment_statement, standing_ahead
from automation.tables import Enrolment, JourneyRow, Timer, Touchpoint
from core.database import Sweeping
from push.commands import cancel_across


async def enrol(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Take in who matches an active journey, up to `limit` of each definition; how many came.

    One statement for each distinct definition, however many clinics launched it. Each evaluates its whole
    segment at every call, whoever is in already: what it costs grows with the patients of all clinics, not
    with what changed. Running it twice, or from two workers at once, adds nobody: the unique indexes of
    `enrolment` decide, not the reading before. Definitions and newcomers come in one order, so that two
    workers wait for each other and never in a ring.
    """
    entered = 0
    for active in await active_journeys(sweeping):
        values = {"as_of": now, "journeys": active.ids, "quiet_since": active.journey.quiet_since(now)}
        entered += (await sweeping.execute(_enrolment(active.journey, limit), values)).scalar_one()
    return entered


def _enrolment(journey: Journey, limit: int) -> Select[int]:
    """Enrolment, timer and first line of the log, in one statement that says how many.

    The newcomers are found before the first is written, so that `enrolment` is not searched while it grows,
    and in batches, because all of a large clinic at once does not fit into a statement's time.
    """
    new = _newcomers(journey).limit(limit).cte("newcomer").prefix_with("MATERIALIZED")
    columns = ["clinic_id", "journey_id", "patient_id", "entry_no", "id", "state", "step", "seq", "entered_at"]
    state, step = literal(EnrolmentState.ACTIVE.value), literal(journey.steps[0].id)
    came = (
        insert(Enrolment)
        .from_select(
            columns, select(*new.c, func.id_made_at(AS_OF), state, step, literal(1), AS_OF), include_defaults=False
        )
        .on_conflict_do_nothing()
        .returning(col(Enrolment.clinic_id), col(Enrolment.id), col(Enrolment.step))
        .cte("came")
    )
    timed = insert(Timer).from_select(
        ["clinic_id", "enrolment_id", "due_at"], select(came.c.clinic_id, came.c.id, AS_OF)
    )
    logged = _logged(came, literal(0), Verdict.ENTERED)
    return select(func.count()).select_from(came).add_cte(timed.cte("timed"), logged)


def _newcomers(journey: Journey) -> Select[Any]:
    """Clinic, journey, patient and the number of the entry, of who matches and was not reached lately."""
    member, met = segment_statement(journey.trigger).subquery("member"), aliased(Enrolment)
    theirs = and_(
        col(met.clinic_id) == member.c.clinic_id,
        col(met.patient_id) == member.c.patient_id,
        col(met.journey_id) == JourneyRow.id,
    )
    # 150 days of a recall are no matter of an hour: elapsed time, not the calendar of a zone.
    quiet_since = bindparam("quiet_since", type_=AS_OF.type)
    lately = or_(col(met.state) == EnrolmentState.ACTIVE.value, col(met.entered_at) > quiet_since)
    entries = select(func.coalesce(func.max(col(met.entry_no)), 0) + 1).where(theirs).scalar_subquery()
    return (
        select(
            member.c.clinic_id, col(JourneyRow.id).label("journey_id"), member.c.patient_id, entries.label("entry_no")
        )
        .join(JourneyRow, col(JourneyRow.clinic_id) == member.c.clinic_id)
        .where(
            col(JourneyRow.id) == func.any(bindparam("journeys", type_=ARRAY(Uuid()))),
            ~exists().where(theirs, lately),
        )
        .order_by(member.c.clinic_id, member.c.patient_id)
    )


def _logged(rows: CTE, seq: ColumnElement[int], verdict: Verdict) -> CTE:
    lines = select(rows.c.clinic_id, func.id_made_at(AS_OF), rows.c.id, seq, rows.c.step, literal(verdict.value), AS_OF)
    columns = ["clinic_id", "id", "enrolment_id", "seq", "step", "verdict", "at"]
    return insert(Touchpoint).from_select(columns, lines, include_defaults=False).cte("logged")


async def exit_converted(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Let out up to `limit` who has a visit ahead, or booked since they came in, and take back what push has not sent.

    A visit that stands is seen whenever it was committed. Of one that was booked and cancelled between two
    ticks only the event is left, and that counts where its moment is no earlier than the entry. Rows another
    worker holds are passed over: that worker judges the same exit itself.
    """
    left = (await sweeping.execute(_conversions(limit), {"as_of": now})).all()
    await cancel_across(sweeping, [(row.clinic_id, row.id) for row in left], ExitReason.BOOKED.value, now)
    return len(left)


def _conversions(limit: int) -> Select[UUID, UUID]:
    ahead = standing_ahead(Enrolment.clinic_id, Enrolment.patient_id)
    booked = booked_since(Enrolment.clinic_id, Enrolment.patient_id, Enrolment.entered_at)
    found = (
        select(col(Enrolment.clinic_id), col(Enrolment.id))
        .join(JourneyRow, of_journey())
        .where(
            col(Enrolment.state) == EnrolmentState.ACTIVE.value,
            col(JourneyRow.definition)["exits"].contains([ExitReason.BOOKED.value]),
            or_(ahead, booked),
        )
        .limit(limit)
        .with_for_update(of=Enrolment, skip_locked=True)
        .cte("found")
    )
    gone = (
        update(Enrolment)
        .where(col(Enrolment.clinic_id) == found.c.clinic_id, col(Enrolment.id) == found.c.id)
        .values(
            state=EnrolmentState.EXITED.value,
            exited_at=AS_OF,
            exit_reason=ExitReason.BOOKED.value,
            seq=Enrolment.seq + 1,
        )
        .returning(col(Enrolment.clinic_id), col(Enrolment.id), col(Enrolment.step), col(Enrolment.seq))
        .cte("gone")
    )
    untimed = delete(Timer).where(col(Timer.clinic_id) == gone.c.clinic_id, col(Timer.enrolment_id) == gone.c.id)
    logged = _logged(gone, gone.c.seq - 1, Verdict.EXITED)
    return select(gone.c.clinic_id, gone.c.id).add_cte(untimed.cte("untimed"), logged)
