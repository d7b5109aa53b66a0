"""Staff's answer to a request and its withdrawal, together with what they do to a visit that waits for it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.commands.patients import hold_patients
from clinic.commands.requests import answer_request, ask_once, withdraw_request
from clinic.commands.visits import VisitNotBookable, VisitOfAnotherSystem, held_visit, put_into
from clinic.queries.requests import RequestView
from clinic.request import RequestKind, RequestVerdict
from clinic.tables import Appointment, PatientRequest
from core.database import Writing
from core.errors import Fault
from core.events import Actor
from core.upsert import OWN_SOURCE

_BECOMES = {
    RequestVerdict.ACCEPTED: AppointmentStatus.BOOKED,
    RequestVerdict.DECLINED: AppointmentStatus.DECLINED,
}


async def answer(
    writing: Writing, clinic_id: UUID, request_id: UUID, verdict: RequestVerdict, note: str,
    actor: Actor, now: datetime,
) -> RequestView:  # fmt: skip
    """Answer once; a visit that waits for this answer is booked or declined by it.

    The visit is locked before its request, in the order in which everybody locks them: whoever changes the visit at
    the same moment settles the request first, and this answer comes too late. Raises `NotFound`, `RequestNotOpen`,
    `VisitOfAnotherSystem` (adopted meanwhile: the answer comes from there), `VisitNotBookable` (its time is over).
    """
    visit = await _visit_asked_for(writing, clinic_id, request_id)
    answered = await answer_request(writing, clinic_id, request_id, verdict, note, actor, now)
    if visit is not None and visit.status == AppointmentStatus.REQUESTED.value:
        if visit.source != OWN_SOURCE:
            raise VisitOfAnotherSystem
        if verdict is RequestVerdict.ACCEPTED and visit.starts_at <= now:
            raise VisitNotBookable(Fault("/verdict", "in-the-past"))
        await put_into(writing, visit, _BECOMES[verdict], actor, now)
    return answered


async def withdraw(
    writing: Writing, clinic_id: UUID, patient_id: UUID, request_id: UUID, actor: Actor, now: datetime
) -> RequestView:
    """Take a request back; the visit that it asked for is called off by that, and its time is free again.

    Where the clinic's system has taken the visit over, the clinic is asked to call it off. Locks: patient, visit,
    request. Raises what `withdraw_request` raises.
    """
    await hold_patients(writing, [patient_id])
    visit = await _visit_asked_for(writing, clinic_id, request_id, patient_id)
    withdrawn = await withdraw_request(writing, clinic_id, patient_id, request_id, actor, now)
    if visit is not None and visit.status == AppointmentStatus.REQUESTED.value:
        details = {"reason": "other"}
        if visit.source == OWN_SOURCE:
            await put_into(writing, visit, AppointmentStatus.CANCELLED, actor, now, details)
        else:
            kind = RequestKind.CANCEL_VISIT
            await ask_once(writing, clinic_id, patient_id, kind, visit.id, details, actor, now, visit.private)
    return withdrawn


async def _visit_asked_for(
    writing: Writing, clinic_id: UUID, request_id: UUID, patient_id: UUID | None = None
) -> Appointment | None:
    """The visit that waits for the answer to a booking, locked."""
    asked = select(col(PatientRequest.subject_id)).where(
        col(PatientRequest.clinic_id) == clinic_id,
        col(PatientRequest.id) == request_id,
        col(PatientRequest.kind) == RequestKind.BOOK_VISIT.value,
        col(PatientRequest.subject_id).is_not(None),
    )
    if patient_id is not None:
        asked = asked.where(col(PatientRequest.patient_id) == patient_id)
    visit_id = (await writing.execute(asked)).scalar_one_or_none()
    return None if visit_id is None else (await held_visit(writing, clinic_id, visit_id, patient_id))[0]
