"""`/v1/me/appointments`: a patient's visits, past and to come, and what the patient does about them."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.problems import language_of
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from api.viewer import ViewerHere
from clinic.commands.booking import move_into_slot
from clinic.commands.hiding import check_may_hide
from clinic.commands.own_visits import ask_for_visit, ask_to_move, cancel_visit, confirm_visit
from clinic.household import AccessScope
from clinic.queries import Viewer, VisitView, When, visit_view, visits
from clinic.queries.calendar import one_visit
from clinic.queries.requests import RequestView
from clinic.queries.waiting import Parts, Weekdays
from clinic.slot import Choice
from clinic.waiting_list import WishedDays
from core.database import Reading
from core.errors import NotFound
from core.moments import Day, Moment
from core.values import MaybeText, Value

routes = RecordRoutes("appointments")
MayRead = Annotated[PatientReads, record_reads(None)]
MayBook = Annotated[PatientWrites, record_writes(AccessScope.BOOK)]


class VisitPage(Value):
    items: list[VisitView] = Field(max_length=200)
    next_cursor: str | None


class CancelReason(StrEnum):
    UNWELL = "unwell"
    NO_TIME = "no_time"
    NOT_NEEDED = "not_needed"
    OTHER_CLINIC = "other_clinic"
    OTHER = "other"


class Cancellation(Value):
    reason: CancelReason = CancelReason.OTHER


class MoveWish(Value):
    """Which other time would do. `slot_id`: exactly this free one."""

    slot_id: UUID | None = None
    starts_at: Moment | None = Field(
        default=None,
        description="With `slot_id`: when it began as you saw it: `slot-taken` if the clinic has moved it since.",
    )
    from_day: Day | None = Field(default=None, examples=["2026-12-01"])
    until_day: Day | None = Field(default=None, examples=["2026-12-24"])
    weekdays: Weekdays = Field(default_factory=list)
    parts: Parts = Field(default_factory=list)
    words: MaybeText = Field(default="", description="For the desk to read.", examples=["After school, please"])


class BookingWish(Value):
    """A visit that is asked for where the clinic publishes no free times."""

    service: MaybeText = Field(default="", examples=["Hygiene"])
    practitioner: MaybeText = Field(default="", examples=["Dr. Bianchi"])
    branch_id: UUID | None = None
    from_day: Day | None = Field(default=None, examples=["2026-12-01"])
    until_day: Day | None = Field(default=None, examples=["2026-12-24"])
    weekdays: Weekdays = Field(default_factory=list)
    parts: Parts = Field(default_factory=list)
    words: MaybeText = Field(default="", description="For the desk to read.")
    private: bool = Field(default=False, description="Of one's own: hidden from guardians, from a certain age on.")


class VisitChange(Value):
    """The visit as it is now, and the request to the clinic where it has to be asked (else it is done)."""

    visit: VisitView
    request: RequestView | None


@routes.get("/appointments", summary="My appointments", operation_id="listMyAppointments")
async def listed(
    ports: PortsHere,
    call: MayRead,
    viewer: ViewerHere,
    when: Annotated[
        When, Query(description="A visit is upcoming until it ends; past ones come latest first.")
    ] = When.ALL,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> VisitPage:
    """Visits by start, oldest first: all, those to come, or those past (latest first)."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"{when} appointments", call.patient_id), cursor, limit,
        lambda place, most: visits(
            call.reading, call.patient_id, when, viewer, call.now, after=moment_and_id(place), limit=most
        ),
        lambda visit: [visit.starts_at.isoformat(), str(visit.appointment_id)],
    )  # fmt: skip
    return VisitPage(items=items, next_cursor=following)


@routes.get("/appointments/{appointment_id}", summary="My appointment", operation_id="getMyAppointment")
async def get(call: MayRead, viewer: ViewerHere, appointment_id: UUID) -> VisitView:
    """One visit, on the branch's clock and on that of the zone asked for."""
    return await _visit(call.reading, appointment_id, viewer, call.patient_id)


class Calendar(Response):
    media_type = "text/calendar"


@routes.get(
    "/appointments/{appointment_id}/calendar.ics", summary="My appointment as a calendar file",
    operation_id="getMyAppointmentFile", response_class=Calendar,
)  # fmt: skip
async def file(call: MayRead, request: Request, appointment_id: UUID) -> Calendar:
    """iCalendar (RFC 5545) for the phone's calendar; it names the clinic and no reason for the visit."""
    asked = request.headers.get("accept-language")
    language = language_of(asked) if asked else None
    made = await one_visit(call.reading, call.patient_id, appointment_id, language)
    if made is None:
        raise NotFound
    return Calendar(made, headers={"content-disposition": 'attachment; filename="visit.ics"'})


@routes.post(
    "/appointments/{appointment_id}/confirmation", summary="Confirm my appointment",
    operation_id="confirmMyAppointment",
)  # fmt: skip
async def confirm(call: MayBook, viewer: ViewerHere, appointment_id: UUID) -> VisitView:
    """Say that you come. Saying it again changes nothing."""
    await confirm_visit(call.writing, call.clinic_id, call.patient_id, appointment_id, call.actor, call.now)
    return await _visit(call.writing, appointment_id, viewer, call.patient_id)


@routes.post(
    "/appointments/{appointment_id}/cancellation", summary="Call off my appointment",
    operation_id="cancelMyAppointment",
)  # fmt: skip
async def cancel(call: MayBook, viewer: ViewerHere, appointment_id: UUID, body: Cancellation) -> VisitChange:
    """Called off at once where Enamel keeps the visit, asked of the clinic where its own system does.

    Later than `cancel_until` it is refused with `call-the-clinic`.
    """
    asked = await cancel_visit(
        call.writing, call.clinic_id, call.patient_id, appointment_id, body.reason.value, call.actor, call.now
    )
    return VisitChange(visit=await _visit(call.writing, appointment_id, viewer, call.patient_id), request=asked)


@routes.post("/appointments/{appointment_id}/move", summary="Move my appointment", operation_id="moveMyAppointment")
async def move(call: MayBook, viewer: ViewerHere, appointment_id: UUID, body: MoveWish) -> VisitChange:
    """Ask for another time, or take a free one (`slot_id`) where the branch books directly."""
    whose = (call.writing, call.clinic_id, call.patient_id, appointment_id)
    asked = None
    if body.slot_id is not None:
        await move_into_slot(*whose, Choice(body.slot_id, body.starts_at), viewer, call.actor, call.now)
    else:
        wish = body.model_dump(mode="json", exclude_defaults=True, exclude={"starts_at"})
        days = WishedDays(body.from_day, body.until_day)
        asked = await ask_to_move(*whose, wish, days, call.actor, call.now)
    return VisitChange(visit=await _visit(call.writing, appointment_id, viewer, call.patient_id), request=asked)


@routes.post("/booking-requests", status_code=201, summary="Ask for my visit", operation_id="requestMyVisit")
async def ask(call: MayBook, body: BookingWish) -> RequestView:
    """Ask the clinic for a visit where it publishes no free time that suits; it answers in `GET …/requests`.

    It says a service, or in `words` what else it is for. Asked again in the same words while it waits, it is the same
    request; five may wait at once.
    """
    if body.private:
        await check_may_hide(call.writing, call.patient_id, call.claims.subject_id, call.now)
    wish = body.model_dump(mode="json", exclude_defaults=True, exclude={"private"})
    days = WishedDays(body.from_day, body.until_day)
    whose = (call.writing, call.clinic_id, call.patient_id)
    return await ask_for_visit(*whose, wish, days, call.actor, call.now, private=body.private)


async def _visit(reading: Reading, appointment_id: UUID, viewer: Viewer, patient_id: UUID) -> VisitView:
    found = await visit_view(reading, appointment_id, viewer, patient_id)
    if found is None:
        raise NotFound
    return found
