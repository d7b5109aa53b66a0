"""Rows of telephone systems that tell us of calls, of who sits at which of their extensions, and of the calls."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow


class PhoneExchange(TenantRow, table=True):
    """A telephone system of a clinic. Its secret is made of its id by the house's key, and stands nowhere."""

    __tablename__ = "phone_exchange"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="phone_exchange_branch"
        ),
    )

    name: str
    branch_id: UUID | None = None
    version: int = 1
    made_at: datetime
    ended_at: datetime | None = None


class PhoneExtension(SQLModel, table=True):
    """Who sits at an extension."""

    __tablename__ = "phone_extension"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "exchange_id"], ["phone_exchange.clinic_id", "phone_exchange.id"],
            name="phone_extension_exchange",
        ),
        ForeignKeyConstraint(["clinic_id", "staff_id"], ["staff.clinic_id", "staff.id"], name="phone_extension_staff"),
    )  # fmt: skip

    clinic_id: UUID = Field(primary_key=True)
    exchange_id: UUID = Field(primary_key=True)
    extension: str = Field(primary_key=True)
    staff_id: UUID


class PhoneCall(TenantRow, table=True):
    """One call, whatever was told of it in whatever order. `number` is kept of strangers alone, for a month.

    `verdict`: what came of it as far as its effects were carried out.
    """

    __tablename__ = "phone_call"
    __table_args__ = (
        of_patient("phone_call"),
        ForeignKeyConstraint(
            ["clinic_id", "exchange_id"], ["phone_exchange.clinic_id", "phone_exchange.id"], name="phone_call_exchange"
        ),
        ForeignKeyConstraint(["clinic_id", "staff_id"], ["staff.clinic_id", "staff.id"], name="phone_call_staff"),
        Index("phone_call_once", "clinic_id", "exchange_id", "call_key", unique=True),
        Index("phone_call_of_patient", "clinic_id", "patient_id", "first_at", "id"),
        # The sweep crosses clinics.
        Index("phone_call_stranger", "first_at", postgresql_where=text("number is not null")),
    )

    exchange_id: UUID
    call_key: str
    direction: str
    patient_id: UUID | None = None
    number: str | None = None
    staff_id: UUID | None = None
    first_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    missed_at: datetime | None = None
    recording_url: str | None = None
    verdict: str = "unknown"
