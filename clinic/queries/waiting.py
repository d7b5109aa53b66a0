"""Who waits, and what was offered to whom."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, func, literal, select
from sqlmodel import col

from clinic.queries.fragments import patient_name, same_patient
from clinic.queries.slots import FreeSlot, slot_value
from clinic.queries.visits import Viewer
from clinic.tables import Branch, Patient, SlotOffer, SlotRow, WaitingEntry
from clinic.waiting_list import EntryStatus, OfferStatus, PartOfDay, entry_status, offer_status
from core.database import MOMENT_PARAMETER, Reading
from core.moments import Day, Moment
from core.values import Int32, MaybeText, ShortText, Value

Weekdays = Annotated[
    list[Annotated[Int32, Field(ge=0, le=6)]],
    Field(max_length=7, description="0 is Monday; none: any day.", examples=[[0, 2]]),
]
Parts = Annotated[
    list[PartOfDay], Field(max_length=3, description="On the branch's clock; none: any.", examples=[["morning"]])
]


class NewEntry(Value):
    """What is waited for, and until which day."""

    service: ShortText = Field(examples=["Hygiene"])
    practitioner: MaybeText = Field(default="", description="Empty: anybody.", examples=["Dr. Bianchi"])
    branch_id: UUID | None = Field(default=None, description="None: any branch.")
    weekdays: Weekdays = Field(default_factory=list)
    parts: Parts = Field(default_factory=list)
    until: Day = Field(examples=["2026-12-24"])


class Entry(Value):
    """A place on the waiting list."""

    entry_id: UUID
    patient_id: UUID
    service: str
    practitioner: str
    branch_id: UUID | None
    weekdays: Weekdays
    parts: Parts
    until: Day
    status: EntryStatus
    made_at: Moment


class Offer(Value):
    """A freed time that was offered: who accepts first has it. Not open any more once it is `gone`."""

    offer_id: UUID
    entry_id: UUID
    status: OfferStatus
    expires_at: Moment
    slot: FreeSlot


class Waiting(Value):
    """An entry as the desk sees it, with whose it is."""

    patient_name: str
    entry: Entry


MOST_ENTRIES = 50
MOST_OFFERS = 50


async def entries_of(reading: Reading, patient_id: UUID, now: datetime) -> list[Entry]:
    """What a patient waits or waited for, latest first."""
    statement = (
        select(WaitingEntry, day_of_entry(now))
        .where(col(WaitingEntry.patient_id) == patient_id)
        .order_by(col(WaitingEntry.id).desc())
        .limit(MOST_ENTRIES)
    )
    return [
        entry_value(row, entry_status(row.status, row.until, today)) for row, today in await reading.execute(statement)
    ]


def day_of_entry(now: datetime) -> ColumnElement[date]:
    """SQL: the day it is at the branch that is waited for, or at the patient's own."""
    own = select(col(Patient.branch_id)).where(same_patient(WaitingEntry)).correlate(WaitingEntry).scalar_subquery()
    zone = (
        select(col(Branch.zone))
        .where(col(Branch.clinic_id) == WaitingEntry.clinic_id)
        .where(col(Branch.id) == func.coalesce(col(WaitingEntry.branch_id), own))
        .correlate(WaitingEntry)
        .scalar_subquery()
    )
    return func.date(func.timezone(zone, literal(now, MOMENT_PARAMETER)))


async def waiting_list(
    reading: Reading, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Waiting]:
    """Who waits in the clinic, longest first."""
    name = patient_name(col(WaitingEntry.clinic_id), col(WaitingEntry.patient_id))
    statement = (
        select(WaitingEntry, name)
        .where(col(WaitingEntry.status) == EntryStatus.WAITING.value, col(WaitingEntry.until) >= day_of_entry(now))
        .order_by(col(WaitingEntry.made_at), col(WaitingEntry.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(func.row(col(WaitingEntry.made_at), col(WaitingEntry.id)) > func.row(*after))
    rows = await reading.execute(statement)
    return [Waiting(patient_name=named, entry=entry_value(row, EntryStatus.WAITING)) for row, named in rows]


async def offers_of(reading: Reading, patient_id: UUID, viewer: Viewer, now: datetime) -> list[Offer]:
    """What was offered to a patient, latest first."""
    same_slot = (col(SlotRow.clinic_id) == SlotOffer.clinic_id) & (col(SlotRow.id) == SlotOffer.slot_id)
    same_branch = (col(Branch.clinic_id) == SlotRow.clinic_id) & (col(Branch.id) == SlotRow.branch_id)
    same_entry = (col(WaitingEntry.clinic_id) == SlotOffer.clinic_id) & (col(WaitingEntry.id) == SlotOffer.entry_id)
    statement = (
        select(SlotOffer, SlotRow, Branch, col(WaitingEntry.status))
        .join(SlotRow, same_slot)
        .join(Branch, same_branch)
        .join(WaitingEntry, same_entry)
        .where(col(SlotOffer.patient_id) == patient_id)
        .order_by(col(SlotOffer.id).desc())
        .limit(MOST_OFFERS)
    )
    rows = await reading.execute(statement)
    return [_offer_value(offer, slot, branch, waits, viewer, now) for offer, slot, branch, waits in rows]


def _offer_value(offer: SlotOffer, slot: SlotRow, branch: Branch, waits: str, viewer: Viewer, now: datetime) -> Offer:
    same = slot.is_open and slot.starts_at == offer.starts_at
    free = same and slot.appointment_id is None and waits == EntryStatus.WAITING.value
    return Offer(
        offer_id=offer.id,
        entry_id=offer.entry_id,
        status=offer_status(offer.status, offer.expires_at, now, still_free=free),
        expires_at=offer.expires_at,
        slot=slot_value(slot, branch, viewer),
    )


def entry_value(row: WaitingEntry, status: EntryStatus) -> Entry:
    return Entry(
        entry_id=row.id,
        patient_id=row.patient_id,
        service=row.service,
        practitioner=row.practitioner,
        branch_id=row.branch_id,
        weekdays=row.weekdays,
        parts=[PartOfDay(part) for part in row.parts],
        until=row.until,
        status=status,
        made_at=row.made_at,
    )
