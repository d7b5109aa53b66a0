"""Rows of identity. They belong to no clinic (one person may come to several) and hold no health fact."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from core.ids import new_id


class Account(SQLModel, table=True):
    """A person who signs in: by phone (patients) or by e-mail and password (staff)."""

    __tablename__ = "account"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    phone: str | None = Field(default=None, unique=True)
    email: str | None = Field(default=None, unique=True)
    password_hash: str | None = None
    created_at: datetime


class CodeChallenge(SQLModel, table=True):
    """One code sent to one phone. The code itself is not kept, only its keyed hash."""

    __tablename__ = "code_challenge"
    __table_args__ = (
        Index("code_challenge_phone", "phone", "created_at"),
        Index("code_challenge_created", "created_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    phone: str
    address: str
    code_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    tries_left: int
    failures: int = 0
    sent: bool
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class PasswordTry(SQLModel, table=True):
    """Tries at one e-mail lately, whether or not anybody has it: from one place, from a known device, or in all."""

    __tablename__ = "password_try"
    __table_args__ = (Index("password_try_failed", "failed_at"),)

    bucket: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    failures: int
    failed_at: datetime


class Session(SQLModel, table=True):
    """A signed-in device: one family of refresh tokens, numbered by `generation`.

    Neither this row nor the server's key alone can make a token of the family: it takes both.
    """

    __tablename__ = "session"
    __table_args__ = (Index("session_account", "account_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    clinic_id: UUID
    audience: str
    device_key: str
    device_name: str = ""
    refresh_seed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    generation: int = 0
    rotated_at: datetime | None = None
    created_at: datetime
    last_seen_at: datetime
    idle_until: datetime
    ends_at: datetime
    revoked_at: datetime | None = None


class PartnerApp(SQLModel, table=True):
    """A clinic's own system that pushes facts in; `system` names whose external ids it speaks of."""

    __tablename__ = "partner_app"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    clinic_id: UUID
    name: str
    system: str
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    created_at: datetime
    revoked_at: datetime | None = None
