"""Rows of the clinic: itself, its branches, staff, patients, who may see whom, and visits."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow
from core.upsert import SyncedRow, synced_key

_STANDING_OWN = text("relation = 'self' and revoked_at is null")


class Clinic(SQLModel, table=True):
    """The tenant: a practice or a chain. Its id is the `clinic_id` of everything."""

    __tablename__ = "clinic"

    clinic_id: UUID = Field(primary_key=True)
    name: str
    country: str
    currency: str
    language: str
    created_at: datetime


class Branch(TenantRow, table=True):
    __tablename__ = "branch"
    __table_args__ = (Index("branch_name", "clinic_id", "name", unique=True),)  # sync names branches

    name: str
    zone: str
    opens: time = time(9, 0)
    closes: time = time(20, 0)
    phone: str = ""
    address: str = ""


class Staff(TenantRow, table=True):
    __tablename__ = "staff"
    __table_args__ = (Index("staff_account", "clinic_id", "account_id", unique=True),)

    account_id: UUID = Field(foreign_key="account.id")
    name: str
    permissions: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    left_at: datetime | None = None


class Patient(SyncedRow, table=True):
    __tablename__ = "patient"
    __table_args__ = (
        synced_key("patient"),
        ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="patient_branch"),
        Index("patient_phone", "clinic_id", "phone"),
    )

    branch_id: UUID
    given_name: str
    family_name: str
    birth_date: date
    phone: str | None = None
    language: str


class Access(TenantRow, table=True):
    """An account may open a patient's record: its own, or as guardian a ward's."""

    __tablename__ = "access"
    __table_args__ = (
        of_patient("access"),
        Index("access_account", "clinic_id", "account_id", "patient_id", unique=True),
        Index("access_patient", "clinic_id", "patient_id"),
        # Who asks for "my" record gets one, and always the same.
        Index("access_own", "clinic_id", "account_id", unique=True, postgresql_where=_STANDING_OWN),
    )

    account_id: UUID = Field(foreign_key="account.id")
    patient_id: UUID
    relation: str
    granted_at: datetime
    ends_at: datetime | None = None
    revoked_at: datetime | None = None


class LinkCode(TenantRow, table=True):
    """Handed out at the desk to a person whose document was seen; opens one record to one account."""

    __tablename__ = "link_code"
    __table_args__ = (of_patient("link_code"), Index("link_code_hash", "clinic_id", "code_hash", unique=True))

    patient_id: UUID
    relation: str
    code_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    expires_at: datetime
    used_at: datetime | None = None


class Appointment(SyncedRow, table=True):
    __tablename__ = "appointment"
    __table_args__ = (
        synced_key("appointment"),
        of_patient("appointment"),
        ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="appointment_branch"),
        Index("appointment_of_patient", "clinic_id", "patient_id", "starts_at"),
    )

    patient_id: UUID
    branch_id: UUID
    starts_at: datetime
    ends_at: datetime
    status: str
    service: str
    practitioner: str = ""
