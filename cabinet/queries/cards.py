"""A patient's prepaid cards."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, select
from sqlmodel import col

from cabinet.prepaid import Card, CardState, expires_soon, state_of
from cabinet.queries.fragments import named_person
from cabinet.tables.prepaid import PrepaidCard
from core.database import Reading
from core.moments import Day
from core.upsert import OWN_SOURCE
from core.values import Int32, Value

MOST_CARDS = 50


class CardView(Value):
    """A prepaid card. `is_own`: issued here; otherwise the clinic's own system keeps it and its count."""

    card_id: UUID
    title: str = Field(examples=["Five hygiene sessions"])
    service: str = Field(examples=["Hygiene"])
    sessions: Int32 = Field(examples=[5])
    left: Int32 = Field(examples=[3])
    expires_on: Day | None
    state: CardState
    expires_soon: bool = Field(description="Sessions would be lost within 30 days.")
    is_own: bool


async def cards(reading: Reading, patient_id: UUID, now: datetime, card_id: UUID | None = None) -> list[CardView]:
    """A patient's cards (or the one that is named), newest first, by the calendar of their branch."""
    person = named_person()
    named = [] if card_id is None else [col(PrepaidCard.id) == card_id]
    statement = (
        select(PrepaidCard, person.c.today)
        .join(person, and_(person.c.clinic_id == PrepaidCard.clinic_id, person.c.id == PrepaidCard.patient_id))
        .where(*named)
        .order_by(col(PrepaidCard.id).desc())
        .limit(MOST_CARDS)
    )
    fresh = statement.execution_options(populate_existing=True)  # a use may have come just before, in this session
    rows = await reading.execute(fresh, {"patient": patient_id, "now": now})
    return [_view(row.PrepaidCard, row.today) for row in rows]


def _view(row: PrepaidCard, today: Any) -> CardView:
    card = Card(row.sessions, row.used, row.expires_on)
    return CardView(
        card_id=row.id,
        title=row.title,
        service=row.service,
        sessions=row.sessions,
        left=card.left,
        expires_on=row.expires_on,
        state=state_of(card, today),
        expires_soon=expires_soon(card, today),
        is_own=row.source == OWN_SOURCE,
    )
