"""Rows of the clinic's price list."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Price(SQLModel, table=True):
    """One line, by its place in the list. The list is set as a whole."""

    __tablename__ = "price"

    clinic_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    names: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    price_minor: int = Field(sa_type=BigInteger)
    up_to_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str
