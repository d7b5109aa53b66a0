"""`/v1/staff/…/appointments`: the desk's visits: of a patient, of a branch's day; book, move along, move in time."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from api.viewer import ViewerHere
from clinic.appointment import AppointmentStatus, NewVisit
from clinic.commands import book_visit, change_visit, move_visit
from clinic.commands.visit_settings import set_branch_booking, set_visit_labels
from clinic.queries import Viewer, VisitView, When, patient_card, visit_view, visits
from clinic.queries.visit_settings import (
    MOST_BRANCHES,
    MOST_LABELS,
    BranchBooking,
    BranchView,
    StateLabel,
    branch_views,
    visit_labels,
)
from clinic.queries.visits import DayVisit, branch_day
from core.database import Reading
from core.errors import Fault, Invalid, NotFound
from core.moments import Day, Moment
from core.values import MaybeText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["visits"], route_class=StrictRoute)
MaySee = Annotated[StaffReads, staff_reads(Permission.READ_CONTACT)]
# In a transaction that writes: each look leaves a trace.
MayLook = Annotated[StaffWrites, staff_writes(Permission.READ_CONTACT)]
MayBook = Annotated[StaffWrites, staff_writes(Permission.WRITE_APPOINTMENTS)]
MaySet = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)]


class PatientVisits(Value):
    items: list[VisitView] = Field(max_length=200)
    next_cursor: str | None


class BranchDay(Value):
    items: list[DayVisit] = Field(max_length=200)
    next_cursor: str | None


class BookingRequest(Value):
    starts_at: Moment
    ends_at: Moment
    service: MaybeText = ""
    practitioner: MaybeText = ""
    branch_id: UUID | None = Field(default=None, description="The patient's own branch if not said.")
    private: bool = Field(default=False, description="True hides it from a teenager's guardians.")


class StatusChange(Value):
    status: AppointmentStatus


class NewTime(Value):
    starts_at: Moment
    ends_at: Moment


class BranchList(Value):
    items: list[BranchView] = Field(max_length=MOST_BRANCHES)


class StateLabels(Value):
    items: list[StateLabel] = Field(max_length=MOST_LABELS)


@router.get("/patients/{patient_id}/appointments", summary="A patient's visits", operation_id="listVisits")
async def of_patient(
    ports: PortsHere,
    call: MayLook,
    viewer: ViewerHere,
    patient_id: UUID,
    when: Annotated[When, Query(description="A visit is upcoming until it ends.")] = When.ALL,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PatientVisits:
    """Visits by start, oldest first; past ones, asked for alone, latest first."""
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    await call.note_read("visits", patient_id)
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"{when} visits", patient_id), cursor, limit,
        lambda place, most: visits(
            call.writing, patient_id, when, viewer, call.now, after=moment_and_id(place), limit=most
        ),
        lambda visit: [visit.starts_at.isoformat(), str(visit.appointment_id)],
    )  # fmt: skip
    return PatientVisits(items=items, next_cursor=following)


@router.get("/branches/{branch_id}/appointments", summary="A branch's day", operation_id="listBranchDay")
async def of_day(
    ports: PortsHere,
    call: MaySee,
    viewer: ViewerHere,
    branch_id: UUID,
    day: Annotated[Day, Query(ge=date(1900, 1, 1), le=date(2200, 1, 1), description="By the branch's calendar.")],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> BranchDay:
    """Every visit that begins on this day by the branch's clock, be it 23, 24 or 25 hours long."""

    async def more(place: list[str] | None, most: int) -> list[DayVisit]:
        found = await branch_day(call.reading, branch_id, day, viewer, after=moment_and_id(place), limit=most)
        if found is None:
            raise NotFound
        return found

    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"visits of {day}", branch_id), cursor, limit, more,
        lambda each: [each.visit.starts_at.isoformat(), str(each.visit.appointment_id)],
    )  # fmt: skip
    return BranchDay(items=items, next_cursor=following)


@router.post("/patients/{patient_id}/appointments", status_code=201, summary="Book a visit", operation_id="bookVisit")
async def book(call: MayBook, viewer: ViewerHere, patient_id: UUID, body: BookingRequest) -> VisitView:
    """Enter an appointment. It takes the patient out of every journey that waits for one."""
    new = NewVisit(**dict(body))
    made = await book_visit(call.writing, call.clinic_id, patient_id, new, call.actor, call.now)
    return await _visit(call.writing, made.appointment_id, viewer)


@router.post("/appointments/{appointment_id}/status", summary="Change a visit's state", operation_id="changeVisit")
async def change(call: MayBook, viewer: ViewerHere, appointment_id: UUID, body: StatusChange) -> VisitView:
    """Move a visit that was booked here along: confirmed, arrived, completed, no-show, cancelled.

    Open requests about it that this answers are closed with it.
    """
    await change_visit(call.writing, call.clinic_id, appointment_id, body.status, call.actor, call.now)
    return await _visit(call.writing, appointment_id, viewer)


@router.post("/appointments/{appointment_id}/time", summary="Move a visit", operation_id="moveVisit")
async def move(call: MayBook, viewer: ViewerHere, appointment_id: UUID, body: NewTime) -> VisitView:
    """Give a visit that was booked here another time. A patient who had confirmed is asked anew."""
    await move_visit(call.writing, call.clinic_id, appointment_id, body.starts_at, body.ends_at, call.actor, call.now)
    return await _visit(call.writing, appointment_id, viewer)


@router.get("/branches", summary="Branches and how they book", operation_id="listBranches")
async def branches(call: MaySee) -> BranchList:
    """Every branch by name."""
    return BranchList(items=await branch_views(call.reading))


@router.put("/branches/{branch_id}/booking", summary="Set how a branch books", operation_id="setBranchBooking")
async def set_booking(call: MaySet, branch_id: UUID, body: BranchBooking) -> BranchBooking:
    """What patients may do about visits there by themselves: from now on, for visits that stand already too."""
    await set_branch_booking(call.writing, call.clinic_id, branch_id, body, call.actor, call.now)
    return body


@router.get("/visit-labels", summary="Our words for a visit's states", operation_id="listVisitLabels")
async def labels(call: MaySee) -> StateLabels:
    """The clinic's own words; where it has none, Enamel's are shown."""
    return StateLabels(items=await visit_labels(call.reading))


@router.put("/visit-labels", summary="Name a visit's states", operation_id="setVisitLabels")
async def set_labels(call: MaySet, body: StateLabels) -> StateLabels:
    """All of the clinic's words at once: patients read them from now on."""
    names = [(each.status, each.language) for each in body.items]
    twice = [index for index, name in enumerate(names) if names.index(name) < index]
    if twice:
        raise Invalid(*(Fault(f"/items/{index}", "given-twice") for index in twice))
    await set_visit_labels(call.writing, call.clinic_id, body.items, call.actor, call.now)
    return StateLabels(items=await visit_labels(call.writing))


async def _visit(reading: Reading, appointment_id: UUID, viewer: Viewer) -> VisitView:
    found = await visit_view(reading, appointment_id, viewer)
    if found is None:
        raise NotFound
    return found
