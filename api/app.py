"""Joins the routes into one application. Three OpenAPI documents are cut from it (`api.documents`)."""

from collections.abc import Collection

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from api import problems
from api.guard import Guard
from api.health import router as health
from api.partner import apps, sync
from api.patient import appointments
from api.patient import sign_in as patient_sign_in
from api.ports import Ports
from api.staff import patients
from api.staff import sign_in as staff_sign_in

LARGEST_BODY = 1024 * 1024

PATIENT: tuple[APIRouter, ...] = (patient_sign_in.router, appointments.router)
STAFF: tuple[APIRouter, ...] = (staff_sign_in.router, patients.router)
PARTNER: tuple[APIRouter, ...] = (apps.router, sync.router)


def create_app(ports: Ports, allowed_hosts: Collection[str]) -> ASGIApp:
    """The whole API over these ports, behind its guard."""
    return Guard(bare_app(ports), allowed_hosts)


def bare_app(ports: Ports) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, max_body_size=LARGEST_BODY)
    app.state.ports = ports
    problems.install(app)
    for router in (health, *PATIENT, *STAFF, *PARTNER):
        app.include_router(router)
    return app
