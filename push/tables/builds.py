"""Rows of app builds: what an installed app is told before anybody signs in."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from core.database import TenantRow


class AppBuildRow(TenantRow, table=True):
    """One build of the clinic's app. Its credentials are the lines of its name."""

    __tablename__ = "app_build"
    __table_args__ = (UniqueConstraint("clinic_id", "name", name="app_build_name"),)

    name: str
    shown: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    minimum_version: str
    version: int = 1
    made_at: datetime
    changed_at: datetime
