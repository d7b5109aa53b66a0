"""Rows of free times: slots of the clinic's system, who waits for one, and to whom one was offered."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER, TEXT
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import TRIGGERS
from core.upsert import SyncedRow, synced_key

_FREE = text("is_open and appointment_id is null")
_WAITING = text("status = 'waiting'")
_UNTOLD = text("notice_decided_at is null")


class SlotRow(SyncedRow, table=True):
    """A time that may be booked. The clinic's system says whether it `is_open`; that we booked it stands beside."""

    __tablename__ = "slot"
    __table_args__ = (
        synced_key("slot"),
        ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="slot_branch"),
        Index("slot_free", "clinic_id", "starts_at", "id", postgresql_where=_FREE),
        Index("slot_of_visit", "clinic_id", "appointment_id"),
        Index("slot_past", "ends_at"),
    )

    branch_id: UUID
    practitioner: str
    services: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    starts_at: datetime
    ends_at: datetime
    is_open: bool
    appointment_id: UUID | None = None
    # Until then only those to whom it was offered may take it.
    held_until: datetime | None = None


class WaitingEntry(TenantRow, table=True):
    """A patient waits for an earlier or a suitable time."""

    __tablename__ = "waiting_entry"
    __table_args__ = (
        of_patient("waiting_entry"),
        ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="waiting_branch"),
        Index("waiting_entry_of_patient", "clinic_id", "patient_id", "id"),
        Index("waiting_entry_queue", "clinic_id", "id", postgresql_where=_WAITING),
        # For one service a patient waits once.
        Index("waiting_entry_once", "clinic_id", "patient_id", "service", unique=True, postgresql_where=_WAITING),
        {"info": {TRIGGERS: Told("waiting_list", subject="patient_id")}},
    )

    patient_id: UUID
    branch_id: UUID | None = None
    service: str
    practitioner: str
    weekdays: list[int] = Field(sa_column=Column(ARRAY(INTEGER), nullable=False))
    parts: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    until: date
    status: str
    made_at: datetime
    ended_at: datetime | None = None
    # While an offer waits for an answer the entry gets no other.
    asked_until: datetime | None = None


class SlotOffer(TenantRow, table=True):
    """A freed time, offered to one who waits; the first of all who accept has it."""

    __tablename__ = "slot_offer"
    __table_args__ = (
        of_patient("slot_offer"),
        ForeignKeyConstraint(["clinic_id", "slot_id"], ["slot.clinic_id", "slot.id"], name="slot_offer_slot"),
        ForeignKeyConstraint(
            ["clinic_id", "entry_id"], ["waiting_entry.clinic_id", "waiting_entry.id"], name="slot_offer_entry"
        ),
        Index("slot_offer_of_patient", "clinic_id", "patient_id", "id"),
        Index("slot_offer_slot", "clinic_id", "slot_id"),
        Index("slot_offer_untold", "made_at", postgresql_where=_UNTOLD),
        {"info": {TRIGGERS: Told("waiting_list", subject="patient_id", quiet=("notice_decided_at",))}},
    )

    slot_id: UUID
    entry_id: UUID
    patient_id: UUID
    # When the slot began as it was offered: what its system moved since is another time.
    starts_at: datetime
    status: str
    made_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None
    # Whether the patient's phones are told of it was decided then.
    notice_decided_at: datetime | None = None
