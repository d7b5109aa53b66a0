"""Joins the routes into one application. Three OpenAPI documents are cut from it (`api.documents`)."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from api import failures, links, media, problems, sheets, sockets, survey_links
from api.guard import Guard
from api.health import router as health
from api.hooks import lines as line_hooks
from api.hooks import payments as payment_hooks
from api.hooks import telephony as telephony_hooks
from api.partner import account as partner_account
from api.partner import apps, fhir, sync
from api.partner import bookings as partner_bookings
from api.partner import chart as partner_chart
from api.partner import dicomweb as partner_dicomweb
from api.partner import documents as partner_documents
from api.partner import events as partner_events
from api.partner import guardians as partner_guardians
from api.partner import loyalty as partner_loyalty
from api.partner import media as partner_media
from api.partner import messages as partner_messages
from api.partner import payments as partner_payments
from api.partner import plans as partner_plans
from api.partner import promotions as partner_promotions
from api.partner import series as partner_series
from api.partner import slots as partner_slots
from api.partner import uploads as partner_uploads
from api.patient import account as patient_account
from api.patient import app_start, appointments, cabinet, changes, chat, devices, pay, plan_answers, promotions
from api.patient import calendar as patient_calendar
from api.patient import chart as patient_chart
from api.patient import consents as patient_consents
from api.patient import contacts as patient_contacts
from api.patient import delivered as patient_delivered
from api.patient import desk as patient_desk
from api.patient import documents as patient_documents
from api.patient import family as patient_family
from api.patient import lock_screen as patient_lock_screen
from api.patient import loyalty as patient_loyalty
from api.patient import media as patient_media
from api.patient import payments as patient_payments
from api.patient import plans as patient_plans
from api.patient import privacy as patient_privacy
from api.patient import requests as patient_requests
from api.patient import series as patient_series
from api.patient import sign_in as patient_sign_in
from api.patient import signatures as patient_signatures
from api.patient import slots as patient_slots
from api.patient import starters as patient_starters
from api.patient import surveys as patient_surveys
from api.patient import uploads as patient_uploads
from api.patient import voices as patient_voices
from api.patient import waiting_list as patient_waiting_list
from api.ports import Ports
from api.staff import account as staff_account
from api.staff import (
    app_builds,
    inbox,
    journey_results,
    journey_templates,
    journeys,
    lines,
    messages,
    patients,
    people,
    segment_members,
)
from api.staff import bot as staff_bot
from api.staff import campaigns as staff_campaigns
from api.staff import canned as staff_canned
from api.staff import cases as staff_cases
from api.staff import chart as staff_chart
from api.staff import contacts as staff_contacts
from api.staff import desk as staff_desk
from api.staff import dicomweb as staff_dicomweb
from api.staff import documents as staff_documents
from api.staff import drawings as staff_drawings
from api.staff import enrolments as staff_enrolments
from api.staff import family as staff_family
from api.staff import journey_drafts as staff_journey_drafts
from api.staff import journey_versions as staff_journey_versions
from api.staff import loyalty as staff_loyalty
from api.staff import media as staff_media
from api.staff import payments as staff_payments
from api.staff import pictures as staff_pictures
from api.staff import plans as staff_plans
from api.staff import prices as staff_prices
from api.staff import privacy as staff_privacy
from api.staff import promotions as staff_promotions
from api.staff import requests as staff_requests
from api.staff import segments as staff_segments
from api.staff import series as staff_series
from api.staff import sign_in as staff_sign_in
from api.staff import strangers as staff_strangers
from api.staff import surveys as staff_surveys
from api.staff import tasks as staff_tasks
from api.staff import teams as staff_teams
from api.staff import telephony as staff_telephony
from api.staff import templates as staff_templates
from api.staff import touchpoints as staff_touchpoints
from api.staff import uploads as staff_uploads
from api.staff import visits as staff_visits
from api.staff import voices as staff_voices
from api.staff import waiting_list as staff_waiting_list
from api.staff import webhooks as staff_webhooks
from api.staff import wording as staff_wording

LARGEST_BODY = 1024 * 1024

PATIENT: tuple[APIRouter, ...] = (
    cabinet.router,  # routes are tried in order, and these two are asked most
    *changes.routes.routers,
    devices.router,  # its /v1/me/devices/push before the sign-in's /v1/me/devices/{session_id}
    patient_sign_in.router,
    app_start.router,
    patient_delivered.router,
    *appointments.routes.routers,
    *chat.routes.routers,
    *patient_starters.routes.routers,
    *patient_uploads.routes.routers,
    *patient_voices.routes.routers,
    *patient_desk.routes.routers,
    *devices.routes.routers,
    *promotions.routes.routers,
    *patient_loyalty.routes.routers,
    *patient_chart.routes.routers,
    *patient_plans.routes.routers,
    *plan_answers.routes.routers,
    *patient_account.routes.routers,
    *patient_payments.routes.routers,
    pay.router,
    *patient_media.routes.routers,
    media.router,
    *patient_series.routes.routers,
    sheets.router,
    *patient_requests.routes.routers,
    *patient_documents.routes.routers,
    *patient_signatures.routes.routers,
    *patient_slots.routes.routers,
    *patient_waiting_list.routes.routers,
    *patient_calendar.routes.routers,
    patient_calendar.router,
    *patient_consents.routes.routers,
    *patient_contacts.routes.routers,
    *patient_lock_screen.routes.routers,
    *patient_privacy.routes.routers,
    patient_privacy.downloads,
    *patient_surveys.routes.routers,
    patient_family.router,
)
STAFF: tuple[APIRouter, ...] = (
    staff_sign_in.router,
    patients.router,
    messages.router,
    inbox.router,
    staff_cases.router,
    staff_desk.router,
    staff_canned.router,
    staff_bot.router,
    staff_prices.router,
    staff_plans.router,
    staff_promotions.router,
    staff_loyalty.router,
    staff_chart.router,
    staff_account.router,
    staff_payments.router,
    staff_media.router,
    staff_pictures.router,
    staff_drawings.router,
    staff_uploads.router,
    staff_voices.router,
    staff_dicomweb.router,
    staff_series.router,
    journeys.router,
    journey_results.router,
    staff_segments.router,
    segment_members.router,
    staff_journey_drafts.router,
    journey_templates.router,
    staff_journey_versions.router,
    staff_enrolments.router,
    people.router,
    staff_family.router,
    staff_requests.router,
    staff_documents.router,
    staff_templates.router,
    staff_privacy.router,
    staff_visits.router,
    staff_waiting_list.router,
    lines.router,
    app_builds.router,
    staff_contacts.router,
    staff_tasks.router,
    staff_teams.router,
    staff_telephony.router,
    staff_campaigns.router,
    staff_webhooks.router,
    staff_surveys.router,
    staff_wording.router,
    staff_touchpoints.router,
    staff_strangers.router,
)
PARTNER: tuple[APIRouter, ...] = (
    apps.router,
    sync.router,
    partner_slots.router,
    partner_bookings.router,
    partner_events.router,
    partner_messages.router,
    partner_guardians.router,
    partner_chart.router,
    partner_account.router,
    partner_payments.router,
    fhir.router,
    partner_plans.router,
    partner_promotions.router,
    partner_loyalty.router,
    partner_media.router,
    partner_uploads.router,
    partner_dicomweb.router,
    partner_series.router,
    partner_documents.router,
)


def create_app(ports: Ports, allowed_hosts: Collection[str]) -> ASGIApp:
    """The whole API over these ports, behind its guard."""
    return guarded(bare_app(ports), ports, allowed_hosts)


def guarded(app: FastAPI, ports: Ports, allowed_hosts: Collection[str]) -> ASGIApp:
    """`app`, which has these ports, behind its guard and beside its socket."""
    return Guard(app, allowed_hosts, sockets={sockets.PATH: sockets.ChatDoor(ports)})


def bare_app(ports: Ports | None) -> FastAPI:
    """The application without its guard; without ports it can be described but not called."""
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, max_body_size=LARGEST_BODY,
        lifespan=_running,
    )  # fmt: skip
    app.state.ports = ports
    problems.install(app)
    failures.install(app)
    for router in (
        health,
        payment_hooks.router,
        telephony_hooks.router,
        line_hooks.router,
        links.router,
        survey_links.router,
        *PATIENT,
        *STAFF,
        *PARTNER,
    ):
        app.include_router(router)
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """The hub serves while the application does."""
    hub = app.state.ports.hub
    await hub.start()
    yield
    await hub.close()
    await app.state.ports.texts.close()
    if app.state.ports.archives is not None:
        await app.state.ports.archives.archive.close()
    if app.state.ports.payments is not None:
        await app.state.ports.payments.close()
