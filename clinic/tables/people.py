"""Rows of patients and of who may open whose record."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow
from core.upsert import SyncedRow, synced_key

_STANDING_OWN = text("relation = 'self' and revoked_at is null")


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
    email: str | None = None
    language: str
    # Set when the person was erased: what is left is a shell without a name, which row-level security hides.
    erased_at: datetime | None = None


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
    # What a guardian or carer may see and do (`clinic.household.AccessScope`); one's own record is open as a whole.
    scopes: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    granted_at: datetime
    ends_at: datetime | None = None
    revoked_at: datetime | None = None
    # A block outlives every grant: nobody opens the record by a code or a sync until staff lifts it.
    blocked_at: datetime | None = None
    block_reason: str | None = None
    # When the desk's invitation was taken up: what the clinic's own system only told of proves nobody.
    proven_at: datetime | None = None
    # The fact of the clinic's own system whose bounds this has; empty where the desk gave them.
    guardian_id: UUID | None = None


class Guardian(SyncedRow, table=True):
    """What the clinic's own system says of a guardian or carer: a phone, and what its owner may do.

    A phone alone opens nothing: it becomes access where its account has proven itself to this clinic by a link code.
    """

    __tablename__ = "guardian"
    __table_args__ = (
        synced_key("guardian"),
        of_patient("guardian"),
        Index("guardian_phone", "clinic_id", "phone"),
    )

    patient_id: UUID
    phone: str
    relation: str
    scopes: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    ends_on: date | None = None


class LinkCode(TenantRow, table=True):
    """Handed out at the desk to a person whose document was seen; opens one record to one account."""

    __tablename__ = "link_code"
    __table_args__ = (of_patient("link_code"), Index("link_code_hash", "clinic_id", "code_hash", unique=True))

    patient_id: UUID
    relation: str
    scopes: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    ends_at: datetime | None = None
    code_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    expires_at: datetime
    used_at: datetime | None = None
