"""Rows of coupons, the bills they were redeemed on, and tries at codes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import TRIGGERS

_NOT_REVERSED = text("state <> 'reversed'")
_PICKED = text("state = 'picked'")


class Redemption(TenantRow, table=True):
    """One bill of one patient and what promotions, a card and points took off it. A bill is settled once."""

    __tablename__ = "redemption"
    __table_args__ = (
        of_patient("redemption"),
        Index(
            "redemption_bill", "clinic_id", "source", "bill",
            unique=True, postgresql_where=text("reversed_at is null"),
        ),
        Index("redemption_number", "clinic_id", "bill", "id"),
        Index("redemption_of_patient", "clinic_id", "patient_id", "id"),
    )  # fmt: skip

    patient_id: UUID
    source: str
    bill: str
    ask_hash: str
    currency: str
    price_minor: int = Field(sa_type=BigInteger)
    left_minor: int = Field(sa_type=BigInteger)
    # What each effect took: [{"kind", "source_id", "amount_minor"}], in the order of the price rule.
    taken: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    card_id: UUID | None = None
    points: int = 0
    made_by_kind: str
    made_by: UUID | None = None
    at: datetime
    reversed_at: datetime | None = None
    reversal_reason: str = ""


class Coupon(TenantRow, table=True):
    """The code itself is not kept: it is spelled anew from the server's key and the id, for its owner only."""

    __tablename__ = "coupon"
    __table_args__ = (
        of_patient("coupon"),
        ForeignKeyConstraint(
            ["clinic_id", "promotion_id"], ["promotion.clinic_id", "promotion.id"], name="coupon_promotion"
        ),
        ForeignKeyConstraint(
            ["clinic_id", "redemption_id"], ["redemption.clinic_id", "redemption.id"], name="coupon_redemption"
        ),
        Index("coupon_code", "clinic_id", "code_hash", unique=True),
        Index(
            "coupon_once", "clinic_id", "promotion_id", "patient_id", unique=True, postgresql_where=_NOT_REVERSED
        ),
        Index("coupon_of_patient", "clinic_id", "patient_id", "id"),
        Index("coupon_of_redemption", "clinic_id", "redemption_id"),
        Index("coupon_due", "expires_at", postgresql_where=_PICKED),
        {"info": {TRIGGERS: Told("coupons", subject="patient_id")}},
    )  # fmt: skip

    promotion_id: UUID
    patient_id: UUID
    code_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str
    picked_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None = None
    redemption_id: UUID | None = None


class CodeTry(TenantRow, table=True):
    """Tries at codes in the hour that began at `since`; `id` is the account, colleague or app that tries."""

    __tablename__ = "code_try"

    tries: int
    since: datetime
