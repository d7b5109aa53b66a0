"""What a message of a journey says of each who is told: the rows that `push.commands.notices_from` takes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import CTE, Text, and_, cast, func, literal, select
from sqlmodel import col

from automation.journey.document import Journey
from automation.journey.step import Step
from automation.journey.words import PATHS, Place
from automation.queries.days import AS_OF
from automation.queries.places import Key
from automation.tables import Enrolment
from clinic.tables import Appointment
from push.commands.batch import MOMENTS, NUMBERS, TEXTS, UUIDS, batch
from push.kinds import expiry
from push.notice import NoticeKind
from push.tables import NoticeRow

_OF_VISITS = frozenset({NoticeKind.CONFIRMING, NoticeKind.REMINDING, NoticeKind.VISIT})


class Said(NamedTuple):
    """To whom something is said: as how many lines after the enrolment's next one, in the hours of which zone."""

    key: Key
    offset: int
    zone: str


def told_of(journey: Journey, step: Step, said: Sequence[Said], now: datetime) -> CTE:
    """SQL: the columns that `notices_from` takes, of each of these. A key that is known names the notice it named."""
    assert step.notice is not None
    who = batch(
        {"clinic_id": UUIDS, "id": UUIDS, "offset": NUMBERS, "zone": TEXTS},
        [(*each.key, each.offset, each.zone) for each in said],
    )
    number = (col(Enrolment.seq) + who.c.offset).label("number")
    expires_at = now + timedelta(hours=step.lasts_hours) if step.lasts_hours else expiry(step.notice, now)
    hours = journey.hours(said[0].zone)
    row: Any = NoticeRow
    key = cast(who.c.id, Text) + ":" + cast(col(Enrolment.seq) + who.c.offset, Text) + ":0"
    known = select(col(NoticeRow.id)).where(
        col(NoticeRow.clinic_id) == who.c.clinic_id, col(NoticeRow.dedupe_key) == key
    )
    columns: list[Any] = [
        who.c.clinic_id, func.coalesce(known.scalar_subquery(), func.id_made_at(AS_OF)).label("id"),
        col(Enrolment.patient_id), number, key.label("dedupe_key"),
        AS_OF.label("not_before"), literal(expires_at, MOMENTS).label("expires_at"),
        who.c.zone.label("hours_zone"), literal(hours.opens, row.hours_opens.type).label("hours_opens"),
        literal(hours.closes, row.hours_closes.type).label("hours_closes"),
        literal(sorted(hours.weekdays), row.hours_weekdays.type).label("hours_weekdays"),
        literal(PATHS[step.place or Place.BOOKING]).label("link"), who.c.id.label("cause_id"),
    ]  # fmt: skip
    same = and_(col(Enrolment.clinic_id) == who.c.clinic_id, col(Enrolment.id) == who.c.id)
    found = select(*columns).join_from(who, Enrolment, same)
    if step.notice in _OF_VISITS:
        visit = and_(col(Appointment.clinic_id) == Enrolment.clinic_id, col(Appointment.id) == Enrolment.subject_id)
        found = found.outerjoin(Appointment, visit).add_columns(
            col(Appointment.id).label("visit_id"), col(Appointment.starts_at).label("visit_at")
        )
    return found.cte("told").prefix_with("MATERIALIZED")
