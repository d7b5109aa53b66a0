"""Rows of payments: what a patient set out to pay through us, and the links that ask for it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, LargeBinary, text
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import PRIVATE_WITH, TRIGGERS

_OPEN = text("status in ('created', 'pending')")


class PaymentIntent(TenantRow, table=True):
    """Its id is the idempotency key at the provider: however often it is asked for, it is made there once.

    `booked` (all of it) and `refunds_booked_minor` are what the clinic's books say of it, written when the books
    arrive: asked of the books themselves, who may not see a private entry would be told otherwise.
    """

    __tablename__ = "payment_intent"
    __table_args__ = (
        of_patient("payment_intent"),
        ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name="payment_intent_plan"),
        Index("payment_intent_of_patient", "clinic_id", "patient_id", "id"),
        # One at a time: two phones, or a phone and a link, never pay the same debt twice.
        Index("payment_intent_open", "clinic_id", "patient_id", unique=True, postgresql_where=_OPEN),
        Index("payment_intent_due", "look_at", postgresql_where=_OPEN),
        Index("payment_intent_provider", "clinic_id", "provider_id"),
        {
            "info": {
                TRIGGERS: Told("account", subject="patient_id", quiet=("look_at",)),
                PRIVATE_WITH: {"plan_id": "plan"},
            }
        },
    )

    patient_id: UUID
    plan_id: UUID | None = None
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    status: str
    provider: str
    # What the page says and leads back to, as asked for first: the provider refuses another under the same key.
    title: str
    return_url: str
    provider_id: str | None = None
    page: str | None = None
    refunded_minor: int = Field(default=0, sa_type=BigInteger)
    booked: bool = False
    refunds_booked_minor: int = Field(default=0, sa_type=BigInteger)
    made_by_kind: str
    made_by: UUID | None = None
    made_at: datetime
    expires_at: datetime
    look_at: datetime
    settled_at: datetime | None = None
    private: bool = False
    # The private thing that hides it, where it was not marked for itself (`core.private`).
    hidden_by: UUID | None = None


class PayLink(TenantRow, table=True):
    """A short address that lets whoever holds it pay one amount, without signing in."""

    __tablename__ = "pay_link"
    __table_args__ = (
        of_patient("pay_link"),
        ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name="pay_link_plan"),
        ForeignKeyConstraint(
            ["clinic_id", "payment_id"], ["payment_intent.clinic_id", "payment_intent.id"], name="pay_link_payment"
        ),
        Index("pay_link_of_patient", "clinic_id", "patient_id", "id"),
        Index("pay_link_token", "clinic_id", "token_hash", unique=True),
    )

    patient_id: UUID
    plan_id: UUID | None = None
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    payment_id: UUID | None = None
    made_by_kind: str
    made_by: UUID | None = None
    made_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None = None
