"""Lets patients into journeys: whom a trigger names, who is not on it, was not lately, and is kept out by no group."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    DateTime,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.commands.leaving import leave, logged
from automation.journey.document import Journey
from automation.journey.lot import HOLDOUT
from automation.journey.words import EnrolmentState, ExitReason, JourneyState, Verdict
from automation.queries.days import AS_OF
from automation.queries.entries import candidates, kept_out, rank_of, zone_of
from automation.queries.lots import lot_of
from automation.tables import Enrolment, JourneyRow, Timer
from core.database import Writing

_ACTIVE = EnrolmentState.ACTIVE.value
# Without a gap nobody comes in twice: whoever was ever in came in after this.
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
_QUIET_SINCE = bindparam("quiet_since", type_=DateTime(timezone=True))


async def enter(
    writing: Writing,
    journey: Journey,
    values: Mapping[str, Any],
    now: datetime,
    limit: int,
    *,
    left: timedelta | None = None,
    since: datetime | None = None,
) -> Sequence[tuple[UUID, UUID, UUID]]:
    """Let in up to `limit` of the candidates; gives (clinic_id, patient_id, enrolment_id) of who came.

    `values`: what `candidates` of this trigger takes. Running it twice, or from two workers at once, adds nobody: the
    unique indexes of `enrolment` decide, not the reading before. `left`: see `candidates`. Who came after `since` was
    here lately. They come in one order, so that two workers wait for
    each other and never in a ring.
    """
    again = journey.again_after_days
    # 150 days of a recall are no matter of an hour: elapsed time, not the calendar of a zone.
    quiet_since = _LONG_AGO if again is None else now - timedelta(days=again)
    if since is not None:
        quiet_since = min(quiet_since, since)
    bound = {**values, "as_of": now, "quiet_since": quiet_since}
    if journey.takes_over:
        await leave(writing, _displaced(journey, limit, left), ExitReason.TAKEN_OVER, bound, now)
    rows = await writing.execute(_entering(journey, limit, left), bound)
    return [(row.clinic_id, row.patient_id, row.id) for row in rows]


def _entering(journey: Journey, limit: int, left: timedelta | None) -> Select[Any]:
    """Enrolment, timer and first line of the log, in one statement.

    The newcomers are found before the first is written, so that `enrolment` is not searched while it grows,
    and in batches, because all of a large clinic at once does not fit into a statement's time.
    """
    new = _newcomers(journey, limit, left)
    state = case((_held_out(journey, new.c.patient_id), EnrolmentState.HELD_OUT.value), else_=_ACTIVE)
    values: dict[str, Any] = {
        "clinic_id": new.c.clinic_id, "journey_id": new.c.journey_id, "patient_id": new.c.patient_id,
        "subject_id": new.c.subject_id, "hops": new.c.hops, "entry_no": new.c.entry_no, "id": func.id_made_at(AS_OF),
        "journey_key": literal(journey.key), "state": state, "step": literal(journey.steps[0].id), "seq": literal(1),
        "entered_at": AS_OF, "step_since": AS_OF, "exclusive_group": literal(journey.group, Text()),
    }  # fmt: skip
    came = (
        insert(Enrolment)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .on_conflict_do_nothing()
        .returning(
            col(Enrolment.clinic_id), col(Enrolment.id), col(Enrolment.patient_id), col(Enrolment.step),
            col(Enrolment.state),
        )
        .cte("came")
    )  # fmt: skip
    moving = select(came.c.clinic_id, came.c.id, AS_OF).where(came.c.state == _ACTIVE)
    timed = insert(Timer).from_select(["clinic_id", "enrolment_id", "due_at"], moving)
    verdict = case((came.c.state == _ACTIVE, Verdict.ENTERED.value), else_=Verdict.HELD_OUT.value)
    lines = logged(came, literal(0), verdict)
    return select(came.c.clinic_id, came.c.patient_id, came.c.id).add_cte(timed.cte("timed"), lines)


def _newcomers(journey: Journey, limit: int, left: timedelta | None) -> CTE:
    """Candidates with the number of their entry, of whom nothing speaks against it.

    Their journeys are held against being stopped, and looked at again after waiting: nobody comes into one that ended.
    """
    some, met, of = candidates(journey, left=left).subquery("candidate"), aliased(Enrolment), aliased(JourneyRow)
    theirs = and_(
        col(met.clinic_id) == some.c.clinic_id,
        col(met.patient_id) == some.c.patient_id,
        col(met.journey_key) == journey.key,
        col(met.subject_id).is_not_distinct_from(some.c.subject_id),
    )
    lately = or_(col(met.state) == _ACTIVE, col(met.entered_at) > _QUIET_SINCE)
    entries = select(func.coalesce(func.max(col(met.entry_no)), 0) + 1).where(theirs).scalar_subquery()
    found = select(*some.c, entries.label("entry_no")).where(~exists().where(theirs, lately))
    if journey.group is not None:
        found = found.where(~kept_out(journey, some))
    found = found.order_by(some.c.clinic_id, some.c.patient_id, some.c.subject_id)
    if journey.per_day is not None:
        found = _of_the_day(found.subquery("everybody"), journey.key, journey.per_day)
    new = found.limit(limit).subquery("found")
    takes = and_(
        col(of.clinic_id) == new.c.clinic_id, col(of.id) == new.c.journey_id,
        col(of.state) == JourneyState.ACTIVE.value,
    )  # fmt: skip
    held = select(*new.c).join(of, takes).with_for_update(of=of, key_share=True, read=True)
    return held.cte("newcomer").prefix_with("MATERIALIZED")


def _displaced(journey: Journey, limit: int, left: timedelta | None) -> Any:
    """Who is on a journey of the group with a higher number, and is about to come in here."""
    new, of = _newcomers(journey, limit, left), aliased(JourneyRow)
    return (
        select(col(Enrolment.clinic_id), col(Enrolment.id))
        .join(new, and_(new.c.clinic_id == Enrolment.clinic_id, new.c.patient_id == Enrolment.patient_id))
        .join(of, and_(col(of.clinic_id) == Enrolment.clinic_id, col(of.id) == Enrolment.journey_id))
        .where(
            col(Enrolment.state) == _ACTIVE,
            col(Enrolment.exclusive_group) == journey.group,
            rank_of(of) > journey.rank,
            ~_held_out(journey, new.c.patient_id),
        )
    )


def _of_the_day(everybody: Any, key: str, per_day: int) -> Select[Any]:
    """Of them so many that with those of today there are no more than `per_day` in each clinic."""
    came = aliased(Enrolment)
    zone = zone_of(everybody.c.clinic_id)
    today = func.timezone(zone, cast(cast(func.timezone(zone, AS_OF), Date), DateTime(timezone=False)))
    entered = (
        select(func.count())
        .where(
            col(came.clinic_id) == everybody.c.clinic_id, col(came.journey_key) == key, col(came.entered_at) >= today
        )
        .scalar_subquery()
    )
    place = func.row_number().over(partition_by=everybody.c.clinic_id, order_by=everybody.c.patient_id)
    columns = list(everybody.c)
    numbered = select(*columns, (place + entered).label("place")).subquery("numbered")
    return (
        select(*(numbered.c[each.name] for each in columns))
        .where(numbered.c.place <= per_day)
        .order_by(numbered.c.clinic_id, numbered.c.patient_id, numbered.c.subject_id)
    )


def _held_out(journey: Journey, patient_id: Any) -> ColumnElement[bool]:
    if not journey.holdout_percent:
        return literal(value=False)
    drawn: ColumnElement[bool] = lot_of(patient_id, journey.key, HOLDOUT) < journey.holdout_percent
    return drawn
