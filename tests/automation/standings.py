"""What `decide` judges of enrolments, read patient by patient: the engine's answers are held against it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FromClause, and_, func, select
from sqlmodel import col

from automation.criteria.meaning import Source
from automation.criteria.said import EventKind
from automation.journey.decide import Heard, Standing
from automation.journey.document import Journey
from automation.journey.look import Visit
from automation.journey.words import ExitKind
from automation.library import MemberSource
from automation.queries.entries import heard_by_journeys, same_segment
from automation.queries.patients import known_patients
from automation.queries.segments import booked_since
from automation.segment import sources_needed
from automation.tables import Enrolment, Segment, SegmentMember
from clinic.appointment import AppointmentStatus
from clinic.tables import Appointment
from core.database import Reading
from core.events import Event
from push.commands.batch import MOMENTS, TEXTS, UUIDS, batch

Key = tuple[UUID, UUID]
"""(clinic_id, enrolment_id)."""


async def standings(
    reading: Reading, places: Sequence[Enrolment], journeys: Mapping[UUID, Journey], now: datetime
) -> dict[Key, Standing]:
    """By (clinic_id, enrolment_id); who was erased is not among them. `journeys`: by id, of all these places."""
    if not places:
        return {}
    of = [journeys[journey_id] for journey_id in {place.journey_id for place in places}]
    people = sorted({(place.clinic_id, place.patient_id) for place in places})
    known = await known_patients(reading, people, now, _sources(of))
    heard, visits = await _heard(reading, places), await _visits(reading, places)
    booked = await _booked(reading, places) if _asks_for(of, ExitKind.BOOKED) else set()
    members = await _members(reading, places, journeys)
    found = {}
    for place in places:
        theirs = known.get((place.clinic_id, place.patient_id))
        if theirs is None:
            continue
        found[place.clinic_id, place.id] = Standing(
            place.id, place.patient_id, place.step, place.entered_at, place.step_since, theirs.zone,
            theirs.facts, place.waiting, place.subject_id,
            visits.get((place.clinic_id, place.subject_id)) if place.subject_id else None,
            tuple(heard[place.clinic_id, place.id]),
            journeys[place.journey_id].trigger.segment is None or (place.clinic_id, place.id) in members,
            (place.clinic_id, place.id) in booked,
        )  # fmt: skip
    return found


def _sources(journeys: Iterable[Journey]) -> set[Source]:
    """What must be known to judge them; visits always, because `booked` asks for them."""
    return {Source.VISIT} | sources_needed(tree for journey in journeys for tree in journey.criteria())


def _asks_for(journeys: Iterable[Journey], kind: ExitKind) -> bool:
    return any(exit_.kind is kind for journey in journeys for exit_ in journey.exits)


async def _heard(reading: Reading, places: Sequence[Enrolment]) -> dict[Key, list[Heard]]:
    found: dict[Key, list[Heard]] = defaultdict(list)
    asked = _asked(places)
    statement = select(
        asked.c.clinic_id, asked.c.enrolment_id, col(Event.kind), col(Event.at), col(Event.subject_id),
        col(Event.cause_id), func.coalesce(col(Event.facts)["outcome"].astext, "").label("outcome"),
    ).join_from(
        asked, Event,
        and_(
            col(Event.clinic_id) == asked.c.clinic_id, col(Event.patient_id) == asked.c.patient_id,
            col(Event.at) >= asked.c.entered_at,
            col(Event.kind).in_([each.value for each in EventKind]), heard_by_journeys(),
        ),
    )  # fmt: skip
    for row in await reading.execute(statement):
        heard = Heard(EventKind(row.kind), row.at, row.subject_id, row.cause_id, row.outcome)
        found[row.clinic_id, row.enrolment_id].append(heard)
    return found


async def _visits(reading: Reading, places: Sequence[Enrolment]) -> dict[Key, Visit]:
    """The visits among the subjects, by (clinic_id, appointment_id)."""
    ids = {place.subject_id for place in places if place.subject_id is not None}
    if not ids:
        return {}
    columns = (col(Appointment.clinic_id), col(Appointment.id), col(Appointment.status), col(Appointment.starts_at))
    clinics = {place.clinic_id for place in places}
    statement = select(*columns).where(col(Appointment.clinic_id).in_(clinics), col(Appointment.id).in_(ids))
    return {
        (row.clinic_id, row.id): Visit(AppointmentStatus(row.status), row.starts_at)
        for row in await reading.execute(statement)
    }


async def _members(reading: Reading, places: Sequence[Enrolment], journeys: Mapping[UUID, Journey]) -> set[Key]:
    """Those who belong to the segment of the library that let them in."""
    named = [
        (each.clinic_id, each.id, each.patient_id, key)
        for each in places
        if (key := journeys[each.journey_id].trigger.segment) is not None
    ]
    if not named:
        return set()
    asked = batch({"clinic_id": UUIDS, "enrolment_id": UUIDS, "patient_id": UUIDS, "key": TEXTS}, named)
    theirs = and_(
        col(SegmentMember.clinic_id) == asked.c.clinic_id, col(SegmentMember.patient_id) == asked.c.patient_id,
        col(SegmentMember.source) != MemberSource.BAN.value,
    )  # fmt: skip
    of_key = and_(same_segment(), col(Segment.key) == asked.c.key, col(Segment.archived_at).is_(None))
    found = select(asked.c.clinic_id, asked.c.enrolment_id).join_from(asked, SegmentMember, theirs)
    return {(clinic_id, row_id) for clinic_id, row_id in await reading.execute(found.join(Segment, of_key))}


async def _booked(reading: Reading, places: Sequence[Enrolment]) -> set[Key]:
    asked = _asked(places)
    since = booked_since(asked.c.clinic_id, asked.c.patient_id, asked.c.entered_at)
    found = await reading.execute(select(asked.c.clinic_id, asked.c.enrolment_id).where(since))
    return {(clinic_id, enrolment_id) for clinic_id, enrolment_id in found}


def _asked(places: Sequence[Enrolment]) -> FromClause:
    columns: dict[str, Any] = {"clinic_id": UUIDS, "enrolment_id": UUIDS, "patient_id": UUIDS, "entered_at": MOMENTS}
    return batch(columns, [(each.clinic_id, each.id, each.patient_id, each.entered_at) for each in places])
