"""`enamel journey explain`: for one patient, each journey that runs, on it or not, by which facts, what was done."""

import argparse
from datetime import datetime
from uuid import UUID

from automation.evidence import Evidence, evidence
from automation.journey.document import Journey
from automation.queries.enrolment_path import EnrolmentPath, enrolment_path
from automation.queries.journeys import active_journeys, enrolments_of_patient
from automation.queries.patients import Known, known_patients
from automation.segment import matches
from core.clock import now
from core.database import Database, Reading, Scope
from core.errors import NotFound
from core.events import SYSTEM, Happening, record
from core.settings import Settings
from enamel.journey.terminal import in_database, say
from enamel.problems import CannotStart


def run(settings: Settings, given: argparse.Namespace) -> int:
    """What it says is of a person's health: the look stays in their events, as one over HTTP does."""
    try:
        say(in_database(settings, given.clinic, lambda database: _told(database, given.clinic, given.patient)))
    except NotFound:
        raise CannotStart("this clinic has no such patient") from None
    return 0


async def _told(database: Database, clinic_id: UUID, patient_id: UUID) -> list[str]:
    at = now()
    async with database.writing(Scope(clinic_id)) as writing:
        cards = await enrolments_of_patient(writing, clinic_id, patient_id, at)
        paths = [await enrolment_path(writing, clinic_id, card.enrolment_id) for card in cards]
        said = [line for path in paths for line in spoken(path)]
        said += await _may_come(writing, clinic_id, patient_id, at)
        looked = Happening("enrolments.read", patient_id, patient_id=patient_id)
        await record(writing, clinic_id, SYSTEM, [looked], at)
    return said


def spoken(path: EnrolmentPath) -> list[str]:
    ended = f", {path.state} {path.exit_reason or path.outcome or ''}".rstrip()
    head = f"{path.key} version {path.version}: in since {path.entered_at:%Y-%m-%d %H:%M} UTC, on {path.step}{ended}"
    return [
        head,
        *(f"  {line.at:%Y-%m-%d %H:%M}  {line.step}: {line.verdict} {line.reason}".rstrip() for line in path.lines),
    ]


async def _may_come(reading: Reading, clinic_id: UUID, patient_id: UUID, at: datetime) -> list[str]:
    """Of each journey that lets in whoever matches: whether they match now, leaf by leaf."""
    known = (await known_patients(reading, [(clinic_id, patient_id)], at))[clinic_id, patient_id]
    running = [each.journey for each in await active_journeys(reading)]
    return [line for journey in running for line in matched(journey, known, at)]


def matched(journey: Journey, known: Known, at: datetime) -> list[str]:
    criteria = journey.trigger.criteria
    if criteria is None:
        return [f"{journey.key}: comes in by {journey.trigger.kind}, whoever it is"]
    word = "matches" if matches(criteria, known.facts, at, known.zone) else "does not match"
    return [f"{journey.key}: {word}", *(leaf(each) for each in evidence(criteria, known.facts, at, known.zone))]


def leaf(each: Evidence) -> str:
    decided = (each.decided_on, each.last_on, each.next_visit_at, each.number)
    by = ", ".join(str(value) for value in decided if value is not None)
    return f"  {'yes' if each.holds else 'no '}  {each.kind}{f' ({by})' if by else ''}"
