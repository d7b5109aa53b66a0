"""Rows of referrals: each patient's code for friends, and who came by it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow


class ReferralCode(SQLModel, table=True):
    """Kept as it is written: it is made to be passed on, and opens nothing."""

    __tablename__ = "referral_code"
    __table_args__ = (
        of_patient("referral_code"),
        Index("referral_code_code", "clinic_id", "code", unique=True),
    )

    clinic_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    code: str


class Referral(TenantRow, table=True):
    """`patient_id` was brought by `referrer_id`; one introduction a patient."""

    __tablename__ = "referral"
    __table_args__ = (
        of_patient("referral"),
        ForeignKeyConstraint(
            ["clinic_id", "referrer_id"], ["patient.clinic_id", "patient.id"], name="referral_referrer"
        ),
        Index("referral_once", "clinic_id", "patient_id", unique=True),
        Index("referral_of_referrer", "clinic_id", "referrer_id"),
        Index("referral_bound", "clinic_id", "bound_at", postgresql_where=text("state = 'bound'")),
    )

    patient_id: UUID
    referrer_id: UUID
    state: str
    bound_at: datetime
    rewarded_at: datetime | None = None
