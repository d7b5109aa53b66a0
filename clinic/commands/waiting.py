"""The waiting list: join it, leave it, turn down what was offered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from clinic.commands.offers import hold_offered_slot, pass_on
from clinic.commands.patients import hold_patient, hold_patients
from clinic.queries.places import today_of
from clinic.queries.waiting import Entry, NewEntry, day_of_entry, entry_value
from clinic.tables import SlotOffer, WaitingEntry
from clinic.waiting_list import MOST_WAITING, EntryStatus, OfferStatus, until_fault
from core.database import Writing
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id


class OfferGone(Conflict):
    """Somebody was faster, the time to answer is over, or the wish was withdrawn."""

    slug = "offer-gone"


class WaitingAlready(Conflict):
    slug = "waiting-already"


class WaitingForTooMuch(Conflict):
    slug = "waiting-for-too-much"


async def join_waiting_list(
    writing: Writing, clinic_id: UUID, patient_id: UUID, new: NewEntry, actor: Actor, now: datetime
) -> Entry:
    """Wait for a time. A wish for the same whose last day has passed stands in nobody's way.

    Raises `NotFound` (patient, branch), `Invalid` (`until`), `WaitingAlready` (for the same service),
    `WaitingForTooMuch`.
    """
    await hold_patient(writing, patient_id)
    if fault := until_fault(new.until, await today_of(writing, clinic_id, patient_id, new.branch_id, now)):
        raise Invalid(fault)
    await _write_down_expired(writing, clinic_id, patient_id, now)
    waiting = (col(WaitingEntry.patient_id) == patient_id, col(WaitingEntry.status) == EntryStatus.WAITING.value)
    count = select(func.count()).where(col(WaitingEntry.clinic_id) == clinic_id, *waiting)
    if (await writing.execute(count)).scalar_one() >= MOST_WAITING:
        raise WaitingForTooMuch
    columns = {
        **new.model_dump(), "parts": [part.value for part in new.parts], "clinic_id": clinic_id, "id": new_id(),
        "patient_id": patient_id, "status": EntryStatus.WAITING.value, "made_at": now,
    }  # fmt: skip
    made = upsert(WaitingEntry).values(columns).on_conflict_do_nothing().returning(WaitingEntry)
    row = (await writing.execute(made)).scalar_one_or_none()
    if row is None:
        raise WaitingAlready
    told = Happening("waiting_entry.made", row.id, patient_id=patient_id)
    await record(writing, clinic_id, actor, [told], now)
    return entry_value(row, EntryStatus.WAITING)


async def _write_down_expired(writing: Writing, clinic_id: UUID, patient_id: UUID, now: datetime) -> None:
    over = (
        col(WaitingEntry.clinic_id) == clinic_id,
        col(WaitingEntry.patient_id) == patient_id,
        col(WaitingEntry.status) == EntryStatus.WAITING.value,
        col(WaitingEntry.until) < day_of_entry(now),
    )
    ended = update(WaitingEntry).where(*over).values(status=EntryStatus.EXPIRED.value, ended_at=now)
    await writing.execute(ended.execution_options(synchronize_session=False))


async def leave_waiting_list(
    writing: Writing, clinic_id: UUID, patient_id: UUID, entry_id: UUID, actor: Actor, now: datetime
) -> Entry:
    """Wait no longer; what was offered meanwhile is gone. Leaving again changes nothing. Raises `NotFound`.

    Locks: patient, entry, slot; who holds a slot waits for no entry but the same patient's.
    """
    await hold_patients(writing, [patient_id])
    mine = (
        col(WaitingEntry.clinic_id) == clinic_id,
        col(WaitingEntry.id) == entry_id,
        col(WaitingEntry.patient_id) == patient_id,
    )
    row = (await writing.execute(select(WaitingEntry).where(*mine).with_for_update())).scalar_one_or_none()
    if row is None:
        raise NotFound
    if row.status == EntryStatus.WAITING.value:
        row.status, row.ended_at = EntryStatus.WITHDRAWN.value, now
        told = Happening("waiting_entry.withdrawn", row.id, patient_id=patient_id)
        await record(writing, clinic_id, actor, [told], now)
        for slot_id in await _asked_about(writing, row, now):  # one at most: nobody is asked about two times at once
            await pass_on(writing, clinic_id, slot_id, actor, now)
    return entry_value(row, EntryStatus(row.status))


async def _asked_about(writing: Writing, entry: WaitingEntry, now: datetime) -> list[UUID]:
    statement = select(col(SlotOffer.slot_id)).where(
        col(SlotOffer.clinic_id) == entry.clinic_id,
        col(SlotOffer.patient_id) == entry.patient_id,
        col(SlotOffer.entry_id) == entry.id,
        col(SlotOffer.status) == OfferStatus.OPEN.value,
        col(SlotOffer.expires_at) > now,
    )
    return list((await writing.execute(statement)).scalars())


async def decline_offer(
    writing: Writing, clinic_id: UUID, patient_id: UUID, offer_id: UUID, actor: Actor, now: datetime
) -> None:
    """Say no to an offer and go on waiting, at once free for the next; the last no passes the time on.

    Raises `NotFound`, `OfferGone`.
    """
    await hold_patients(writing, [patient_id])
    await hold_offered_slot(writing, clinic_id, patient_id, offer_id)
    mine = (
        col(SlotOffer.clinic_id) == clinic_id,
        col(SlotOffer.id) == offer_id,
        col(SlotOffer.patient_id) == patient_id,
    )
    row = (await writing.execute(select(SlotOffer).where(*mine).with_for_update())).scalar_one_or_none()
    if row is None:
        raise NotFound
    if row.status == OfferStatus.DECLINED.value:
        return
    if row.status != OfferStatus.OPEN.value or row.expires_at <= now:
        raise OfferGone
    row.status, row.answered_at = OfferStatus.DECLINED.value, now
    entry = (col(WaitingEntry.clinic_id) == clinic_id, col(WaitingEntry.id) == row.entry_id)
    await writing.execute(update(WaitingEntry).where(*entry).values(asked_until=None))
    told = Happening("slot_offer.declined", row.id, patient_id=patient_id)
    await record(writing, clinic_id, actor, [told], now)
    await pass_on(writing, clinic_id, row.slot_id, actor, now)
