"""The clinic's own system takes over visits that patients booked here: from then on it is their master."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Uuid, cast, func, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import col

from clinic.tables import Appointment
from core.database import Writing
from core.upsert import OWN_SOURCE, Incoming, hold_source

# Older than anything that a system may say, so that its first word is news.
_NO_VERSION = -1


async def adopt_visits(
    writing: Writing, clinic_id: UUID, source: str, rows: Sequence[Incoming], adopted: Mapping[str, UUID]
) -> None:
    """Give our visits the names that their new master calls them by; `adopted`: external id → our id.

    Only a visit of the same patient that is ours still, and only under a name that is not taken: what does not fit
    stays as it is, and the caller sees it by the id. One statement; held against another sync of this source.
    """
    await hold_source(writing, "appointment", clinic_id, source)
    wanted = [row for row in rows if row.external_id in adopted]
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
