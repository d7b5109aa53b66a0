"""Rows of promotions: what the clinic offers for a time, and who is on the list of those for few."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.changes import TO_EVERYBODY, Told
from core.schema import TRIGGERS
from core.upsert import SyncedRow, synced_key


def _default(value: str) -> dict[str, Any]:
    return {"server_default": text(value)}


class PromotionRow(SyncedRow, table=True):
    """`texts` are `{language: {"title", "terms"}}`; `default_language` is one of them.

    `criteria` is a tree that automation understands; here it is only kept. `picked` counts the coupons that hold a
    place of the `stock`.
    """

    __tablename__ = "promotion"
    __table_args__ = (
        synced_key("promotion"),
        Index("promotion_ends", "clinic_id", "ends_on"),
        CheckConstraint("picked >= 0", name="promotion_picked"),
        {"info": {TRIGGERS: Told("promotions", patient=TO_EVERYBODY, subject=TO_EVERYBODY, quiet=("picked",))}},
    )

    texts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    default_language: str
    starts_on: date
    ends_on: date
    min_age: int | None = None
    languages: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    state: str = Field(default="published", sa_column_kwargs=_default("'published'"))
    audience: str = Field(default="all", sa_column_kwargs=_default("'all'"))
    criteria: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    with_coupon: bool = Field(default=False, sa_column_kwargs=_default("false"))
    coupon_days: int | None = None
    stock: int | None = None
    picked: int = Field(default=0, sa_column_kwargs=_default("0"))
    basis_points: int = Field(default=0, sa_column_kwargs=_default("0"))
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    minimum_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    combinable: bool = Field(default=True, sa_column_kwargs=_default("true"))


class PromotionListed(SQLModel, table=True):
    """A patient to whom a promotion with a list is shown. Whoever was listed stays so until it ends."""

    __tablename__ = "promotion_listed"
    __table_args__ = (
        of_patient("promotion_listed"),
        ForeignKeyConstraint(
            ["clinic_id", "promotion_id"], ["promotion.clinic_id", "promotion.id"], name="promotion_listed_promotion"
        ),
        {"info": {TRIGGERS: Told("promotions", subject="patient_id")}},
    )

    clinic_id: UUID = Field(primary_key=True)
    promotion_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    listed_at: datetime
