"""`/v1/me/plans`: treatment plans, side by side where there are several, and on paper."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response
from pydantic import Field

from api.caller import PatientClaims
from api.papers import PDF, sent_paper
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.problems import language_of
from api.transaction import (
    PatientReads,
    RecordAsked,
    record_opened,
    record_reads,
    scope_of,
)
from cabinet.plan import PlanStatus
from cabinet.plan_cost import Cost
from cabinet.plan_facts import MOST_REASONS
from cabinet.plan_paper import plan_paper
from cabinet.plan_view import OfferView, PlanWithAccount
from cabinet.queries.letters import addressee_of, letterhead_of
from cabinet.queries.plans import MOST_PLANS, alternatives, shown_plan, shown_plans
from clinic.facts import ExternalId
from clinic.household import AccessScope
from core import clock
from core.database import Reading
from core.errors import NotFound
from core.moments import Day
from core.values import Int32, Value

routes = RecordRoutes("plans")

Reads = Annotated[PatientReads, record_reads(AccessScope.VIEW_PLAN)]


class Plans(Value):
    items: list[PlanWithAccount] = Field(max_length=MOST_PLANS)


class Alternative(Value):
    """One of several plans for the same thing, as it stands beside the others."""

    plan_id: UUID
    title: str
    status: PlanStatus
    cost: Cost
    visits: Int32 | None
    duration_days: Int32 | None = Field(description="Expected days of all stages, one after the other.")
    stages: Int32
    pros: list[str] = Field(max_length=MOST_REASONS)
    cons: list[str] = Field(max_length=MOST_REASONS)
    valid_until: Day | None
    offer: OfferView | None


class Alternatives(Value):
    """The plans of one group; at most one of them is chosen."""

    group: str
    items: list[Alternative] = Field(max_length=MOST_PLANS)


@routes.get("/plans", summary="My treatment plans", operation_id="listMyTreatmentPlans")
async def list_plans(call: Reads) -> Plans:
    """Plans with stages, prices, the present offer and (for who may pay) what was paid; what matters now first."""
    with_account = AccessScope.PAY in call.scopes
    return Plans(items=await shown_plans(call.reading, call.patient_id, call.now, with_account=with_account))


@routes.get("/plans/groups/{group}", summary="My alternatives", operation_id="compareMyPlans")
async def compare(call: Reads, group: Annotated[ExternalId, Path()]) -> Alternatives:
    """The plans of one group side by side, the cheapest first: cost, visits, duration, reasons for and against."""
    found = await alternatives(call.reading, call.patient_id, group, call.now)
    if not found:
        raise NotFound
    found = sorted(found, key=lambda plan: (plan.cost.patient.amount_minor, plan.plan_id))
    return Alternatives(group=group, items=[_alternative(plan) for plan in found])


@routes.get("/plans/{plan_id}", summary="My treatment plan", operation_id="getMyPlan")
async def get_plan(call: Reads, plan_id: UUID) -> PlanWithAccount:
    """One plan, whole."""
    return await plan_shown(call.reading, call.patient_id, plan_id, call.now, call.scopes)


@routes.get(
    "/plans/{plan_id}/plan.pdf", summary="My treatment plan on paper", operation_id="fetchMyPlan",
    response_class=Response, responses=PDF,
)  # fmt: skip
async def fetch(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, request: Request, plan_id: UUID
) -> Response:
    """The plan with its present offer as PDF, to keep, in the language of Accept-Language."""
    language = language_of(request.headers.get("accept-language", ""))
    async with ports.database.reading(scope_of(claims)) as reading:
        at = clock.now()
        opened = await record_opened(reading, claims, asked, at, AccessScope.VIEW_PLAN)
        plan = await plan_shown(reading, opened.patient_id, plan_id, at, opened.scopes)
        patient = await addressee_of(reading, opened.patient_id)
    # No transaction is open while it is printed.
    return await sent_paper(ports, plan_paper(plan, patient.full_name, patient.zone, letterhead_of(patient), language))


async def plan_shown(
    reading: Reading, patient_id: UUID, plan_id: UUID, now: datetime, scopes: frozenset[AccessScope]
) -> PlanWithAccount:
    """With its account for who may pay. Raises `NotFound`."""
    found = await shown_plan(reading, patient_id, plan_id, now, with_account=AccessScope.PAY in scopes)
    if found is None:
        raise NotFound
    return found


def _alternative(plan: PlanWithAccount) -> Alternative:
    return Alternative(
        plan_id=plan.plan_id,
        title=plan.title,
        status=plan.status,
        cost=plan.cost,
        visits=plan.visits,
        duration_days=plan.duration_days,
        stages=len(plan.stages),
        pros=plan.pros,
        cons=plan.cons,
        valid_until=plan.valid_until,
        offer=plan.offer,
    )
