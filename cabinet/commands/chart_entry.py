"""The verb of the chair: staff record a finding, correct it, go on from it, or take it back."""

from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlmodel import col

from cabinet.commands.chart import keep_findings, told
from cabinet.facts import FindingWords
from cabinet.tables.chart import FindingRow
from clinic.commands import hold_patient
from core.database import Writing
from core.dates import latest_today
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor
from core.ids import new_id
from core.upsert import OWN_SOURCE, Incoming, hold_source
from core.values import Int64, Value


class FindingOfAnotherSystem(Conflict):
    """The finding came from the clinic's own system and is changed there."""

    slug = "finding-of-another-system"


class NewFinding(FindingWords):
    """What is recorded at the chair. Without `finding_id` it is a new finding."""

    finding_id: UUID | None = Field(default=None, description="The finding that this corrects or goes on from.")


class RecordedFinding(Value):
    """What was recorded: the finding and how many versions of it there are."""

    finding_id: UUID
    version: Int64


async def record_finding(
    writing: Writing, clinic_id: UUID, patient_id: UUID, finding: NewFinding, actor: Actor, now: datetime
) -> RecordedFinding:
    """Append a finding, or a version of one, and fold the chart.

    Raises `NotFound` for an unknown patient or finding, `FindingOfAnotherSystem`, and `Invalid` for a date to come.
    """
    await hold_source(writing, "finding", clinic_id, OWN_SOURCE)
    await hold_patient(writing, patient_id)
    if finding.observed_on > latest_today(now):
        raise Invalid(Fault("/observed_on", "in-the-future"))
    name, version = str(new_id()), 1
    if finding.finding_id is not None:
        name, version = await _next(writing, clinic_id, patient_id, finding.finding_id)
    row = Incoming(0, name, version, told(finding, patient_id))
    (kept,) = await keep_findings(writing, clinic_id, OWN_SOURCE, [row], actor, now)
    return RecordedFinding(finding_id=kept.id, version=version)


async def _next(writing: Writing, clinic_id: UUID, patient_id: UUID, finding_id: UUID) -> tuple[str, int]:
    """The name and next version of a finding of this patient."""
    newest = (
        select(FindingRow)
        .where(col(FindingRow.clinic_id) == clinic_id, col(FindingRow.series_id) == finding_id)
        .order_by(col(FindingRow.source_version).desc())
        .limit(1)
    )
    held = (await writing.execute(newest)).scalar_one_or_none()
    if held is None or held.patient_id != patient_id:
        raise NotFound
    if held.source != OWN_SOURCE:
        raise FindingOfAnotherSystem
    return held.external_id, held.source_version + 1
