"""Rows of money: the clinic's books as they were mirrored."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.schema import PRIVATE_WITH, TRIGGERS
from core.upsert import SyncedRow, synced_key

_PARENTS = {"plan_id": "plan", "appointment_id": "appointment"}


class LedgerEntry(SyncedRow, table=True):
    """`effect_minor` is what it adds to what is owed: payments are negative. A voided entry counts for nothing."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        synced_key("ledger_entry"),
        of_patient("ledger_entry"),
        ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name="ledger_entry_plan"),
        ForeignKeyConstraint(
            ["clinic_id", "appointment_id"], ["appointment.clinic_id", "appointment.id"], name="ledger_entry_visit"
        ),
        Index("ledger_entry_of_patient", "clinic_id", "patient_id", "posted_on", "id"),
        Index("ledger_entry_of_plan", "clinic_id", "plan_id"),
        Index("ledger_entry_reference", "clinic_id", "reference"),
        {"info": {TRIGGERS: Told("account", subject="patient_id"), PRIVATE_WITH: _PARENTS}},
    )

    patient_id: UUID
    kind: str
    effect_minor: int = Field(sa_type=BigInteger)
    currency: str
    posted_on: date
    due_on: date | None = None
    plan_id: UUID | None = None
    stage: int | None = None
    appointment_id: UUID | None = None
    reference: str | None = None
    text: str = ""
    voided: bool = False
    private: bool = False
    # The private thing that hides it, where it was not marked for itself (`core.private`).
    hidden_by: UUID | None = None
