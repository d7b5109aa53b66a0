"""The verb of the gums: take examinations in, and fold the charts they touch."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cabinet.commands.chart_fold import fold_charts
from cabinet.perio_facts import PerioExamFact
from cabinet.tables.perio import PerioExamRow
from clinic.commands import Taken, changed, hold_named_patients, hold_patients
from core.database import Writing
from core.dates import latest_today
from core.errors import Fault
from core.events import Actor, Happening, record
from core.upsert import Incoming, Upserted, held_rows, upsert


async def take_perio_exams(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, PerioExamFact]],
    actor: Actor, now: datetime,
) -> Taken:  # fmt: skip
    """Upsert examinations of the gums; `facts` are (index in the batch, good row)."""
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    today, faults = latest_today(now), {}
    for index, fact in facts:
        if fact.patient not in patients:
            faults[index] = Fault("/patient", "unknown-reference")
        elif fact.examined_on > today:
            faults[index] = Fault("/examined_on", "in-the-future")
    rows = [_row(index, fact, patients[fact.patient].id) for index, fact in facts if index not in faults]
    names = [row.external_id for row in rows]
    held = await held_rows(writing, PerioExamRow, clinic_id, source, names, ("patient_id",))
    done = await upsert(writing, PerioExamRow, clinic_id, source, rows, held, now)
    fresh = changed(done)
    touched = {each.incoming.columns["patient_id"] for each in fresh}
    touched |= {each.before["patient_id"] for each in fresh if each.before}
    births = await hold_patients(writing, touched) if touched else {}
    await fold_charts(writing, clinic_id, births, now)
    await record(writing, clinic_id, actor, [_examined(each) for each in fresh], now)
    return done, faults


def _row(index: int, fact: PerioExamFact, patient_id: UUID) -> Incoming:
    columns = {
        "patient_id": patient_id,
        "examined_on": fact.examined_on,
        "teeth": fact.measured(),
        "entered_in_error": fact.entered_in_error,
    }
    return Incoming(index, fact.external_id, fact.version, columns)


def _examined(each: Upserted) -> Happening:
    columns = each.incoming.columns
    kind = "perio_exam.voided" if columns["entered_in_error"] else "perio_exam.recorded"
    return Happening(kind, each.id, patient_id=columns["patient_id"])
