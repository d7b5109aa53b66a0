"""Rows of clinics' own systems that are told of journeys' steps, and of each thing they are told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, SmallInteger, text
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow

_DUE = text("state = 'due'")


class WebhookEndpoint(TenantRow, table=True):
    """Where a clinic's system hears. Its secret is made of its id by the house's key, and stands nowhere.

    After `failures` in a row nobody calls it before `rest_until`.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (Index("webhook_endpoint_live", "clinic_id", "id", postgresql_where=text("ended_at is null")),)

    name: str
    address: str
    version: int = 1
    made_at: datetime
    ended_at: datetime | None = None
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    rest_until: datetime | None = None


class WebhookCall(TenantRow, table=True):
    """One thing to tell, once for each step of an enrolment; `id` is its `webhook-id` for ever.

    `tries` is also the claim's token: who was thought dead and comes back records nothing.
    """

    __tablename__ = "webhook_call"
    __table_args__ = (
        of_patient("webhook_call"),
        ForeignKeyConstraint(
            ["clinic_id", "endpoint_id"], ["webhook_endpoint.clinic_id", "webhook_endpoint.id"],
            name="webhook_call_endpoint",
        ),
        Index("webhook_call_once", "clinic_id", "enrolment_id", "seq", unique=True),
        Index("webhook_call_due", "clinic_id", "endpoint_id", "next_at", postgresql_where=_DUE),
        Index("webhook_call_of_endpoint", "clinic_id", "endpoint_id", "id"),
        Index("webhook_call_of_patient", "clinic_id", "patient_id"),
        # The sweep crosses clinics.
        Index("webhook_call_over", "ended_at", postgresql_where=text("ended_at is not null")),
    )  # fmt: skip

    endpoint_id: UUID
    enrolment_id: UUID
    seq: int
    patient_id: UUID
    journey: str
    step: str
    at: datetime
    state: str
    next_at: datetime
    tries: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default=text("0")))
    reason: str = ""
    status: int | None = None
    ended_at: datetime | None = None
