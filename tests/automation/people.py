"""People of a clinic for automation's tests: drawn or made, and put into the database row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import insert

from automation.criteria.meaning import Source
from automation.facts import PatientFacts, Record
from cabinet.facts import ServiceKind
from cabinet.tables.chart import ProcedureRow
from clinic.appointment import AppointmentStatus
from clinic.facts import Language
from clinic.tables import Appointment, Branch, Clinic, Patient
from core.database import Writing
from core.ids import new_id


@dataclass(frozen=True)
class Booking:
    status: AppointmentStatus
    starts_at: datetime

    def record(self) -> Record:
        return Record(self.starts_at, {"status": self.status.value})


@dataclass(frozen=True)
class Done:
    kind: ServiceKind
    on: date
    in_error: bool = False
    tooth: str | None = None

    def record(self) -> Record:
        return Record(self.on, {"kind": self.kind.value} | ({"tooth": self.tooth} if self.tooth else {}))


def known_as(
    done: Sequence[Done] = (), bookings: Sequence[Booking] = (), born: date = date(1985, 5, 17)
) -> PatientFacts:
    """The facts of somebody of whom nothing else is known."""
    return PatientFacts(born, "it", {
        Source.PROCEDURE: [each.record() for each in done if not each.in_error],
        Source.VISIT: [each.record() for each in bookings],
    })  # fmt: skip


@dataclass(frozen=True)
class Person:
    zone: str = "Europe/Rome"
    birth_date: date = date(1985, 5, 17)
    language: str = "it"
    done: Sequence[Done] = ()
    bookings: Sequence[Booking] = ()
    id: UUID = field(default_factory=new_id)

    def facts(self) -> PatientFacts:
        return replace(known_as(self.done, self.bookings, self.birth_date), language=cast("Language", self.language))


def synced(clinic_id: UUID, row_id: UUID, at: datetime) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id, "id": row_id, "source": "mis", "external_id": str(row_id), "source_version": 1,
        "content_hash": "", "changed_at": at,
    }  # fmt: skip


async def add_clinic(
    writing: Writing, zones: Sequence[str], at: datetime, named: Mapping[str, UUID] | None = None
) -> tuple[UUID, dict[str, UUID]]:
    """A clinic with one branch in each zone; the branches by zone, with the ids that are `named`."""
    clinic_id = new_id()
    row = {"clinic_id": clinic_id, "name": "C", "country": "IT", "currency": "EUR", "language": "it", "created_at": at}
    await writing.execute(insert(Clinic), [row])
    branches = {zone: new_id() for zone in zones} | dict(named or {})
    rows = [{"clinic_id": clinic_id, "id": row_id, "name": zone, "zone": zone} for zone, row_id in branches.items()]
    await writing.execute(insert(Branch), rows)
    return clinic_id, branches


async def add_people(
    writing: Writing, clinic_id: UUID, branches: dict[str, UUID], people: Sequence[Person], at: datetime
) -> None:
    patients = [
        {
            **synced(clinic_id, person.id, at), "branch_id": branches[person.zone], "given_name": "P",
            "family_name": "Q", "birth_date": person.birth_date, "phone": None, "language": person.language,
        }
        for person in people
    ]  # fmt: skip
    procedures = [
        {
            **synced(clinic_id, new_id(), at), "patient_id": person.id, "kind": each.kind.value,
            "performed_on": each.on, "entered_in_error": each.in_error, "tooth": each.tooth,
        }
        for person in people
        for each in person.done
    ]  # fmt: skip
    visits = [
        {
            **synced(clinic_id, new_id(), at), "patient_id": person.id, "branch_id": branches[person.zone],
            "starts_at": each.starts_at, "ends_at": each.starts_at + timedelta(minutes=30),
            "status": each.status.value, "service": "Hygiene",
        }
        for person in people
        for each in person.bookings
    ]  # fmt: skip
    for table, rows in ((Patient, patients), (ProcedureRow, procedures), (Appointment, visits)):
        if rows:
            await writing.execute(insert(table), rows)
