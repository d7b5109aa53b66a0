"""Joins the routes into one application. Three OpenAPI documents are cut from it (`api.documents`)."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from api import failures, problems, sockets
from api.guard import Guard
from api.health import router as health
from api.partner import apps, fhir, sync
from api.partner import chart as partner_chart
from api.partner import media as partner_media
from api.partner import plans as partner_plans
from api.patient import appointments, cabinet, chat, devices, promotions
from api.patient import chart as patient_chart
from api.patient import media as patient_media
from api.patient import sign_in as patient_sign_in
from api.ports import Ports
from api.staff import chart as staff_chart
from api.staff import inbox, journeys, patients, people
from api.staff import media as staff_media
from api.staff import plans as staff_plans
from api.staff import sign_in as staff_sign_in

LARGEST_BODY = 1024 * 1024

PATIENT: tuple[APIRouter, ...] = (
    cabinet.router,  # routes are tried in order, and this one is asked most
    devices.router,  # its /v1/me/devices/push before the sign-in's /v1/me/devices/{session_id}
    patient_sign_in.router,
    appointments.router,
    chat.router,
    promotions.router,
    patient_chart.router,
    patient_media.router,
)
STAFF: tuple[APIRouter, ...] = (
    staff_sign_in.router,
    patients.router,
    inbox.router,
    staff_plans.router,
    staff_chart.router,
    staff_media.router,
    journeys.router,
    people.router,
)
PARTNER: tuple[APIRouter, ...] = (
    apps.router,
    sync.router,
    partner_chart.router,
    fhir.router,
    partner_plans.router,
    partner_media.router,
)


def create_app(ports: Ports, allowed_hosts: Collection[str]) -> ASGIApp:
    """The whole API over these ports, behind its guard."""
    return Guard(bare_app(ports), allowed_hosts)


def bare_app(ports: Ports | None) -> FastAPI:
    """The application without its guard; without ports it can be described but not called."""
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, max_body_size=LARGEST_BODY,
        lifespan=_running,
    )  # fmt: skip
    app.state.ports = ports
    problems.install(app)
    failures.install(app)
    for router in (health, sockets.router, *PATIENT, *STAFF, *PARTNER):
        app.include_router(router)
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """The hub serves while the application does."""
    hub = app.state.ports.hub
    await hub.start()
    yield
    await hub.close()
