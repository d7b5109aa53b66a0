"""Free times: take in those of the clinic's system, open one of our own, free one whose visit was called off."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from clinic.appointment import span_fault
from clinic.commands.batch import Taken, changed
from clinic.commands.offers import Asking, end_offers, offer_slots, release
from clinic.queries import Place, branches_by_name
from clinic.queries.slots import bookable, unheld, untreated
from clinic.slot import SlotFact, is_freed
from clinic.tables import Appointment, SlotRow
from core.database import Writing
from core.errors import Fault
from core.events import Actor
from core.upsert import Incoming, Upserted, held_rows, upsert


async def take_slots(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, SlotFact]], actor: Actor, now: datetime
) -> Taken:
    """Upsert the free times of a batch, and offer those that were freed to the waiting list.

    That a slot was booked here stands beside what its system says of it, and outlives every sync. The diary of
    another system is no history of a patient: it changes by the minute, and leaves no events.
    """
    branches = await branches_by_name(writing)
    judged = {index: _slot_row(index, fact, branches) for index, fact in facts}
    faults = {index: row for index, row in judged.items() if isinstance(row, Fault)}
    rows = [row for row in judged.values() if isinstance(row, Incoming)]
    names = [row.external_id for row in rows]
    held = await held_rows(writing, SlotRow, clinic_id, source, names, ("is_open", "starts_at"))
    done = await upsert(writing, SlotRow, clinic_id, source, rows, held, now)
    if lost := [each.id for each in changed(done) if _is_lost(each)]:
        await release(writing, clinic_id, lost)
        await end_offers(writing, clinic_id, lost, now)
    said = {fact.external_id: fact.freed for _, fact in facts}
    # A newer version of the same content too: that it is freed is no content (`SlotFact.freed`).
    freed = [
        each.id
        for each in done
        if each.written
        and is_freed(
            said[each.incoming.external_id],
            was_open=each.before["is_open"] if each.before else None,
            is_open=each.incoming.columns["is_open"],
        )
    ]
    if freed:
        await offer_slots(writing, clinic_id, freed, Asking(), actor, now)
    return done, faults


def _slot_row(index: int, fact: SlotFact, branches: dict[str, Place]) -> Incoming | Fault:
    branch = branches.get(fact.branch)
    if branch is None:
        return Fault("/branch", "unknown-reference")
    if fault := span_fault(fact.starts_at, fact.ends_at):
        return fault
    columns = fact.model_dump(exclude={"external_id", "version", "branch", "freed"})
    return Incoming(index, fact.external_id, fact.version, {"branch_id": branch.id, **columns})


def _is_lost(done: Upserted) -> bool:
    """Whether the time that was offered of it is no more: it is shut now, or at another hour."""
    before, columns = done.before, done.incoming.columns
    return before is not None and (not columns["is_open"] or before["starts_at"] != columns["starts_at"])


async def free_slot(writing: Writing, visit: Appointment, actor: Actor, now: datetime) -> None:
    """The visit needs its slot no longer: offered to others who wait first, then free for everybody."""
    if visit.slot_id is None:
        return
    mine = (col(SlotRow.clinic_id) == visit.clinic_id, col(SlotRow.appointment_id) == visit.id)
    freed = update(SlotRow).where(*mine).values(appointment_id=None, held_until=None).returning(col(SlotRow.id))
    ids = list((await writing.execute(freed)).scalars())
    visit.slot_id = None
    if ids:
        asked = Asking(not_for=frozenset({visit.patient_id}))
        await offer_slots(writing, visit.clinic_id, ids, asked, actor, now)


async def take_slot(
    writing: Writing, slot: SlotRow, appointment_id: UUID, now: datetime, *, offered: bool = False
) -> bool:
    """Whether the slot is ours now, and still as it was read into `slot`.

    One conditional UPDATE: of any number at once exactly one finds it free. The others wait for its row, see that the
    condition holds no longer, and change nothing. A time that is held for the waiting list is taken only by those to
    whom it was `offered`. Nobody treats two at once: who takes another time of the same practitioner waits here, and
    sees this visit.
    """
    same = [col(SlotRow.clinic_id) == slot.clinic_id, col(SlotRow.id) == slot.id, *bookable(now)]
    as_read = [col(SlotRow.starts_at) == slot.starts_at, col(SlotRow.ends_at) == slot.ends_at]
    same += [*as_read, col(SlotRow.branch_id) == slot.branch_id, col(SlotRow.practitioner) == slot.practitioner]
    if not offered:
        same.append(unheld(now))
    given = {"appointment_id": appointment_id, "held_until": None}  # given back by its visit it is held for nobody
    taken = update(SlotRow).where(*same).values(given).returning(col(SlotRow.id))
    unsynchronised = taken.execution_options(synchronize_session=False)
    if (await writing.execute(unsynchronised)).scalar_one_or_none() is None:
        return False
    return not slot.practitioner or await _alone(writing, slot, appointment_id)


async def _alone(writing: Writing, slot: SlotRow, appointment_id: UUID) -> bool:
    """Whether its practitioner treats nobody else then. The last lock of a booking: who has it waits for nobody."""
    whose = func.hashtextextended(f"practitioner {slot.clinic_id} {slot.practitioner.lower()}", 0)
    await writing.execute(select(func.pg_advisory_xact_lock(whose)))
    same = (col(SlotRow.clinic_id) == slot.clinic_id, col(SlotRow.id) == slot.id)
    return (await writing.execute(select(untreated(appointment_id)).where(*same))).scalar_one()


async def known_slot(writing: Writing, clinic_id: UUID, slot_id: UUID) -> SlotRow | None:
    statement = select(SlotRow).where(col(SlotRow.clinic_id) == clinic_id, col(SlotRow.id) == slot_id)
    return (await writing.execute(statement)).scalar_one_or_none()
