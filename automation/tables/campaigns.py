"""Rows of campaigns, of who is in one, and of the clinic's rule for large ones."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow


class CampaignRow(TenantRow, table=True):
    """One campaign. Once asked for, its definition never changes.

    `size`: of its audience; as long as that is not fixed, what was told when it was asked for. `handed`: of how many
    the turn has come. `paced_until`: from when on the next message is free. `next_at`: when a worker must look at it,
    `follow_at`: when for responses; null: never more.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        Index("campaign_of_clinic", "clinic_id", "made_at", "id"),
        # The worker crosses clinics: it asks for what is due, wherever it is.
        Index("campaign_due", "next_at", postgresql_where=text("next_at is not null")),
        Index("campaign_follow_up", "follow_at", postgresql_where=text("follow_at is not null")),
    )

    definition: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    version: int = 1
    made_at: datetime
    made_by: UUID
    changed_at: datetime
    changed_by: UUID
    asked_at: datetime | None = None
    asked_by: UUID | None = None
    confirmed_at: datetime | None = None
    confirmed_by: UUID | None = None
    begins_at: datetime | None = None
    begun_at: datetime | None = None
    ends_at: datetime | None = None
    size: int | None = None
    handed: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    paced_until: datetime | None = None
    decided_at: datetime | None = None
    finding: str | None = None
    winner: str | None = None
    next_at: datetime | None = None
    follow_at: datetime | None = None
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


class CampaignMember(TenantRow, table=True):
    """One patient of a campaign's audience, once for ever; the id is the cause of what is told to them.

    `arm` and `handed_at` are given as their turn comes: from that moment it counts what they do, of the holdout too.
    `notice_id` names the message given to push; it may be gone, notices are forgotten after two years.
    """

    __tablename__ = "campaign_member"
    __table_args__ = (
        of_patient("campaign_member"),
        ForeignKeyConstraint(
            ["clinic_id", "campaign_id"], ["campaign.clinic_id", "campaign.id"], name="campaign_member_campaign"
        ),
        Index("campaign_member_once", "clinic_id", "campaign_id", "patient_id", unique=True),
        Index(
            "campaign_member_waiting", "clinic_id", "campaign_id", "id", postgresql_where=text("handed_at is null")
        ),
        Index("campaign_member_of_patient", "clinic_id", "patient_id"),
    )  # fmt: skip

    campaign_id: UUID
    patient_id: UUID
    arm: str | None = None
    handed_at: datetime | None = None
    notice_id: UUID | None = None
    tasked_at: datetime | None = None


class CampaignPolicyRow(SQLModel, table=True):
    """Campaigns for more than `confirm_above` begin only when a second person has confirmed them."""

    __tablename__ = "campaign_policy"

    clinic_id: UUID = Field(primary_key=True)
    confirm_above: int
    changed_at: datetime
