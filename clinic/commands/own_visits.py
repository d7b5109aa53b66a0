"""What patients do about their visits: say that they come, call off, ask for another time."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.appointment import AppointmentStatus, Cancelling, cancelling, may_confirm
from clinic.commands.patients import hold_patients
from clinic.commands.requests import TooManyOpenRequests, ask_once, open_requests
from clinic.commands.visits import TransitionNotAllowed, held_visit, put_into
from clinic.queries.places import today_of
from clinic.queries.requests import RequestView
from clinic.request import MOST_BOOKINGS_OPEN, RequestKind
from clinic.tables import Appointment, Branch
from clinic.waiting_list import WishedDays, days_faults
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.upsert import OWN_SOURCE


class CallTheClinic(Conflict):
    """The visit is nearer than the notice that the branch wants."""

    slug = "call-the-clinic"


async def confirm_visit(
    writing: Writing, clinic_id: UUID, patient_id: UUID, appointment_id: UUID, actor: Actor, now: datetime
) -> None:
    """The patient says that they come; saying it again changes nothing.

    A visit of ours is confirmed by that. One of the clinic's system keeps its state: the word stands beside it, and the
    event carries it to that system. Raises `NotFound`, `TransitionNotAllowed`.
    """
    visit, _ = await held_visit(writing, clinic_id, appointment_id, patient_id)
    status = AppointmentStatus(visit.status)
    if not may_confirm(status, visit.starts_at, now):
        raise TransitionNotAllowed
    if visit.confirmed_by_patient_at is not None:
        return
    visit.confirmed_by_patient_at = now
    told = Happening("appointment.confirmed_by_patient", visit.id, patient_id=patient_id)
    await record(writing, clinic_id, actor, [told], now)
    if visit.source == OWN_SOURCE and status is AppointmentStatus.BOOKED:
        await put_into(writing, visit, AppointmentStatus.CONFIRMED, actor, now)


async def cancel_visit(
    writing: Writing, clinic_id: UUID, patient_id: UUID, appointment_id: UUID, reason: str, actor: Actor, now: datetime
) -> RequestView | None:
    """Call a visit off: at once where it is ours (None), asked for where the clinic's system keeps it (the request).

    Said again after a lost answer it changes nothing: what is called off is so, and the request is the same.
    `reason` is a code. Raises `NotFound`, `TransitionNotAllowed`, `CallTheClinic`, `RequestAlreadyOpen`.
    """
    visit, branch = await _held(writing, clinic_id, patient_id, appointment_id)
    if visit.status == AppointmentStatus.CANCELLED.value:
        return None
    if _verdict(visit, branch, now) is Cancelling.CANCELLED:
        await put_into(writing, visit, AppointmentStatus.CANCELLED, actor, now, {"reason": reason})
        return None
    kind, details = RequestKind.CANCEL_VISIT, {"reason": reason}
    return await ask_once(writing, clinic_id, patient_id, kind, visit.id, details, actor, now, visit.private)


async def ask_to_move(
    writing: Writing, clinic_id: UUID, patient_id: UUID, appointment_id: UUID, wish: dict[str, Any], days: WishedDays,
    actor: Actor, now: datetime,
) -> RequestView:  # fmt: skip
    """Ask the clinic for another time.

    Raises `NotFound`, `TransitionNotAllowed`, `CallTheClinic`, `RequestAlreadyOpen`, `Invalid` (`days`).
    """
    visit, branch = await _held(writing, clinic_id, patient_id, appointment_id)
    _verdict(visit, branch, now)
    if faults := days_faults(days, now.astimezone(ZoneInfo(branch.zone)).date()):
        raise Invalid(*faults)
    kind = RequestKind.MOVE_VISIT
    return await ask_once(writing, clinic_id, patient_id, kind, visit.id, wish, actor, now, visit.private)


async def ask_for_visit(
    writing: Writing, clinic_id: UUID, patient_id: UUID, wish: dict[str, Any], days: WishedDays,
    actor: Actor, now: datetime, *, private: bool,
) -> RequestView:  # fmt: skip
    """Ask the clinic for a visit. The same wish while it waits is the same request; so many others wait and no more.

    Counted under the patient's lock. Raises `NotFound` (patient, branch), `Invalid`, `TooManyOpenRequests`.
    """
    if not await hold_patients(writing, [patient_id]):
        raise NotFound
    named = wish.get("branch_id")
    today = await today_of(writing, clinic_id, patient_id, UUID(named) if named else None, now)
    faults = days_faults(days, today)
    if not wish.get("service") and not wish.get("words"):
        faults.append(Fault("/service", "missing"))
    if faults:
        raise Invalid(*faults)
    asked = await ask_once(
        writing, clinic_id, patient_id, RequestKind.BOOK_VISIT, None, wish, actor, now, private
    )  # fmt: skip
    if await open_requests(writing, clinic_id, patient_id, RequestKind.BOOK_VISIT) > MOST_BOOKINGS_OPEN:
        raise TooManyOpenRequests
    return asked


async def _held(
    writing: Writing, clinic_id: UUID, patient_id: UUID, appointment_id: UUID
) -> tuple[Appointment, Branch]:
    """The patient before the visit, as everybody locks them: a request holds the patient too."""
    await hold_patients(writing, [patient_id])
    return await held_visit(writing, clinic_id, appointment_id, patient_id)


def _verdict(visit: Appointment, branch: Branch, now: datetime) -> Cancelling:
    notice, own = timedelta(hours=branch.cancel_notice_hours), visit.source == OWN_SOURCE
    verdict = cancelling(AppointmentStatus(visit.status), visit.starts_at, notice, now, own=own)
    if verdict is Cancelling.TOO_LATE:
        raise CallTheClinic
    if verdict is Cancelling.NOT_POSSIBLE:
        raise TransitionNotAllowed
    return verdict
