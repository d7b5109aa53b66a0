"""Journeys: which of them run, how many patients are on each, and why one patient is."""

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field, ValidationError
from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import col

from automation.evidence import Evidence, evidence
from automation.journey.document import Journey, document
from automation.journey.words import EnrolmentState, ExitReason, JourneyState
from automation.queries.patients import Known, known_patients
from automation.results import Told, told
from automation.segment import MOST_LEAVES
from automation.tables import Enrolment, JourneyRow
from core.database import Reading
from core.errors import NotFound
from core.moments import Moment
from core.values import Int32, Value
from push.notice import Purpose

MOST_JOURNEYS = 200
MOST_ENROLMENTS = 100

_LOG = logging.getLogger("enamel.automation")


@dataclass(frozen=True, slots=True)
class Active:
    """A journey, and its ids: one for each clinic that launched it."""

    journey: Journey
    ids: list[UUID]


class JourneyCard(Value):
    """A journey of the clinic and how many patients are on it, left it, and came to its end; for who may not read
    clinical facts none of fewer than five, and else in whole fives."""

    journey_id: UUID
    key: str
    version: Int32
    purpose: Purpose
    state: JourneyState
    started_at: Moment | None
    active: Told
    exited: Told
    completed: Told


class EnrolmentCard(Value):
    """One patient's way through one journey. `evidence` is a clinical fact, and so is the rest of it."""

    enrolment_id: UUID
    journey_id: UUID
    key: str
    version: Int32
    state: EnrolmentState
    step: str
    entry_no: Int32
    entered_at: Moment
    exited_at: Moment | None
    exit_reason: ExitReason | None
    evidence: list[Evidence] = Field(max_length=MOST_LEAVES)


async def active_journeys(reading: Reading, states: Collection[JourneyState] = (JourneyState.ACTIVE,)) -> list[Active]:
    """Every distinct definition in these states, of every clinic in reach, always in the same order.

    One that no longer parses (the format went on and it was not migrated) is left out and named in the log
    by its ids, so that it stops no other.
    """
    statement = (
        select(col(JourneyRow.definition), func.array_agg(col(JourneyRow.id)).label("ids"))
        .where(col(JourneyRow.state).in_([state.value for state in states]))
        .group_by(col(JourneyRow.definition))
        .order_by(col(JourneyRow.definition))
    )
    rows = [(_parsed(row.definition, row.ids), row.ids) for row in await reading.execute(statement)]
    return [Active(journey, ids) for journey, ids in rows if journey is not None]


def _parsed(definition: dict[str, Any], ids: list[UUID]) -> Journey | None:
    try:
        return document(definition)
    except ValidationError:
        for journey_id in ids:
            _LOG.error(json.dumps({"journey": str(journey_id), "error": "no-longer-parses"}))
        return None


async def journey_cards(reading: Reading, *, clinical: bool) -> list[JourneyCard]:
    """The clinic's journeys, newest first."""
    counts = [
        func.count(col(Enrolment.id)).filter(col(Enrolment.state) == state.value).label(state.value)
        for state in EnrolmentState
    ]
    statement = (
        select(JourneyRow, *counts)
        .outerjoin(Enrolment, of_journey())
        .group_by(col(JourneyRow.clinic_id), col(JourneyRow.id))
        .order_by(col(JourneyRow.started_at).desc(), col(JourneyRow.id))
        .limit(MOST_JOURNEYS)
    )
    return [
        journey_card(
            row.JourneyRow,
            active=told(row.active, clinical=clinical),
            exited=told(row.exited, clinical=clinical),
            completed=told(row.completed, clinical=clinical),
        )
        for row in await reading.execute(statement)
    ]


async def journey_row(reading: Reading, clinic_id: UUID, journey_id: UUID) -> JourneyRow | None:
    """One version of a journey of this clinic."""
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.id) == journey_id)
    return (await reading.execute(select(JourneyRow).where(*mine))).scalar_one_or_none()


def journey_card(row: JourneyRow, *, active: Told = 0, exited: Told = 0, completed: Told = 0) -> JourneyCard:
    return JourneyCard(
        journey_id=row.id,
        key=row.key,
        version=row.version,
        purpose=Purpose(row.definition["purpose"]),
        state=JourneyState(row.state),
        started_at=row.started_at,
        active=active,
        exited=exited,
        completed=completed,
    )


async def enrolments_of_patient(
    reading: Reading, clinic_id: UUID, patient_id: UUID, now: datetime
) -> list[EnrolmentCard]:
    """Every journey this patient is or was on, newest first. Raises `NotFound` for an unknown patient.

    `evidence` is of `now`: which leaf of the journey's segment holds today, and by which fact.
    """
    key = (clinic_id, patient_id)
    known = (await known_patients(reading, [key], now)).get(key)
    if known is None:
        raise NotFound
    statement = (
        select(Enrolment, JourneyRow)
        .join(JourneyRow, of_journey())
        .where(col(Enrolment.clinic_id) == clinic_id, col(Enrolment.patient_id) == patient_id)
        .order_by(col(Enrolment.entered_at).desc(), col(Enrolment.id))
        .limit(MOST_ENROLMENTS)
    )
    return [
        _enrolment_card(
            row.Enrolment,
            row.JourneyRow,
            _why(row.JourneyRow, known, now),
        )
        for row in await reading.execute(statement)
    ]


def _why(journey: JourneyRow, known: Known, now: datetime) -> list[Evidence]:
    criteria = document(journey.definition).trigger.criteria
    return evidence(criteria, known.facts, now, known.zone) if criteria is not None else []


def of_journey() -> ColumnElement[bool]:
    """SQL join condition of an enrolment with its journey."""
    return and_(col(Enrolment.clinic_id) == JourneyRow.clinic_id, col(Enrolment.journey_id) == JourneyRow.id)


def _enrolment_card(enrolment: Enrolment, journey: JourneyRow, why: list[Evidence]) -> EnrolmentCard:
    return EnrolmentCard(
        enrolment_id=enrolment.id,
        journey_id=journey.id,
        key=journey.key,
        version=journey.version,
        state=EnrolmentState(enrolment.state),
        step=enrolment.step,
        entry_no=enrolment.entry_no,
        entered_at=enrolment.entered_at,
        exited_at=enrolment.exited_at,
        exit_reason=ExitReason(enrolment.exit_reason) if enrolment.exit_reason else None,
        evidence=why,
    )
