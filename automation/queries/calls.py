"""Telephone systems of a clinic, and the calls they told of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, func, select
from sqlmodel import col

from automation.tables import PhoneCall, PhoneExchange, PhoneExtension
from automation.telephone import CallDirection, CallVerdict
from core.database import Reading, Sweeping
from core.moments import Moment
from core.values import Int32, ShortText, Value

MOST_EXCHANGES, MOST_EXTENSIONS = 50, 500


class PhoneSeat(Value):
    extension: ShortText = Field(examples=["204"])
    staff_id: UUID


class ExchangeView(Value):
    """A telephone system that may tell of calls. No secret is told."""

    exchange_id: UUID
    name: str = Field(examples=["Reception"])
    branch_id: UUID | None
    extensions: list[PhoneSeat] = Field(max_length=MOST_EXTENSIONS)
    version: Int32


class CallView(Value):
    call_id: UUID
    direction: CallDirection
    verdict: CallVerdict = Field(description="`talked`, `missed`, or `unknown` yet.")
    staff_id: UUID | None
    at: Moment
    answered_at: Moment | None
    ended_at: Moment | None
    has_recording: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    clinic_id: UUID
    exchange_id: UUID
    branch_id: UUID | None


async def exchange_anywhere(sweeping: Sweeping, exchange_id: UUID) -> Exchange | None:
    """The address of a hook names no clinic."""
    live = (col(PhoneExchange.id) == exchange_id, col(PhoneExchange.ended_at).is_(None))
    row = (await sweeping.execute(select(PhoneExchange).where(*live))).scalar_one_or_none()
    return None if row is None else Exchange(row.clinic_id, row.id, row.branch_id)


async def exchanges(reading: Reading, clinic_id: UUID, exchange_id: UUID | None = None) -> list[ExchangeView]:
    """Those that have not been ended, in the order in which they were made; two statements."""
    live = [col(PhoneExchange.clinic_id) == clinic_id, col(PhoneExchange.ended_at).is_(None)]
    if exchange_id is not None:
        live.append(col(PhoneExchange.id) == exchange_id)
    found = select(PhoneExchange).where(*live).order_by(col(PhoneExchange.id)).execution_options(populate_existing=True)
    rows = (await reading.execute(found)).scalars().all()
    seats = await _extensions(reading, clinic_id, [row.id for row in rows])
    return [
        ExchangeView(
            exchange_id=row.id, name=row.name, branch_id=row.branch_id, extensions=seats.get(row.id, []),
            version=row.version,
        )
        for row in rows
    ]  # fmt: skip


async def _extensions(reading: Reading, clinic_id: UUID, ids: Sequence[UUID]) -> dict[UUID, list[PhoneSeat]]:
    of = (col(PhoneExtension.clinic_id) == clinic_id, col(PhoneExtension.exchange_id) == func.any(list(ids)))
    columns = (col(PhoneExtension.exchange_id), col(PhoneExtension.extension), col(PhoneExtension.staff_id))
    found: dict[UUID, list[PhoneSeat]] = {}
    for exchange_id, extension, staff_id in await reading.execute(select(*columns).where(*of).order_by(*columns)):
        found.setdefault(exchange_id, []).append(PhoneSeat(extension=extension, staff_id=staff_id))
    return found


async def calls_of_patient(
    reading: Reading, clinic_id: UUID, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[CallView]:
    """Newest first."""
    statement: Select[Any] = select(PhoneCall).where(
        col(PhoneCall.clinic_id) == clinic_id, col(PhoneCall.patient_id) == patient_id
    )
    if after is not None:
        statement = statement.where(func.row(col(PhoneCall.first_at), col(PhoneCall.id)) < func.row(*after))
    ordered = statement.order_by(col(PhoneCall.first_at).desc(), col(PhoneCall.id).desc()).limit(limit)
    return [
        CallView(
            call_id=row.id, direction=CallDirection(row.direction), verdict=CallVerdict(row.verdict),
            staff_id=row.staff_id, at=row.first_at, answered_at=row.answered_at, ended_at=row.ended_at,
            has_recording=row.recording_url is not None,
        )
        for row in (await reading.execute(ordered)).scalars()
    ]  # fmt: skip


async def recording_of(reading: Reading, clinic_id: UUID, call_id: UUID) -> tuple[UUID | None, str] | None:
    """Of whom (None: a stranger) and where the recording lies; None where there is none."""
    columns = (col(PhoneCall.patient_id), col(PhoneCall.recording_url))
    named = (col(PhoneCall.clinic_id) == clinic_id, col(PhoneCall.id) == call_id)
    row = (await reading.execute(select(*columns).where(*named))).one_or_none()
    return None if row is None or row[1] is None else (row[0], row[1])
