"""Offers of freed times: to those on the waiting list whom they suit, and on to the next when all have said no."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, insert, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from clinic.queries.privacy import being_erased_sql
from clinic.queries.slots import bookable
from clinic.tables import Branch, SlotOffer, SlotRow, WaitingEntry
from clinic.waiting_list import (
    MOST_ASKED,
    TIME_TO_ANSWER,
    EntryStatus,
    OfferStatus,
    PartOfDay,
    Window,
    Wish,
    answer_by,
    chosen,
)
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, Happening, record
from core.ids import new_id

MOST_WISHES = 1000
"""So many who wait are asked whether a freed time suits them; who waits longest is asked first."""

_UNTRACKED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Asking:
    """How many are asked about a time at once, for how long, and who is not."""

    most: int = MOST_ASKED
    life: timedelta = TIME_TO_ANSWER
    not_for: frozenset[UUID] = frozenset()


async def offer_slots(
    writing: Writing, clinic_id: UUID, slot_ids: Collection[UUID], asking: Asking, actor: Actor, now: datetime
) -> int:
    """Offer freed times to those who wait; how many offers were made.

    Belongs to the transaction that freed the times, so a crash leaves neither, and a batch that is sent again
    finds nothing freed. The slots are locked first; those who wait are locked with SKIP LOCKED: whoever is being
    asked elsewhere, or is just leaving, is passed over. Each slot is held for those asked until their time is over,
    then it is free for everybody, without anybody's doing. Seven statements, whatever the numbers.
    """
    windows = await _windows(writing, clinic_id, slot_ids, asking.not_for, now)
    if not windows:
        return 0
    pairs = chosen(await _wishes(writing, clinic_id, now), windows, asking.most)
    if not pairs:
        return 0
    offers = [
        _offer(clinic_id, wish, window, answer_by(window.starts_at, asking.life, now), now) for wish, window in pairs
    ]
    await writing.execute(insert(SlotOffer).execution_options(render_nulls=True), offers)
    held = {(offer["slot_id"], offer["expires_at"]) for offer in offers}
    await writing.execute(
        update(SlotRow), [{"clinic_id": clinic_id, "id": slot, "held_until": end} for slot, end in sorted(held)]
    )
    await writing.execute(
        update(WaitingEntry),
        [{"clinic_id": clinic_id, "id": offer["entry_id"], "asked_until": offer["expires_at"]} for offer in offers],
    )
    await record(writing, clinic_id, actor, [_made(offer) for offer in offers], now)
    return len(offers)


async def pass_on(writing: Writing, clinic_id: UUID, slot_id: UUID, actor: Actor, now: datetime) -> None:
    """Somebody who was asked about a time wants it no longer: after the last of them the next are asked.

    The slot is locked before it is looked who else is asked: of two who say no at once the second sees the first.
    With nobody left to ask it is free for everybody at once, and not when the time to answer is over.
    """
    slot = (col(SlotRow.clinic_id) == clinic_id, col(SlotRow.id) == slot_id)
    await writing.execute(select(col(SlotRow.id)).where(*slot).with_for_update())
    if not await open_offers(writing, clinic_id, slot_id, now):
        await release(writing, clinic_id, [slot_id])
        await offer_slots(writing, clinic_id, [slot_id], Asking(), actor, now)


async def hold_offered_slot(writing: Writing, clinic_id: UUID, patient_id: UUID, offer_id: UUID) -> SlotRow:
    """The slot of an offer to this patient, locked until the commit. Raises `NotFound`.

    Everybody locks in one order: patient, slot, its offers; for another patient's entry nobody waits who holds a slot.
    """
    offered = select(col(SlotOffer.slot_id)).where(
        col(SlotOffer.clinic_id) == clinic_id, col(SlotOffer.id) == offer_id, col(SlotOffer.patient_id) == patient_id
    )
    its = (col(SlotRow.clinic_id) == clinic_id, col(SlotRow.id) == offered.scalar_subquery())
    slot = (await writing.execute(select(SlotRow).where(*its).with_for_update())).scalar_one_or_none()
    if slot is None:
        raise NotFound
    return slot


async def open_offers(writing: Writing, clinic_id: UUID, slot_id: UUID, now: datetime) -> int:
    """How many may still accept a time."""
    entry = and_(col(WaitingEntry.clinic_id) == SlotOffer.clinic_id, col(WaitingEntry.id) == SlotOffer.entry_id)
    statement = (
        select(func.count())
        .select_from(SlotOffer)
        .join(WaitingEntry, entry)
        .where(
            col(SlotOffer.clinic_id) == clinic_id,
            col(SlotOffer.slot_id) == slot_id,
            col(SlotOffer.status) == OfferStatus.OPEN.value,
            col(SlotOffer.expires_at) > now,
            col(WaitingEntry.status) == EntryStatus.WAITING.value,
            ~being_erased_sql(col(SlotOffer.patient_id)),
        )
    )
    return int((await writing.execute(statement)).scalar_one())


async def end_offers(writing: Writing, clinic_id: UUID, slot_ids: Collection[UUID], now: datetime) -> None:
    """These times are somebody's, shut or moved: who has not answered is told that they are gone, and free for others.

    The caller holds the slots. An entry that somebody holds is just being left, and is passed over.
    """
    unanswered = (
        col(SlotOffer.clinic_id) == clinic_id,
        col(SlotOffer.slot_id) == func.any(sorted(slot_ids)),
        col(SlotOffer.status) == OfferStatus.OPEN.value,
        col(SlotOffer.expires_at) > now,  # whose time is over may have been asked about another since
    )
    ended = (
        update(SlotOffer).where(*unanswered).values(status=OfferStatus.GONE.value).returning(col(SlotOffer.entry_id))
    )
    entries = sorted((await writing.execute(ended, execution_options=_UNTRACKED)).scalars())
    if entries:
        theirs = (col(WaitingEntry.clinic_id) == clinic_id, col(WaitingEntry.id) == func.any(entries))
        free = select(col(WaitingEntry.id)).where(*theirs).with_for_update(skip_locked=True).cte("free")
        again = update(WaitingEntry).where(*theirs, col(WaitingEntry.id).in_(select(free.c.id)))
        await writing.execute(again.values(asked_until=None), execution_options=_UNTRACKED)


async def release(writing: Writing, clinic_id: UUID, slot_ids: Collection[UUID]) -> None:
    """Nobody has a better right to these times any more."""
    named = (col(SlotRow.clinic_id) == clinic_id, col(SlotRow.id) == func.any(sorted(slot_ids)))
    await writing.execute(update(SlotRow).where(*named).values(held_until=None))


async def _windows(
    writing: Writing, clinic_id: UUID, slot_ids: Collection[UUID], not_for: frozenset[UUID], now: datetime
) -> list[Window]:
    same_branch = (col(Branch.clinic_id) == SlotRow.clinic_id) & (col(Branch.id) == SlotRow.branch_id)
    statement = (
        select(SlotRow, col(Branch.zone))
        .join(Branch, same_branch)
        .where(col(SlotRow.clinic_id) == clinic_id, col(SlotRow.id) == func.any(sorted(slot_ids)), *bookable(now))
        .order_by(col(SlotRow.id))
        .with_for_update(of=SlotRow)
    )
    rows = (await writing.execute(statement)).all()
    refused = await _refused(writing, clinic_id, [row.id for row, _ in rows]) if rows else {}
    return [
        Window(
            row.id, row.branch_id, zone, row.starts_at, row.practitioner, frozenset(row.services),
            not_for | refused.get((row.id, row.starts_at), set()),
        )
        for row, zone in rows
    ]  # fmt: skip


async def _refused(
    writing: Writing, clinic_id: UUID, slot_ids: Collection[UUID]
) -> dict[tuple[UUID, datetime], set[UUID]]:
    """Who said no to which time."""
    statement = select(col(SlotOffer.slot_id), col(SlotOffer.starts_at), col(SlotOffer.patient_id)).where(
        col(SlotOffer.clinic_id) == clinic_id,
        col(SlotOffer.slot_id) == func.any(sorted(slot_ids)),
        col(SlotOffer.status) == OfferStatus.DECLINED.value,
    )
    refused: dict[tuple[UUID, datetime], set[UUID]] = {}
    for slot_id, starts_at, patient_id in await writing.execute(statement):
        refused.setdefault((slot_id, starts_at), set()).add(patient_id)
    return refused


async def _wishes(writing: Writing, clinic_id: UUID, now: datetime) -> Sequence[Wish]:
    """Who waits and is not being asked, with this wish or another; nobody whose record is shut to be erased."""
    other = aliased(WaitingEntry)
    asked = exists().where(
        col(other.clinic_id) == WaitingEntry.clinic_id,
        col(other.patient_id) == WaitingEntry.patient_id,
        col(other.status) == EntryStatus.WAITING.value,
        col(other.asked_until) > now,
    )
    statement = (
        select(WaitingEntry)
        .where(
            col(WaitingEntry.clinic_id) == clinic_id,
            col(WaitingEntry.status) == EntryStatus.WAITING.value,
            col(WaitingEntry.until) >= (now - timedelta(days=1)).date(),
            ~asked,
            ~being_erased_sql(col(WaitingEntry.patient_id)),
        )
        .order_by(col(WaitingEntry.id))
        .limit(MOST_WISHES)
        .with_for_update(skip_locked=True)
    )
    return [_wish(row) for row in (await writing.execute(statement)).scalars()]


def _wish(row: WaitingEntry) -> Wish:
    parts = frozenset(PartOfDay(part) for part in row.parts)
    return Wish(
        row.id, row.patient_id, row.until, row.service, row.practitioner, row.branch_id, frozenset(row.weekdays), parts
    )


def _offer(clinic_id: UUID, wish: Wish, window: Window, expires_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id, "id": new_id(), "slot_id": window.slot_id, "entry_id": wish.entry_id,
        "patient_id": wish.patient_id, "starts_at": window.starts_at, "status": OfferStatus.OPEN.value,
        "made_at": now, "expires_at": expires_at,
    }  # fmt: skip


def _made(offer: dict[str, Any]) -> Happening:
    facts = {"slot_id": str(offer["slot_id"]), "entry_id": str(offer["entry_id"])}
    return Happening("slot_offer.made", offer["id"], patient_id=offer["patient_id"], facts=facts)
