"""Rows of treatment plans: the plan, its stages by position, their items by position."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER, TEXT
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.changes import Told
from core.schema import TRIGGERS
from core.upsert import SyncedRow, synced_key


class Amounts(SQLModel):
    """Minor units in the plan's currency, as `cabinet.plan` made them when the plan was taken in."""

    price_minor: int = Field(sa_type=BigInteger)
    discount_minor: int = Field(sa_type=BigInteger)
    promotion_minor: int = Field(sa_type=BigInteger)
    points_minor: int = Field(sa_type=BigInteger)
    insurance_minor: int = Field(sa_type=BigInteger)
    patient_minor: int = Field(sa_type=BigInteger)
    patient_high_minor: int = Field(sa_type=BigInteger)


class TreatmentPlan(SyncedRow, Amounts, table=True):
    __tablename__ = "plan"
    __table_args__ = (
        synced_key("plan"),
        of_patient("plan"),
        Index("plan_of_patient", "clinic_id", "patient_id", "id"),
        {"info": {TRIGGERS: Told("plan", is_open="not private")}},
    )

    patient_id: UUID
    choice_group: str | None = None
    title: str
    pros: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    cons: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    currency: str
    # As the clinic's own system told it; what was answered here stands in `answer` (`cabinet.plan.plan_status`).
    status: str
    valid_until: date | None = None
    private: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    visits: int | None = None
    duration_days: int | None = None
    stages_hash: str
    items: int
    items_done: int
    # The stages as the patient's document shows them, put together when the plan is taken in: reading a cabinet
    # would otherwise build some two hundred JSON objects each time. JSON and not JSONB: it is only handed on.
    stages: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default=text("'[]'"))
    )
    # The present offer, kept here for the same reason; its row is in `plan_offer`.
    offer_id: UUID | None = None
    offer_number: int | None = None
    offer_sha256: str | None = None
    offered_at: datetime | None = None
    answer: str | None = None
    # The one-time code that was sent to accept it, and to whose phone.
    code_challenge: UUID | None = None
    code_account: UUID | None = None
    # Set when the patient was erased: offers still point here, nobody finds it any more.
    erased_at: datetime | None = None


class PlanStage(Amounts, table=True):
    """Known by its plan and place; replaced as a whole whenever the plan changes."""

    __tablename__ = "plan_stage"
    __table_args__ = (ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name="stage_plan"),)

    clinic_id: UUID = Field(primary_key=True)
    plan_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    title: str
    visits: int | None = None
    duration_days: int | None = None
    depends_on: list[int] = Field(sa_column=Column(ARRAY(INTEGER), nullable=False, server_default=text("'{}'")))
    status: str
    items: int
    items_done: int


class PlanItem(Amounts, table=True):
    __tablename__ = "plan_item"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "plan_id", "stage"],
            ["plan_stage.clinic_id", "plan_stage.plan_id", "plan_stage.position"],
            name="item_stage",
        ),
    )

    clinic_id: UUID = Field(primary_key=True)
    plan_id: UUID = Field(primary_key=True)
    stage: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    name: str
    explanation: str = ""
    tooth: str | None = None
    surfaces: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    quantity: int
    unit_price_minor: int = Field(sa_type=BigInteger)
    unit_price_high_minor: int | None = Field(default=None, sa_type=BigInteger)
    discount_basis_points: int = 0
    promotion_title: str = ""
    status: str
