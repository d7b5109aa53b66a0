"""The verbs of the chart: take findings and procedures in, and fold the charts they touch."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from cabinet.commands.chart_fold import fold_charts
from cabinet.facts import FindingFact, FindingWords, ProcedureFact
from cabinet.finding import FindingStatus
from cabinet.tables.chart import FindingRow, ProcedureRow
from clinic.commands import Taken, changed, hold_named_patients, hold_patients
from clinic.queries import Named
from core.database import Writing
from core.dates import latest_today
from core.errors import Fault
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import Held, Incoming, Outcome, Upserted, content_hash, held_rows, hold_source, judged, upsert


async def take_findings(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, FindingFact]],
    actor: Actor, now: datetime,
) -> Taken:  # fmt: skip
    """Append the findings of a batch and fold the charts they touch; `facts` are (index in the batch, good row).

    A newer version is a new row; an unchanged one writes nothing; an older one is refused as stale.
    """
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    faults = _faults(((index, fact.patient, fact.observed_on, "/observed_on") for index, fact in facts), patients, now)
    rows = [_finding(index, fact, patients[fact.patient].id) for index, fact in facts if index not in faults]
    return await keep_findings(writing, clinic_id, source, rows, actor, now), faults


async def withdraw_finding(
    writing: Writing, clinic_id: UUID, source: str, external_id: str, version: int, actor: Actor, now: datetime
) -> Upserted | None:
    """Append that a finding was entered in error, and fold the chart it leaves; None where it was never told of."""
    held = (await _held(writing, clinic_id, source, [external_id])).get(external_id)
    if held is None:
        return None
    columns = {**held.remembered, "status": FindingStatus.ENTERED_IN_ERROR.value}
    (done,) = await keep_findings(writing, clinic_id, source, [Incoming(0, external_id, version, columns)], actor, now)
    return done


async def keep_findings(
    writing: Writing, clinic_id: UUID, source: str, rows: Sequence[Incoming], actor: Actor, now: datetime
) -> list[Upserted]:
    """Append versions of findings that nobody needs to judge any more, and fold the charts they touch."""
    done = judged(rows, await _held(writing, clinic_id, source, [row.external_id for row in rows]))
    fresh = changed(done)
    touched = {each.incoming.columns["patient_id"] for each in fresh}
    touched |= {each.before["patient_id"] for each in fresh if each.before}
    births = await hold_patients(writing, touched) if touched else {}
    await _append(writing, clinic_id, source, [each for each in done if each.written], now)
    await fold_charts(writing, clinic_id, births, now)
    await record(writing, clinic_id, actor, [_recorded(each) for each in fresh], now)
    return done


async def take_procedures(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, ProcedureFact]],
    actor: Actor, now: datetime,
) -> Taken:  # fmt: skip
    """Upsert what was done; `facts` are (index in the batch, good row)."""
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    faults = _faults(
        ((index, fact.patient, fact.performed_on, "/performed_on") for index, fact in facts), patients, now
    )
    rows = [_procedure(index, fact, patients[fact.patient].id) for index, fact in facts if index not in faults]
    held = await held_rows(writing, ProcedureRow, clinic_id, source, [row.external_id for row in rows], ())
    done = await upsert(writing, ProcedureRow, clinic_id, source, rows, held, now)
    await record(writing, clinic_id, actor, [_performed(each) for each in changed(done)], now)
    return done, faults


Dated = Iterable[tuple[int, str, date, str]]
"""Index in the batch, external id of the patient, the date it is about, and the pointer of that date."""


def _faults(rows: Dated, patients: dict[str, Named], now: datetime) -> dict[int, Fault]:
    faults = {}
    today = latest_today(now)
    for index, patient, day, pointer in rows:
        if patient not in patients:
            faults[index] = Fault("/patient", "unknown-reference")
        elif day > today:
            faults[index] = Fault(pointer, "in-the-future")
    return faults


_TOLD = {
    "patient_id", "tooth", "surfaces", "code", "status", "material", "group_name", "grade", "canals", "observed_on",
}  # fmt: skip


def _finding(index: int, fact: FindingFact, patient_id: UUID) -> Incoming:
    return Incoming(index, fact.external_id, fact.version, told(fact, patient_id))


def told(fact: FindingWords, patient_id: UUID) -> dict[str, Any]:
    """The columns of a finding."""
    return {
        "patient_id": patient_id,
        "tooth": fact.fdi,
        "surfaces": [surface.value for surface in fact.canonical],
        "code": fact.code.value,
        "status": fact.status.value,
        "material": fact.material.value if fact.material else None,
        "group_name": fact.group,
        "grade": fact.grade,
        "canals": fact.canals,
        "observed_on": fact.observed_on,
    }


def _procedure(index: int, fact: ProcedureFact, patient_id: UUID) -> Incoming:
    columns = fact.model_dump(include={"performed_on", "name", "entered_in_error"})
    own = {"patient_id": patient_id, "kind": fact.kind.value, "tooth": fact.fdi}
    return Incoming(index, fact.external_id, fact.version, {**own, **columns})


async def _held(writing: Writing, clinic_id: UUID, source: str, names: Sequence[str]) -> dict[str, Held]:
    """The newest version of each finding named, locked against another sync of this source until the commit."""
    await hold_source(writing, "finding", clinic_id, source)
    newest = (
        select(FindingRow)
        .ext(distinct_on(col(FindingRow.external_id)))
        .where(
            col(FindingRow.clinic_id) == clinic_id,
            col(FindingRow.source) == source,
            col(FindingRow.external_id) == func.any(list(names)),
        )
        .order_by(col(FindingRow.external_id), col(FindingRow.source_version).desc())
    )
    return {
        row.external_id: Held(row.series_id, row.source_version, row.content_hash, row.model_dump(include=_TOLD))
        for row in (await writing.execute(newest)).scalars()
    }


async def _append(writing: Writing, clinic_id: UUID, source: str, done: Sequence[Upserted], now: datetime) -> None:
    rows = [
        {
            **each.incoming.columns,
            "clinic_id": clinic_id,
            "id": each.id if each.outcome is Outcome.CREATED else new_id(),
            "series_id": each.id,
            "source": source,
            "external_id": each.incoming.external_id,
            "source_version": each.incoming.version,
            "content_hash": content_hash(each.incoming.columns),
            "recorded_at": now,
        }
        for each in done
    ]
    if rows:
        await writing.execute(insert(FindingRow).execution_options(render_nulls=True), rows)


def _recorded(each: Upserted) -> Happening:
    columns = each.incoming.columns
    facts = {name: columns[name] for name in ("tooth", "code", "status")}
    return Happening("finding.recorded", each.id, patient_id=columns["patient_id"], facts=facts)


def _performed(each: Upserted) -> Happening:
    columns = each.incoming.columns
    voided = columns["entered_in_error"]
    kind = "procedure.voided" if voided else "procedure.performed"
    return Happening(kind, each.id, patient_id=columns["patient_id"], facts={"kind": columns["kind"]})
