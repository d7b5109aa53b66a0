"""The usual way to give a cabinet: SQLModel relationships, selectinload, response_model; no sign-in, no policies."""

import os
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import Column, MetaData
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry, selectinload
from sqlmodel import Field, Relationship, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.cabinet_apps import POOL
from core.clock import now
from core.database import asyncpg_url


class Mapped(SQLModel, registry=registry(metadata=MetaData())):
    """The same tables, mapped a second time: ids alone as keys, relationships to walk along."""


class Amounts(SQLModel):
    price_minor: int
    discount_minor: int
    insurance_minor: int
    patient_minor: int


class FindingOut(SQLModel):
    tooth: str
    code: str
    status: str
    surfaces: list[str]
    material: str | None
    observed_on: date


class Finding(Mapped, table=True):
    __tablename__ = "finding"

    id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(foreign_key="patient.id")
    tooth: str
    code: str
    status: str
    surfaces: list[str] = Field(sa_column=Column(ARRAY(TEXT)))
    material: str | None
    observed_on: date


class Picture(Mapped, table=True):
    __tablename__ = "picture"

    id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(foreign_key="patient.id")
    kind: str
    state: str
    taken_on: date | None
    width: int | None
    height: int | None


class Visit(Mapped, table=True):
    __tablename__ = "appointment"

    id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(foreign_key="patient.id")
    starts_at: datetime
    ends_at: datetime
    status: str
    service: str
    practitioner: str


class Item(Mapped, Amounts, table=True):
    __tablename__ = "plan_item"

    plan_id: UUID = Field(primary_key=True)
    stage: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    name: str
    tooth: str | None
    surfaces: list[str] = Field(sa_column=Column(ARRAY(TEXT)))
    quantity: int
    unit_price_minor: int
    status: str


class Stage(Mapped, Amounts, table=True):
    __tablename__ = "plan_stage"

    plan_id: UUID = Field(primary_key=True, foreign_key="plan.id")
    position: int = Field(primary_key=True)
    title: str
    visits: int | None
    status: str
    items_done: int
    item_rows: list[Item] = Relationship(
        sa_relationship_kwargs={
            "primaryjoin": "and_(Stage.plan_id == foreign(Item.plan_id), Stage.position == foreign(Item.stage))",
            "order_by": "Item.position",
            "viewonly": True,
        }
    )


class Plan(Mapped, Amounts, table=True):
    __tablename__ = "plan"

    id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(foreign_key="patient.id")
    choice_group: str | None
    title: str
    currency: str
    status: str
    valid_until: date | None
    items_done: int
    stages: list[Stage] = Relationship(sa_relationship_kwargs={"order_by": "Stage.position"})


class Patient(Mapped, table=True):
    __tablename__ = "patient"

    id: UUID = Field(primary_key=True)
    clinic_id: UUID
    given_name: str
    family_name: str
    birth_date: date
    findings: list[Finding] = Relationship()
    plans: list[Plan] = Relationship()
    pictures: list[Picture] = Relationship()
    visits: list[Visit] = Relationship()


class Promotion(Mapped, table=True):
    __tablename__ = "promotion"

    id: UUID = Field(primary_key=True)
    clinic_id: UUID
    texts: dict[str, Any] = Field(sa_column=Column(JSONB))
    starts_on: date
    ends_on: date


class ItemOut(Amounts):
    name: str
    tooth: str | None
    surfaces: list[str]
    quantity: int
    unit_price_minor: int
    status: str


class StageOut(Amounts):
    title: str
    visits: int | None
    status: str
    items_done: int
    item_rows: list[ItemOut]


class PlanOut(Amounts):
    id: UUID
    choice_group: str | None
    title: str
    currency: str
    status: str
    valid_until: date | None
    items_done: int
    stages: list[StageOut]


class PictureOut(SQLModel):
    id: UUID
    kind: str
    taken_on: date | None
    width: int | None
    height: int | None


class VisitOut(SQLModel):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    status: str
    service: str
    practitioner: str


class PatientOut(SQLModel):
    id: UUID
    given_name: str
    family_name: str
    birth_date: date
    findings: list[FindingOut]
    plans: list[PlanOut]
    pictures: list[PictureOut]
    visits: list[VisitOut]


class CabinetOut(SQLModel):
    patient: PatientOut
    promotions: list[dict[str, Any]]


def usual() -> FastAPI:
    engine = create_async_engine(asyncpg_url(os.environ["BENCH_URL"]), pool_size=POOL, max_overflow=0)
    sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    app = FastAPI()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @app.get("/{clinic}/{patient}", response_model=CabinetOut)
    async def cabinet(clinic: UUID, patient: UUID, db: Annotated[AsyncSession, Depends(session)]) -> dict[str, Any]:
        found = (await db.exec(_WHOLE.where(Patient.clinic_id == clinic, Patient.id == patient))).one_or_none()
        if found is None:
            raise HTTPException(404)
        today = now().date()
        offers = select(Promotion).where(
            Promotion.clinic_id == clinic, Promotion.starts_on <= today, Promotion.ends_on >= today
        )
        return {"patient": found, "promotions": [offer.texts["it"] for offer in await db.exec(offers)]}

    return app


def _along(relation: Any) -> Any:
    return relation  # SQLModel types relationships as plain lists, SQLAlchemy wants attributes


_WHOLE = select(Patient).options(
    selectinload(_along(Patient.findings)),
    selectinload(_along(Patient.pictures)),
    selectinload(_along(Patient.visits)),
    selectinload(_along(Patient.plans)).selectinload(_along(Plan.stages)).selectinload(_along(Stage.item_rows)),
)
