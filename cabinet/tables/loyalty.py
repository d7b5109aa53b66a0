"""Rows of points: the clinic's programme, each patient's account, its lots, and the ledger of all that happened."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.changes import TO_EVERYBODY, Told
from core.database import TenantRow
from core.schema import APPEND_ONLY, ERASABLE, PRIVATE_WITH, TRIGGERS


class ProgrammeRow(SQLModel, table=True):
    """What the clinic gives points for; one row a clinic.

    Each rule has its own beginning: what happened before the clinic gave points for such a thing earns nothing.
    """

    __tablename__ = "loyalty_programme"
    __table_args__ = ({"info": {TRIGGERS: Told("points", patient=TO_EVERYBODY, subject=TO_EVERYBODY)}},)

    clinic_id: UUID = Field(primary_key=True)
    worth_minor: int = Field(sa_type=BigInteger)
    currency: str
    basis_points: int
    per_visit: int
    life_days: int
    tiers: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    tier_days: int
    referrer_points: int
    friend_points: int
    visits_since: datetime
    payments_since: datetime
    referrals_since: datetime


class PointAccount(SQLModel, table=True):
    """A patient's balance. Its row is the lock under which everything of the account changes."""

    __tablename__ = "point_account"
    __table_args__ = (
        of_patient("point_account"),
        CheckConstraint("balance >= 0", name="point_account_balance"),
        {"info": {TRIGGERS: Told("points", subject="patient_id")}},
    )

    clinic_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    balance: int = Field(default=0, sa_type=BigInteger)


class PointLot(TenantRow, table=True):
    """The points of one accrual and what is left of them; hidden with the visit or the payment that earned them."""

    __tablename__ = "point_lot"
    __table_args__ = (
        of_patient("point_lot"),
        CheckConstraint("left_points between 0 and points", name="point_lot_left"),
        Index(
            "point_lot_of_patient", "clinic_id", "patient_id", "expires_at", postgresql_where=text("left_points > 0")
        ),
        Index("point_lot_due", "expires_at", postgresql_where=text("left_points > 0")),
        Index("point_lot_of_person", "clinic_id", "patient_id", "id"),
        {"info": {PRIVATE_WITH: {"visit_id": "appointment", "payment_id": "ledger_entry"}}},
    )

    patient_id: UUID
    points: int = Field(sa_type=BigInteger)
    left_points: int = Field(sa_type=BigInteger)
    expires_at: datetime
    visit_id: UUID | None = None
    payment_id: UUID | None = None
    private: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    hidden_by: UUID | None = None


class PointEntry(TenantRow, table=True):
    """One line of the ledger: points in (above zero) or out of one lot. `cause` names why, once for each lot."""

    __tablename__ = "point_entry"
    __table_args__ = (
        of_patient("point_entry"),
        ForeignKeyConstraint(["clinic_id", "lot_id"], ["point_lot.clinic_id", "point_lot.id"], name="point_entry_lot"),
        Index("point_entry_cause", "clinic_id", "cause", "patient_id", "lot_id", unique=True),
        # One cause earns once, whatever lot it would make.
        Index("point_entry_accrued", "clinic_id", "cause", unique=True, postgresql_where=text("kind = 'accrue'")),
        Index("point_entry_of_patient", "clinic_id", "patient_id", "at", "id"),
        {"info": {APPEND_ONLY: True, ERASABLE: ("reason",), PRIVATE_WITH: {"lot_id": "point_lot"}}},
    )

    patient_id: UUID
    lot_id: UUID
    kind: str
    points: int = Field(sa_type=BigInteger)
    cause: str
    reason: str = ""
    actor_kind: str
    actor_id: UUID | None = None
    at: datetime
    private: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    hidden_by: UUID | None = None


class JudgedPayment(TenantRow, table=True):
    """What an entry of the books was when it was last looked at for points; `id` is that entry's.

    `paid_minor` is the money it counts for (below zero: given back; zero: voided), `points` what the patient has for
    it (below zero: what was taken back). What became of those points afterwards changes neither.
    """

    __tablename__ = "judged_payment"
    __table_args__ = (of_patient("judged_payment"), Index("judged_payment_of_patient", "clinic_id", "patient_id", "id"))

    patient_id: UUID
    currency: str
    paid_minor: int = Field(sa_type=BigInteger)
    points: int = Field(sa_type=BigInteger)
