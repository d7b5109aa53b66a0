"""What is known of patients, as the facts that criteria and journeys are judged by: two statements for any number."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Date,
    DateTime,
    FromClause,
    Select,
    Text,
    Uuid,
    and_,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy import cast as as_type
from sqlmodel import col

from automation.criteria.meaning import BY_DAY, Source
from automation.criteria.said import Contact
from automation.facts import PatientFacts, Record
from automation.queries.conditions import with_app
from automation.queries.days import AS_OF, Days, days_at
from automation.queries.records import records
from clinic.facts import Language
from clinic.tables import Patient
from core.database import Reading

PatientKey = tuple[UUID, UUID]
"""(clinic_id, patient_id)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVERYTHING = tuple(Source)


@dataclass(frozen=True, slots=True)
class Known:
    """A patient's facts, and the zone of the home branch that their days are counted in."""

    facts: PatientFacts
    zone: str


async def known_patients(
    reading: Reading, keys: Sequence[PatientKey], as_of: datetime, sources: Collection[Source] = EVERYTHING
) -> dict[PatientKey, Known]:
    """The facts of these patients at `as_of`, with the records of these sources (`sources_needed`)."""
    asked, days = _asked(keys), days_at(AS_OF)
    rows = (await reading.execute(_people(asked, days), {"as_of": as_of})).all()
    recorded = await _recorded(reading, asked, days, as_of, sources) if sources else {}
    return {(row.clinic_id, row.id): Known(_facts(row, recorded), row.zone) for row in rows}


def _facts(row: Any, recorded: dict[PatientKey, dict[Source, list[Record]]]) -> PatientFacts:
    contacts = {Contact.EMAIL: row.email is not None, Contact.PHONE: row.phone is not None, Contact.APP: row.has_app}
    return PatientFacts(
        row.birth_date,
        cast("Language", row.language),
        recorded.get((row.clinic_id, row.id), {}),
        row.branch_id,
        frozenset(contact.value for contact, is_known in contacts.items() if is_known),
        made_at(row.id),
    )


def made_at(patient_id: UUID) -> datetime:
    """When an id of ours was made: its first 48 bits are the milliseconds (RFC 9562 §5.7)."""
    return _EPOCH + timedelta(milliseconds=patient_id.int >> 80)


def _people(asked: FromClause, days: Days) -> Select[Any]:
    phones = with_app(days).subquery()
    theirs = and_(phones.c.clinic_id == Patient.clinic_id, phones.c.patient_id == Patient.id)
    return (
        select(
            col(Patient.clinic_id), col(Patient.id), col(Patient.birth_date), col(Patient.language),
            col(Patient.branch_id), col(Patient.email), col(Patient.phone), days.table.c.zone,
            select(literal(1)).select_from(phones).where(theirs).exists().label("has_app"),
        )
        .join(asked, and_(asked.c.clinic_id == Patient.clinic_id, asked.c.patient_id == Patient.id))
        .join(days.table, days.home())
    )  # fmt: skip


async def _recorded(
    reading: Reading, asked: FromClause, days: Days, as_of: datetime, sources: Collection[Source]
) -> dict[PatientKey, dict[Source, list[Record]]]:
    statement = union_all(*(_of_source(source, asked, days) for source in sorted(sources)))
    found: dict[PatientKey, dict[Source, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for row in await reading.execute(statement, {"as_of": as_of}):
        says = {member: str(word) for member, word in row.says.items() if word is not None}
        record = Record(row.on_day or row.at_moment, says, int(row.amount), row.id)
        found[row.clinic_id, row.patient_id][Source(row.source)].append(record)
    return found


def _of_source(source: Source, asked: FromClause, days: Days) -> Select[Any]:
    rows = records(source, days).subquery()
    words = [part for word in rows.c if word.name not in _COLUMNS for part in (as_type(word.name, Text), word)]
    by_day = source in BY_DAY
    return select(
        literal(source.value).label("source"), rows.c.clinic_id, rows.c.patient_id, rows.c.id, rows.c.amount,
        (rows.c.at if by_day else as_type(null(), Date)).label("on_day"),
        (as_type(null(), DateTime(timezone=True)) if by_day else rows.c.at).label("at_moment"),
        func.jsonb_build_object(*words).label("says"),
    ).join(asked, and_(asked.c.clinic_id == rows.c.clinic_id, asked.c.patient_id == rows.c.patient_id))  # fmt: skip


_COLUMNS = frozenset({"clinic_id", "patient_id", "at", "id", "amount", "ends"})


def _asked(keys: Sequence[PatientKey]) -> FromClause:
    """The keys as a table of two columns: two array parameters, however many there are."""
    clinics, patients = ([key[place] for key in keys] for place in (0, 1))
    ids = ARRAY(Uuid())
    return (
        func.unnest(literal(clinics, ids), literal(patients, ids))
        .table_valued("clinic_id", "patient_id", joins_implicitly=True)
        .render_derived(name="asked")
    )
