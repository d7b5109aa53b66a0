"""What is known of patients, as the facts that criteria and journeys are judged by: three statements for any number."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ARRAY, FromClause, Uuid, and_, func, literal, select
from sqlmodel import col

from automation.facts import Booking, PatientFacts
from automation.queries.segments import LOCAL, at_home
from cabinet.facts import ServiceKind
from cabinet.tables.chart import ProcedureRow
from clinic.appointment import AppointmentStatus
from clinic.facts import Language
from clinic.queries import same_patient
from clinic.tables import Appointment, Patient
from core.database import Reading

PatientKey = tuple[UUID, UUID]
"""(clinic_id, patient_id)."""


@dataclass(frozen=True, slots=True)
class Known:
    """A patient's facts, and the zone of the home branch that their days are counted in."""

    facts: PatientFacts
    zone: str


async def known_patients(reading: Reading, keys: Sequence[PatientKey], as_of: datetime) -> dict[PatientKey, Known]:
    """The facts of these patients at `as_of`: of procedures the last of each kind, of visits those to come."""
    asked = _asked(keys)
    people = (
        select(col(Patient.clinic_id), col(Patient.id), col(Patient.birth_date), col(Patient.language), LOCAL.c.zone)
        .join(asked, and_(asked.c.clinic_id == Patient.clinic_id, asked.c.patient_id == Patient.id))
        .join(LOCAL, at_home())
    )
    rows = (await reading.execute(people, {"as_of": as_of})).all()
    performed = await _performed(reading, asked, as_of)
    bookings = await _bookings(reading, asked, as_of)
    return {
        (row.clinic_id, row.id): Known(
            PatientFacts(
                row.birth_date,
                cast("Language", row.language),
                performed[row.clinic_id, row.id],
                tuple(bookings[row.clinic_id, row.id]),
            ),
            row.zone,
        )
        for row in rows
    }


async def _performed(
    reading: Reading, asked: FromClause, as_of: datetime
) -> dict[PatientKey, dict[ServiceKind, tuple[date, ...]]]:
    statement = (
        select(
            col(ProcedureRow.clinic_id), col(ProcedureRow.patient_id), col(ProcedureRow.kind),
            func.max(ProcedureRow.performed_on).label("last_on"),
        )
        .join(asked, _of_asked(asked, ProcedureRow))
        .join(Patient, same_patient(ProcedureRow))
        .join(LOCAL, at_home())
        .where(col(ProcedureRow.performed_on) <= LOCAL.c.today, ~col(ProcedureRow.entered_in_error))
        .group_by(col(ProcedureRow.clinic_id), col(ProcedureRow.patient_id), col(ProcedureRow.kind))
    )  # fmt: skip
    found: dict[PatientKey, dict[ServiceKind, tuple[date, ...]]] = defaultdict(dict)
    for row in await reading.execute(statement, {"as_of": as_of}):
        found[row.clinic_id, row.patient_id][ServiceKind(row.kind)] = (row.last_on,)
    return found


async def _bookings(reading: Reading, asked: FromClause, as_of: datetime) -> dict[PatientKey, list[Booking]]:
    statement = (
        select(
            col(Appointment.clinic_id), col(Appointment.patient_id), col(Appointment.status), col(Appointment.starts_at)
        )
        .join(asked, _of_asked(asked, Appointment))
        .where(col(Appointment.starts_at) > as_of)
    )
    found: dict[PatientKey, list[Booking]] = defaultdict(list)
    for row in await reading.execute(statement):
        found[row.clinic_id, row.patient_id].append(Booking(AppointmentStatus(row.status), row.starts_at))
    return found


def _asked(keys: Sequence[PatientKey]) -> FromClause:
    """The keys as a table of two columns: two array parameters, however many there are."""
    clinics, patients = ([key[place] for key in keys] for place in (0, 1))
    ids = ARRAY(Uuid())
    return (
        func.unnest(literal(clinics, ids), literal(patients, ids))
        .table_valued("clinic_id", "patient_id", joins_implicitly=True)
        .render_derived(name="asked")
    )


def _of_asked(asked: FromClause, table: Any) -> Any:
    return and_(asked.c.clinic_id == table.clinic_id, asked.c.patient_id == table.patient_id)
