"""Rows of prepaid cards and of the sessions used on them here."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import APPEND_ONLY, TRIGGERS
from core.upsert import SyncedRow, synced_key


class PrepaidCard(SyncedRow, table=True):
    __tablename__ = "prepaid_card"
    __table_args__ = (
        synced_key("prepaid_card"),
        of_patient("prepaid_card"),
        CheckConstraint("used between 0 and sessions", name="prepaid_card_used"),
        Index("prepaid_card_of_patient", "clinic_id", "patient_id", "id"),
        Index(
            "prepaid_card_ending", "clinic_id", "expires_on",
            postgresql_where=text("used < sessions and expires_on is not null"),
        ),
        {"info": {TRIGGERS: Told("cards", subject="patient_id")}},
    )  # fmt: skip

    patient_id: UUID
    title: str
    service: str
    sessions: int
    used: int = Field(default=0)
    expires_on: date | None = None
    # Set when the patient was erased: its uses still point here, nobody finds it any more.
    erased_at: datetime | None = None


class CardUse(TenantRow, table=True):
    """A session used (+1), or given back (-1). `cause` names why, once for each card: a repeat uses nothing."""

    __tablename__ = "card_use"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "card_id"], ["prepaid_card.clinic_id", "prepaid_card.id"], name="card_use_card"
        ),
        Index("card_use_cause", "clinic_id", "card_id", "cause", unique=True),
        {"info": {APPEND_ONLY: True}},
    )

    card_id: UUID
    sessions: int
    cause: str
    actor_kind: str
    actor_id: UUID | None = None
    at: datetime
