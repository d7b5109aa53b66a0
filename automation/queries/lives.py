"""What happened to a clinic's patients, in batches, for a journey to be simulated over it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Text, func, select
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from automation.criteria.meaning import Source
from automation.criteria.said import EventKind
from automation.journey.decide import Heard
from automation.journey.document import Journey
from automation.queries.entries import heard_by_journeys
from automation.queries.patients import known_patients
from automation.segment import sources_needed
from automation.simulation import Life
from clinic.tables import Patient
from core.database import Reading
from core.events import Event

AT_ONCE = 1_000
"""Patients held in memory at once."""


async def lives(reading: Reading, clinic_id: UUID, journey: Journey, now: datetime) -> AsyncIterator[list[Life]]:
    """Everybody of the clinic who was not erased, in the order of their ids: four statements for each batch."""
    sources = sources_needed(journey.criteria()) | {Source.VISIT}
    last: UUID | None = None
    while True:
        statement = select(col(Patient.id)).where(col(Patient.clinic_id) == clinic_id, col(Patient.erased_at).is_(None))
        if last is not None:
            statement = statement.where(col(Patient.id) > last)
        ids = (await reading.execute(statement.order_by(col(Patient.id)).limit(AT_ONCE))).scalars().all()
        if not ids:
            return
        known = await known_patients(reading, [(clinic_id, each) for each in ids], now, sources)
        heard = await _heard(reading, clinic_id, ids)
        yield [
            Life(patient_id, found.zone, found.facts, tuple(heard.get(patient_id, ())))
            for (_, patient_id), found in known.items()
        ]
        last = ids[-1]


async def patients_living(reading: Reading, clinic_id: UUID) -> int:
    """How many there are to go through."""
    mine = (col(Patient.clinic_id) == clinic_id, col(Patient.erased_at).is_(None))
    return (await reading.execute(select(func.count()).select_from(Patient).where(*mine))).scalar_one()


async def _heard(reading: Reading, clinic_id: UUID, ids: Sequence[UUID]) -> dict[UUID, list[Heard]]:
    outcome = func.coalesce(as_type(col(Event.facts), JSONB)["outcome"].astext, "")
    statement = (
        select(
            col(Event.patient_id), col(Event.kind), col(Event.at), col(Event.subject_id), col(Event.cause_id),
            as_type(outcome, Text),
        )
        .where(
            col(Event.clinic_id) == clinic_id,
            col(Event.patient_id) == func.any(list(ids)),
            col(Event.kind).in_([kind.value for kind in EventKind]),
            heard_by_journeys(),
        )
        .order_by(col(Event.at), col(Event.id))
    )  # fmt: skip
    found: dict[UUID, list[Heard]] = defaultdict(list)
    for patient_id, kind, at, subject_id, cause_id, word in await reading.execute(statement):
        found[cast("UUID", patient_id)].append(Heard(EventKind(kind), at, subject_id, cause_id, word))
    return found
