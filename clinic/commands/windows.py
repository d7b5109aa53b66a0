"""A time that the desk frees by hand: a slot of our own, offered to the waiting list first."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.appointment import booking_fault, span_fault
from clinic.commands.offers import Asking, offer_slots, open_offers
from clinic.commands.visits import VisitEndsBeforeItStarts, VisitNotBookable
from clinic.tables import Branch, SlotRow
from core.database import Writing
from core.errors import Conflict, Fault, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from core.moments import rfc3339
from core.upsert import OWN_SOURCE


class WindowTaken(Conflict):
    """A patient has booked this very time."""

    slug = "window-taken"


@dataclass(frozen=True, slots=True)
class NewWindow:
    branch_id: UUID
    starts_at: datetime
    ends_at: datetime
    practitioner: str = ""
    services: list[str] = field(default_factory=list)


async def offer_window(
    writing: Writing, clinic_id: UUID, window: NewWindow, most: int, life: timedelta, actor: Actor, now: datetime
) -> tuple[UUID, int]:
    """The slot made of it, and how many may answer. While they may it is theirs, then it is everybody's.

    One chair has one time: the same window offered again is the same slot, and asks who was not asked yet.
    Raises `NotFound` (branch), `VisitEndsBeforeItStarts`, `VisitNotBookable`, `WindowTaken`.
    """
    known = select(col(Branch.id)).where(col(Branch.clinic_id) == clinic_id, col(Branch.id) == window.branch_id)
    if (await writing.execute(known)).scalar_one_or_none() is None:
        raise NotFound
    if window.ends_at <= window.starts_at:
        raise VisitEndsBeforeItStarts(Fault("/ends_at", "ends-before-start"))
    if fault := span_fault(window.starts_at, window.ends_at) or booking_fault(window.starts_at, now):
        raise VisitNotBookable(fault)
    slot_id, is_new = await _opened(writing, clinic_id, window, now)
    if is_new:
        await record(writing, clinic_id, actor, [Happening("slot.opened", slot_id)], now)
    await offer_slots(writing, clinic_id, [slot_id], Asking(most, life), actor, now)
    return slot_id, await open_offers(writing, clinic_id, slot_id, now)


async def _opened(writing: Writing, clinic_id: UUID, window: NewWindow, now: datetime) -> tuple[UUID, bool]:
    """The slot of this window, and whether it is new. Its name says what it is, so two taps at once make one."""
    times = f"{rfc3339(window.starts_at)} {rfc3339(window.ends_at)}"
    name = f"{window.branch_id} {times} {window.practitioner.casefold()}"
    row_id = new_id()
    row = {
        "clinic_id": clinic_id, "id": row_id, "source": OWN_SOURCE, "external_id": name, "source_version": 0,
        "content_hash": "", "changed_at": now, "branch_id": window.branch_id, "practitioner": window.practitioner,
        "services": window.services, "starts_at": window.starts_at, "ends_at": window.ends_at, "is_open": True,
    }  # fmt: skip
    fresh = insert(SlotRow).values(row)
    again = fresh.on_conflict_do_update(
        index_elements=["clinic_id", "source", "external_id"],
        set_={"services": fresh.excluded.services, "changed_at": now},
    )
    returned = again.returning(col(SlotRow.id), col(SlotRow.appointment_id))
    slot_id, appointment_id = (await writing.execute(returned)).one()
    if appointment_id is not None:
        raise WindowTaken
    return slot_id, slot_id == row_id
