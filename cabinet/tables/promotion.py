"""Rows of promotions: what the clinic offers for a time."""

from datetime import date
from typing import Any

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field

from core.upsert import SyncedRow, synced_key


class PromotionRow(SyncedRow, table=True):
    """`texts` are `{language: {"title", "terms"}}`; `default_language` is one of them."""

    __tablename__ = "promotion"
    __table_args__ = (synced_key("promotion"), Index("promotion_ends", "clinic_id", "ends_on"))

    texts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    default_language: str
    starts_on: date
    ends_on: date
    min_age: int | None = None
    languages: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
