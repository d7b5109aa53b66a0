"""Who read a record, which copies were asked for, which erasures and holds there are."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, column, exists, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import col

from clinic.privacy import CopyState, ErasureState, ReadersBy, area_of
from clinic.request import RequestKind
from clinic.tables import Erased, Erasure, LegalHold, PatientRequest, PrivacyExport, PrivacyPolicy, Staff
from core.database import Reading
from core.events import ActorKind, Event
from core.moments import Moment
from core.values import Int32, Int64, Value
from identity.permissions import Permission, role_of

MOST_SHOWN = 200


class RecordRead(Value):
    """Somebody looked at the record, or took a copy of it."""

    event_id: UUID
    at: Moment
    area: str = Field(examples=["chart"], description="What was looked at.")
    reader: ActorKind
    reader_name: str | None = Field(description="Null where the clinic shows roles, and for whoever is no colleague.")
    reader_role: str | None = Field(examples=["doctor"])


class CopyView(Value):
    """A copy of a record that was asked for."""

    export_id: UUID
    state: CopyState
    asked_at: Moment
    ready_at: Moment | None
    expires_at: Moment | None = Field(description="When it is taken away again.")
    size_bytes: Int64 | None


class CopyAsked(Value):
    """The same as staff sees it: whose, and how often it was tried."""

    patient_id: UUID
    tries: Int32
    asked: CopyView


class ErasureView(Value):
    """An erasure, and until when the restricted archive of it is kept."""

    erasure_id: UUID
    patient_id: UUID
    state: ErasureState
    confirmed_at: Moment
    done_at: Moment | None
    keep_until: date | None
    archived: bool
    held: bool = Field(description="A legal hold stands: it waits.")
    unbooked: bool = Field(
        default=False, description="Money of this patient is not in the clinic's books: it waits, 14 days at most."
    )


class HoldView(Value):
    hold_id: UUID
    patient_id: UUID
    reason: str
    set_at: Moment
    lifted_at: Moment | None


async def readers_by(reading: Reading, clinic_id: UUID) -> ReadersBy:
    statement = select(col(PrivacyPolicy.readers_by)).where(col(PrivacyPolicy.clinic_id) == clinic_id)
    found = (await reading.execute(statement)).scalar_one_or_none()
    return ReadersBy(found) if found else ReadersBy.NAME


async def record_reads(
    reading: Reading, clinic_id: UUID, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[RecordRead]:
    """Who looked at the record, latest first, past the key `after` (at, id)."""
    named = await readers_by(reading, clinic_id) is ReadersBy.NAME
    same = and_(col(Staff.clinic_id) == Event.clinic_id, col(Staff.id) == col(Event.actor_id))
    statement = (
        select(Event, Staff)
        .join(Staff, same, isouter=True)
        .where(
            col(Event.clinic_id) == clinic_id,
            col(Event.patient_id) == patient_id,
            col(Event.kind).like("%.read"),
            # A hold is the clinic's lawyers'.
            col(Event.kind) != "legal_holds.read",
        )
        .order_by(col(Event.at).desc(), col(Event.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(func.row(col(Event.at), col(Event.id)) < func.row(*after))
    return [_read(event, staff, named=named) for event, staff in await reading.execute(statement)]


async def was_read(
    reading: Reading, clinic_id: UUID, patient_id: UUID, what: str, staff_id: UUID, since: datetime
) -> bool:
    """Whether a look of this colleague at `what` of the patient is noted since then."""
    noted = select(col(Event.id)).where(
        col(Event.clinic_id) == clinic_id,
        col(Event.patient_id) == patient_id,
        col(Event.at) > since,
        col(Event.kind) == f"{what}.read",
        col(Event.actor_id) == staff_id,
    )
    return bool((await reading.execute(select(noted.exists()))).scalar_one())


def _read(event: Event, staff: Staff | None, *, named: bool) -> RecordRead:
    permissions = frozenset(each for each in Permission if staff is not None and each in staff.permissions)
    return RecordRead(
        event_id=event.id, at=event.at, area=area_of(event.kind), reader=ActorKind(event.actor_kind),
        reader_name=staff.name if staff is not None and named else None,
        reader_role=role_of(permissions) if staff is not None else None,
    )  # fmt: skip


async def copies(reading: Reading, patient_id: UUID, account_id: UUID) -> list[CopyView]:
    """What this account asked for of this record, latest first."""
    mine = (col(PrivacyExport.patient_id) == patient_id, col(PrivacyExport.account_id) == account_id)
    statement = select(PrivacyExport).where(*mine).order_by(col(PrivacyExport.asked_at).desc()).limit(MOST_SHOWN)
    return [copy_view(row) for row in (await reading.execute(statement)).scalars()]


def copy_view(row: PrivacyExport) -> CopyView:
    return CopyView(
        export_id=row.id, state=CopyState(row.state), asked_at=row.asked_at, ready_at=row.ready_at,
        expires_at=row.expires_at, size_bytes=row.size_bytes,
    )  # fmt: skip


async def copies_asked(reading: Reading) -> list[CopyAsked]:
    """The clinic's copies, latest first."""
    statement = select(PrivacyExport).order_by(col(PrivacyExport.asked_at).desc()).limit(MOST_SHOWN)
    rows = (await reading.execute(statement)).scalars()
    return [CopyAsked(patient_id=row.patient_id, tries=row.attempts, asked=copy_view(row)) for row in rows]


async def erasures(reading: Reading) -> list[ErasureView]:
    """The clinic's erasures, latest first."""
    held = select(LegalHold).where(
        col(LegalHold.clinic_id) == Erasure.clinic_id,
        col(LegalHold.patient_id) == Erasure.patient_id,
        col(LegalHold.lifted_at).is_(None),
    )
    statement = select(Erasure, held.exists()).order_by(col(Erasure.confirmed_at).desc()).limit(MOST_SHOWN)
    return [erasure_view(row, waits=waits) for row, waits in await reading.execute(statement)]


def erasure_view(row: Erasure, *, waits: bool) -> ErasureView:
    return ErasureView(
        erasure_id=row.id, patient_id=row.patient_id, state=ErasureState(row.state), confirmed_at=row.confirmed_at,
        done_at=row.done_at, keep_until=row.keep_until, archived=row.archive_bytes is not None, held=waits,
    )  # fmt: skip


async def archive_kept(reading: Reading, clinic_id: UUID, patient_id: UUID, today: date) -> bool:
    """Whether of this erased patient an archive is kept beyond today: for who was erased it is what a hold can save."""
    kept = exists().where(
        col(Erasure.clinic_id) == clinic_id,
        col(Erasure.patient_id) == patient_id,
        col(Erasure.state) == ErasureState.DONE.value,
        col(Erasure.archive_bytes).is_not(None),
        col(Erasure.keep_until) > today,
    )
    return bool((await reading.execute(select(kept))).scalar_one())


async def being_erased(reading: Reading, patient_id: UUID) -> bool:
    """Whether an erasure of this patient was confirmed and has still to be carried out."""
    return bool((await reading.execute(select(being_erased_sql(patient_id)))).scalar_one())


def being_erased_sql(patient_id: Any) -> ColumnElement[bool]:
    """SQL: the same, of an id or a column that holds one."""
    return exists().where(col(Erasure.patient_id) == patient_id, col(Erasure.state) == ErasureState.CONFIRMED.value)


async def erasures_confirmed(reading: Reading, whose: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Of (clinic_id, patient_id) of one or many clinics those whose erasure was confirmed and has still to be done."""
    statement = select(col(Erasure.clinic_id), col(Erasure.patient_id)).where(
        col(Erasure.clinic_id) == func.any(sorted({clinic_id for clinic_id, _ in whose})),
        col(Erasure.patient_id) == func.any(sorted({patient_id for _, patient_id in whose})),
        col(Erasure.state) == ErasureState.CONFIRMED.value,
    )
    return {(row[0], row[1]) for row in await reading.execute(statement)}


async def holds(reading: Reading, patient_id: UUID) -> list[HoldView]:
    """A patient's legal holds, latest first."""
    statement = select(LegalHold).where(col(LegalHold.patient_id) == patient_id)
    rows = (await reading.execute(statement.order_by(col(LegalHold.set_at).desc()).limit(MOST_SHOWN))).scalars()
    return [
        HoldView(
            hold_id=row.id, patient_id=row.patient_id, reason=row.reason, set_at=row.set_at, lifted_at=row.lifted_at
        )
        for row in rows
    ]


async def erased_names(reading: Reading, clinic_id: UUID, source: str, names: Sequence[str]) -> set[str]:
    """Which of these names were erased and must not come back: one statement, one hash a name and salt."""
    given = func.unnest(literal(list(names), ARRAY(TEXT))).table_valued(column("name", TEXT), name="given")
    given = given.render_derived()
    salts = select(col(Erased.salt)).where(col(Erased.clinic_id) == clinic_id).distinct().subquery("salts")
    # The SQL twin of `clinic.privacy.name_digest`.
    head = salts.c.salt.concat(literal(source.encode() + b"\0"))
    digest = func.sha256(head.concat(func.convert_to(given.c.name, "UTF8")))
    listed = exists().where(col(Erased.clinic_id) == clinic_id, col(Erased.digest) == digest)
    statement = select(given.c.name).select_from(given).join(salts, true()).where(listed)
    return set((await reading.execute(statement)).scalars())


async def asks_erasure(reading: Reading, clinic_id: UUID, request_id: UUID) -> UUID | None:
    """Whose erasure this request asks for; None where it is another request, or none."""
    statement = select(col(PatientRequest.patient_id)).where(
        col(PatientRequest.clinic_id) == clinic_id,
        col(PatientRequest.id) == request_id,
        col(PatientRequest.kind) == RequestKind.ERASURE.value,
    )
    return (await reading.execute(statement)).scalar_one_or_none()
