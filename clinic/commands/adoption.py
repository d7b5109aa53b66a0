"""The clinic's own system takes over visits that patients booked here: from then on it is their master."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Uuid, cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import col

from clinic.appointment import AppointmentStatus, may_follow
from clinic.tables import Appointment
from core.database import Writing
from core.upsert import OWN_SOURCE, Incoming, hold_source

# Older than anything that a system may say, so that its first word is news.
_NO_VERSION = -1


async def adopt_visits(
    writing: Writing, clinic_id: UUID, source: str, rows: Sequence[Incoming], adopted: Mapping[str, UUID]
) -> set[str]:
    """Give our visits the names that their new master calls them by; `adopted`: external id → our id.

    Only a visit of the same patient that is ours still, and only under a name that is not taken: what does not fit
    stays as it is, and the caller sees it by the id. Nor is a visit given to a row that says of it what cannot follow:
    it would leave the bookings that wait, and no row would be its own; the names of those rows. Two statements, held
    against another sync of this source.
    """
    await hold_source(writing, "appointment", clinic_id, source)
    wanted = [row for row in rows if row.external_id in adopted]
    states = await _states(writing, clinic_id, [adopted[row.external_id] for row in wanted])
    unfit = {row.external_id for row in wanted if not _may_be(states, adopted[row.external_id], row)}
    await _name(writing, clinic_id, source, [row for row in wanted if row.external_id not in unfit], adopted)
    return unfit


async def _states(writing: Writing, clinic_id: UUID, ids: Sequence[UUID]) -> dict[tuple[UUID, UUID], AppointmentStatus]:
    """By id and patient: in which state visits are that are ours, locked in the order everybody takes them in."""
    statement = (
        select(col(Appointment.id), col(Appointment.patient_id), col(Appointment.status))
        .where(col(Appointment.clinic_id) == clinic_id, col(Appointment.id) == func.any(list(ids)))
        .where(col(Appointment.source) == OWN_SOURCE)
        .order_by(col(Appointment.id))
        .with_for_update()
    )
    found = await writing.execute(statement)
    return {(row.id, row.patient_id): AppointmentStatus(row.status) for row in found}


def _may_be(states: Mapping[tuple[UUID, UUID], AppointmentStatus], visit_id: UUID, row: Incoming) -> bool:
    before = states.get((visit_id, row.columns["patient_id"]))
    return before is None or may_follow(before, AppointmentStatus(row.columns["status"]))


async def _name(
    writing: Writing, clinic_id: UUID, source: str, wanted: Sequence[Incoming], adopted: Mapping[str, UUID]
) -> None:
    named = (
        func.unnest(
            cast([adopted[row.external_id] for row in wanted], ARRAY(Uuid())),
            cast([row.external_id for row in wanted], ARRAY(TEXT)),
            cast([row.columns["patient_id"] for row in wanted], ARRAY(Uuid())),
        )
        .table_valued("id", "external_id", "patient_id")
        .render_derived(name="named")
    )
    known = Appointment.__table__.alias("known")  # type: ignore[attr-defined]  # SQLModel does not declare it
    taken = (
        known.select()
        .where(known.c.clinic_id == clinic_id, known.c.source == source, known.c.external_id == named.c.external_id)
        .correlate(named)
        .exists()
    )
    ours = (
        col(Appointment.clinic_id) == clinic_id,
        col(Appointment.id) == named.c.id,
        col(Appointment.patient_id) == named.c.patient_id,
        col(Appointment.source) == OWN_SOURCE,
    )
    change = {
        "source": source, "external_id": named.c.external_id, "source_version": _NO_VERSION, "content_hash": "",
    }  # fmt: skip
    given = update(Appointment).where(*ours, ~taken).values(change)
    await writing.execute(given.execution_options(synchronize_session=False))
