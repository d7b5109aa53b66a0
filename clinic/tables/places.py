"""Rows of the house: the clinic, its branches and its staff."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import Column, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from core.database import TenantRow
from core.events import Xid8


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
    # What patients may do about visits here by themselves (`clinic.appointment`).
    booking: str = Field(default="request", sa_column_kwargs={"server_default": text("'request'")})
    cancel_notice_hours: int = Field(default=24, sa_column_kwargs={"server_default": text("24")})
    most_ahead: int = Field(default=3, sa_column_kwargs={"server_default": text("3")})


class Staff(TenantRow, table=True):
    __tablename__ = "staff"
    __table_args__ = (Index("staff_account", "clinic_id", "account_id", unique=True),)

    account_id: UUID = Field(foreign_key="account.id")
    name: str
    permissions: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    # To which branches' conversations somebody is tied; empty: to none, all are theirs.
    branch_ids: list[UUID] = Field(
        default_factory=list, sa_column=Column(ARRAY(Uuid()), nullable=False, server_default=text("'{}'"))
    )
    # In which transaction that was said last: what a desk knows from before it may no longer hold.
    tied_xid: int = Field(default=None, sa_column=Column(Xid8, nullable=False, server_default=text("'0'")))
    left_at: datetime | None = None
