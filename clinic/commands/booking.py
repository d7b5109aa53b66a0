"""Patients take free times: book one, accept one that was offered, move a visit into one."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from clinic.appointment import STANDING, AppointmentStatus, BookingPolicy, Cancelling, NewVisit, booked_as, cancelling
from clinic.commands.offers import end_offers, hold_offered_slot
from clinic.commands.patients import hold_patients
from clinic.commands.requests import make_request, settle_requests
from clinic.commands.slots import free_slot, known_slot, take_slot
from clinic.commands.visits import book_visit, check_no_overlap, held_visit
from clinic.commands.waiting import OfferGone
from clinic.queries.slots import FreeSlot, alternatives
from clinic.queries.visits import Viewer
from clinic.request import RequestKind
from clinic.slot import Choice, is_for
from clinic.tables import Appointment, Branch, SlotOffer, SlotRow, WaitingEntry
from clinic.waiting_list import EntryStatus, OfferStatus
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.upsert import OWN_SOURCE


class SlotTaken(Conflict):
    """Somebody else has that time; `alternatives` are the nearest that are free."""

    slug = "slot-taken"

    def __init__(self, others: list[FreeSlot]) -> None:
        super().__init__()
        self.alternatives = others


class TooManyVisitsAhead(Conflict):
    """The branch lets a patient book only so many visits ahead by themselves."""

    slug = "too-many-visits-ahead"


class NotBookedSo(Conflict):
    """The clinic moves this visit itself: ask for it."""

    slug = "visit-moved-by-clinic"


async def book_slot(
    writing: Writing, clinic_id: UUID, patient_id: UUID, choice: Choice, viewer: Viewer, actor: Actor, now: datetime
) -> UUID:
    """Book a free time; the id of the visit, `booked` or `requested` as the branch has it.

    Booking again after a lost answer gives the same visit.

    Everybody locks in one order: patient, then slot. The patient's lock makes their other bookings wait, so that
    neither an overlap nor one visit too many slips through; the slot's conditional UPDATE lets one of many win.
    Raises `NotFound`, `SlotTaken`, `VisitOverlaps`, `VisitNotBookable`, `TooManyVisitsAhead`, `Invalid` (service).
    """
    await hold_patients(writing, [patient_id])
    slot, branch = await _slot_and_branch(writing, clinic_id, choice.slot_id)
    if not is_for(choice.service, slot.services):
        raise Invalid(Fault("/service", "not-offered-here"))
    if not choice.service and len(slot.services) > 1:
        raise Invalid(Fault("/service", "missing"))
    wanted = choice.service or next(iter(slot.services), "")
    if mine := await _visit_in(writing, clinic_id, patient_id, slot.id):
        return mine
    if not _looks_free(slot, choice, now):  # seen without waiting; who comes at the same moment is stopped below
        raise SlotTaken(await alternatives(writing, slot, wanted, viewer, now))
    if await _visits_ahead(writing, clinic_id, patient_id, now) >= branch.most_ahead:
        raise TooManyVisitsAhead
    status = booked_as(BookingPolicy(branch.booking))
    new = NewVisit(
        slot.starts_at, slot.ends_at, wanted, slot.practitioner, branch.id, choice.private, status, slot.id
    )  # fmt: skip
    visit = await book_visit(writing, clinic_id, patient_id, new, actor, now)
    if not await take_slot(writing, slot, visit.appointment_id, now):
        raise SlotTaken(await alternatives(writing, slot, wanted, viewer, now))
    if status is AppointmentStatus.REQUESTED:
        details = {"service": wanted, "slot_id": str(slot.id)}
        subject, kind = visit.appointment_id, RequestKind.BOOK_VISIT
        await make_request(writing, clinic_id, patient_id, kind, subject, details, actor, now, choice.private)
    return visit.appointment_id


async def _slot_and_branch(writing: Writing, clinic_id: UUID, slot_id: UUID) -> tuple[SlotRow, Branch]:
    slot = await known_slot(writing, clinic_id, slot_id)
    if slot is None:
        raise NotFound
    place = (col(Branch.clinic_id) == clinic_id, col(Branch.id) == slot.branch_id)
    return slot, (await writing.execute(select(Branch).where(*place))).scalar_one()


def _looks_free(slot: SlotRow, choice: Choice, now: datetime) -> bool:
    """It is, and at the time the patient saw: what its system moved since is another time."""
    moved = choice.starts_at is not None and choice.starts_at != slot.starts_at
    return not moved and slot.is_open and slot.appointment_id is None and slot.starts_at > now


async def _visits_ahead(writing: Writing, clinic_id: UUID, patient_id: UUID, now: datetime) -> int:
    statement = select(func.count()).where(
        col(Appointment.clinic_id) == clinic_id,
        col(Appointment.patient_id) == patient_id,
        col(Appointment.slot_id).is_not(None),
        col(Appointment.starts_at) > now,
        col(Appointment.status).in_([status.value for status in sorted(STANDING)]),
    )
    return int((await writing.execute(statement)).scalar_one())


async def accept_offer(
    writing: Writing, clinic_id: UUID, patient_id: UUID, offer_id: UUID, actor: Actor, now: datetime
) -> UUID:
    """Take the time that was offered; the id of the visit, which is booked: the clinic itself has offered it.

    Locks: patient, slot, its offers. Of all who accept one has it, and the offers to the others are gone. Accepting
    again after a lost answer gives the same visit. Raises `NotFound`, `OfferGone`, `VisitOverlaps`.
    """
    await hold_patients(writing, [patient_id])
    slot = await hold_offered_slot(writing, clinic_id, patient_id, offer_id)
    offer, entry = await _held_offer(writing, clinic_id, patient_id, offer_id)
    if offer.status == OfferStatus.ACCEPTED.value:
        visit_id = await _visit_in(writing, clinic_id, patient_id, offer.slot_id)
        if visit_id is None:
            raise OfferGone  # it was called off or moved since
        return visit_id
    waits = entry.status == EntryStatus.WAITING.value
    if offer.status != OfferStatus.OPEN.value or offer.expires_at <= now or not waits:
        raise OfferGone
    if not _looks_free(slot, Choice(slot.id), now) or slot.starts_at != offer.starts_at:
        raise OfferGone
    new = NewVisit(slot.starts_at, slot.ends_at, entry.service, slot.practitioner, slot.branch_id, slot_id=slot.id)
    visit = await book_visit(writing, clinic_id, patient_id, new, actor, now)
    offer.status, offer.answered_at = OfferStatus.ACCEPTED.value, now
    entry.status, entry.ended_at = EntryStatus.FULFILLED.value, now
    await end_offers(writing, clinic_id, [slot.id], now)
    if not await take_slot(writing, slot, visit.appointment_id, now, offered=True):
        raise OfferGone
    told = Happening("slot_offer.accepted", offer.id, patient_id=patient_id, facts={"slot_id": str(slot.id)})
    await record(writing, clinic_id, actor, [told], now)
    return visit.appointment_id


async def _held_offer(
    writing: Writing, clinic_id: UUID, patient_id: UUID, offer_id: UUID
) -> tuple[SlotOffer, WaitingEntry]:
    same_entry = (col(WaitingEntry.clinic_id) == SlotOffer.clinic_id) & (col(WaitingEntry.id) == SlotOffer.entry_id)
    statement = (
        select(SlotOffer, WaitingEntry)
        .join(WaitingEntry, same_entry)
        .where(
            col(SlotOffer.clinic_id) == clinic_id,
            col(SlotOffer.id) == offer_id,
            col(SlotOffer.patient_id) == patient_id,
        )
        .with_for_update()
    )
    found = (await writing.execute(statement)).one_or_none()
    if found is None:
        raise NotFound
    offer, entry = found
    return offer, entry


async def _visit_in(writing: Writing, clinic_id: UUID, patient_id: UUID, slot_id: UUID) -> UUID | None:
    """The patient's visit that has this slot."""
    its = (col(SlotRow.clinic_id) == Appointment.clinic_id) & (col(SlotRow.appointment_id) == Appointment.id)
    statement = (
        select(col(Appointment.id))
        .join(SlotRow, its)
        .where(
            col(SlotRow.clinic_id) == clinic_id,
            col(SlotRow.id) == slot_id,
            col(Appointment.patient_id) == patient_id,
        )
    )
    return (await writing.execute(statement)).scalar_one_or_none()


async def move_into_slot(
    writing: Writing, clinic_id: UUID, patient_id: UUID, appointment_id: UUID, choice: Choice, viewer: Viewer,
    actor: Actor, now: datetime,
) -> None:  # fmt: skip
    """Move one's own visit into a free time for the same, where the branch books directly; its old slot is free then.

    Raises `NotFound`, `NotBookedSo`, `Invalid` (the slot is not for its service), `SlotTaken`, `VisitOverlaps`.
    """
    await hold_patients(writing, [patient_id])
    visit, branch = await held_visit(writing, clinic_id, appointment_id, patient_id)
    slot, there = await _slot_and_branch(writing, clinic_id, choice.slot_id)
    if visit.slot_id == slot.id:
        return  # asked again after a lost answer
    if not _may_move(visit, branch, there, now):
        raise NotBookedSo
    if not is_for(visit.service, slot.services):
        raise Invalid(Fault("/slot_id", "not-offered-here"))
    if not _looks_free(slot, choice, now):
        raise SlotTaken(await alternatives(writing, slot, visit.service, viewer, now))
    await check_no_overlap(writing, clinic_id, patient_id, slot.starts_at, slot.ends_at, other_than=visit.id)
    await free_slot(writing, visit, actor, now)
    if not await take_slot(writing, slot, visit.id, now):
        raise SlotTaken(await alternatives(writing, slot, visit.service, viewer, now))
    visit.starts_at, visit.ends_at, visit.branch_id = slot.starts_at, slot.ends_at, slot.branch_id
    visit.practitioner, visit.slot_id, visit.changed_at = slot.practitioner, slot.id, now
    visit.status, visit.confirmed_by_patient_at = AppointmentStatus.BOOKED.value, None
    visit.ical_sequence += 1
    await settle_requests(writing, clinic_id, {visit.id: AppointmentStatus.BOOKED}, {visit.id}, actor, now)
    await record(writing, clinic_id, actor, [Happening("appointment.moved", visit.id, patient_id=patient_id)], now)


def _may_move(visit: Appointment, branch: Branch, there: Branch, now: datetime) -> bool:
    """Both branches book directly, the visit is ours, the clinic said yes to it, and there is time to call it off."""
    direct = {BookingPolicy(branch.booking), BookingPolicy(there.booking)} == {BookingPolicy.DIRECT}
    promised = visit.status != AppointmentStatus.REQUESTED.value
    notice, own = timedelta(hours=branch.cancel_notice_hours), visit.source == OWN_SOURCE
    verdict = cancelling(AppointmentStatus(visit.status), visit.starts_at, notice, now, own=own)
    return direct and promised and verdict is Cancelling.CANCELLED
