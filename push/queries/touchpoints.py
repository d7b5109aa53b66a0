"""One list of all that was said to a patient: sent, not sent and why, arrived, opened, answered, stopped."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, and_, case, cast, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Integer, Text
from sqlmodel import col

from core.database import MOMENT_PARAMETER, UUID_PARAMETER, Reading
from core.events import Event
from core.moments import Moment
from core.values import Int32, Value
from push.tables import DeliveryRow, NoticeRow, SaidRow


class What(StrEnum):
    SENT = "sent"
    """A try to reach them: `state` and `reason` say what came of it."""
    WAITING = "waiting"
    """A notice of which nothing went out yet, or that was taken back before."""
    ANSWERED = "answered"
    STOPPED = "stopped"
    STARTED = "started"
    TALKED = "talked"
    """On the telephone, either way."""
    MISSED = "missed"
    """A call that nobody answered, either way."""


# What patients do of themselves, and calls, as events tell it.
_TOLD = {
    "push.answered": What.ANSWERED,
    "consent.withdrawn": What.STOPPED,
    "consent.granted": What.STARTED,
    "phone_call.talked": What.TALKED,
    "phone_call.missed": What.MISSED,
}


class Touchpoint(Value):
    """One line. It holds ids and codes, and no word that was said."""

    touchpoint_id: UUID
    what: What
    at: Moment
    notice_id: UUID | None
    kind: str | None = Field(max_length=60, examples=["visit"])
    purpose: str | None = Field(max_length=60, examples=["service"])
    channel: str = Field(max_length=60, examples=["sms"])
    state: str | None = Field(max_length=60, examples=["accepted"])
    reason: str = Field(max_length=200, description="Why not, or why so; a stable code.", examples=["no-consent"])
    accepted_at: Moment | None
    delivered_at: Moment | None
    opened_at: Moment | None
    template_id: UUID | None = Field(description="The clinic's own text that was said, with its version and variant.")
    template_version: Int32 | None
    variant: str | None = Field(max_length=20)


async def touchpoints(
    reading: Reading, clinic_id: UUID, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Touchpoint]:
    """Newest first, past the key `after`; one statement, each of its parts by an index of the patient."""
    parts = [_sent(clinic_id, patient_id), _waiting(clinic_id, patient_id), _told(clinic_id, patient_id)]
    whole = union_all(*parts).subquery()
    statement = select(whole).order_by(whole.c.at.desc(), whole.c.touchpoint_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(func.row(whole.c.at, whole.c.touchpoint_id) < func.row(*after))
    return [Touchpoint.model_validate(dict(row)) for row in (await reading.execute(statement)).mappings()]


def _sent(clinic_id: UUID, patient_id: UUID) -> Select[Any]:
    notice = and_(col(NoticeRow.clinic_id) == DeliveryRow.clinic_id, col(NoticeRow.id) == col(DeliveryRow.notice_id))
    said = and_(col(SaidRow.clinic_id) == DeliveryRow.clinic_id, col(SaidRow.id) == col(DeliveryRow.id))
    columns: tuple[Any, ...] = (
        col(DeliveryRow.id), literal(What.SENT.value), col(DeliveryRow.created_at), col(NoticeRow.id),
        col(NoticeRow.kind), col(NoticeRow.purpose), col(DeliveryRow.channel), col(DeliveryRow.state),
        col(DeliveryRow.reason), col(DeliveryRow.accepted_at), col(DeliveryRow.delivered_at),
        col(DeliveryRow.opened_at), col(SaidRow.template_id), col(SaidRow.version), col(SaidRow.variant),
    )  # fmt: skip
    mine = (col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.patient_id) == patient_id, ~col(NoticeRow.silent))
    return _named(columns).select_from(DeliveryRow).join(NoticeRow, notice).outerjoin(SaidRow, said).where(*mine)


def _waiting(clinic_id: UUID, patient_id: UUID) -> Select[Any]:
    tried = select(col(DeliveryRow.id)).where(
        col(DeliveryRow.clinic_id) == NoticeRow.clinic_id, col(DeliveryRow.notice_id) == NoticeRow.id
    )
    columns: tuple[Any, ...] = (
        col(NoticeRow.id), literal(What.WAITING.value), col(NoticeRow.created_at), col(NoticeRow.id),
        col(NoticeRow.kind), col(NoticeRow.purpose), literal(""), col(NoticeRow.state), col(NoticeRow.reason),
        *_no_moments(), col(NoticeRow.opened_at), *_no_text(),
    )  # fmt: skip
    mine = (col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.patient_id) == patient_id, ~col(NoticeRow.silent))
    return _named(columns).select_from(NoticeRow).where(*mine, ~tried.exists())


def _told(clinic_id: UUID, patient_id: UUID) -> Select[Any]:
    facts = cast(col(Event.facts), JSONB)
    what = case({kind: told.value for kind, told in _TOLD.items()}, value=col(Event.kind))
    columns: tuple[Any, ...] = (
        col(Event.id), what, col(Event.at), cast(null(), UUID_PARAMETER),
        cast(null(), Text), facts["purpose"].astext, func.coalesce(facts["channel"].astext, ""), cast(null(), Text),
        func.coalesce(facts["how"].astext, ""), *_no_moments(), cast(null(), MOMENT_PARAMETER), *_no_text(),
    )  # fmt: skip
    mine = (col(Event.clinic_id) == clinic_id, col(Event.patient_id) == patient_id)
    return _named(columns).select_from(Event).where(*mine, col(Event.kind).in_(sorted(_TOLD)))


def _no_moments() -> tuple[Any, ...]:
    return cast(null(), MOMENT_PARAMETER), cast(null(), MOMENT_PARAMETER)


def _no_text() -> tuple[Any, ...]:
    return cast(null(), UUID_PARAMETER), cast(null(), Integer), cast(null(), Text)


_NAMES = (
    "touchpoint_id", "what", "at", "notice_id", "kind", "purpose", "channel", "state", "reason", "accepted_at",
    "delivered_at", "opened_at", "template_id", "template_version", "variant",
)  # fmt: skip


def _named(columns: tuple[Any, ...]) -> Select[Any]:
    return select(*(column.label(name) for column, name in zip(columns, _NAMES, strict=True)))
