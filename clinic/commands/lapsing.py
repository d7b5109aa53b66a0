"""What the calendar ends: requests about visits whose time has come, and free times that are long past."""

from datetime import datetime, timedelta

from sqlalchemy import and_, delete, exists, select, tuple_, update
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.request import ABOUT_VISITS, RequestStatus
from clinic.tables import Appointment, PatientRequest, SlotOffer, SlotRow
from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from core.upsert import OWN_SOURCE

SLOTS_KEPT = timedelta(days=30)


async def lapse_requests(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Close the open requests about visits that have begun; how many. A visit of ours that the clinic never said yes
    to is declined by that.

    Visits are locked before their requests, as everybody does; what is being changed or answered now is passed by.
    """
    about = and_(
        col(PatientRequest.clinic_id) == Appointment.clinic_id, col(PatientRequest.subject_id) == Appointment.id
    )
    still_open = (
        col(PatientRequest.status) == RequestStatus.OPEN.value,
        col(PatientRequest.kind).in_(sorted(ABOUT_VISITS)),
    )
    waits = exists().where(about, *still_open)
    begun = select(Appointment).where(col(Appointment.starts_at) <= now, waits).limit(limit)
    visits = (await sweeping.execute(begun.with_for_update(skip_locked=True))).scalars().all()
    if not visits:
        return 0
    keys = [(visit.clinic_id, visit.id) for visit in visits]
    lapsed = (
        update(PatientRequest)
        .where(tuple_(col(PatientRequest.clinic_id), col(PatientRequest.subject_id)).in_(keys), *still_open)
        .values(status=RequestStatus.LAPSED.value, answered_at=now)
        .returning(PatientRequest)
        .execution_options(synchronize_session=False)
    )
    told = [
        (row.clinic_id, Happening("request.lapsed", row.id, row.patient_id, {"kind": row.kind}))
        for row in (await sweeping.execute(lapsed)).scalars()
    ]
    for visit in visits:
        if visit.source == OWN_SOURCE and visit.status == AppointmentStatus.REQUESTED.value:
            visit.status, visit.changed_at = AppointmentStatus.DECLINED.value, now
            visit.ical_sequence += 1
            told.append((visit.clinic_id, Happening("appointment.declined", visit.id, visit.patient_id)))
    await record_across(sweeping, SYSTEM, told, now)
    return len(told)


async def forget_past_slots(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Delete times that ended 30 days ago, with the offers made of them; how many. No visit needs them any more."""
    past = (
        select(col(SlotRow.clinic_id), col(SlotRow.id))
        .where(col(SlotRow.ends_at) < now - SLOTS_KEPT)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    keys = [(clinic_id, slot_id) for clinic_id, slot_id in await sweeping.execute(past)]
    if keys:
        offered = tuple_(col(SlotOffer.clinic_id), col(SlotOffer.slot_id)).in_(keys)
        await sweeping.execute(delete(SlotOffer).where(offered))
        await sweeping.execute(delete(SlotRow).where(tuple_(col(SlotRow.clinic_id), col(SlotRow.id)).in_(keys)))
    return len(keys)
