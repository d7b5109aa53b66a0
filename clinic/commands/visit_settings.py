"""How a branch lets patients book and call off, and what the clinic calls the states of a visit."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, update
from sqlmodel import col

from clinic.queries.visit_settings import BranchBooking, StateLabel
from clinic.tables import Branch, VisitLabel
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, Happening, record
from core.ids import new_id


async def set_branch_booking(
    writing: Writing, clinic_id: UUID, branch_id: UUID, rules: BranchBooking, actor: Actor, now: datetime
) -> None:
    """What patients may do about visits of this branch by themselves. Raises `NotFound`."""
    same = (col(Branch.clinic_id) == clinic_id, col(Branch.id) == branch_id)
    changed = update(Branch).where(*same).values(rules.model_dump(mode="json")).returning(col(Branch.id))
    if (await writing.execute(changed)).scalar_one_or_none() is None:
        raise NotFound
    facts = rules.model_dump(mode="json")
    await record(writing, clinic_id, actor, [Happening("branch.booking_set", branch_id, facts=facts)], now)


async def set_visit_labels(
    writing: Writing, clinic_id: UUID, labels: Sequence[StateLabel], actor: Actor, now: datetime
) -> None:
    """The clinic's own words, all of them: those not named are ours again."""
    await writing.execute(delete(VisitLabel).where(col(VisitLabel.clinic_id) == clinic_id))
    rows = [{"clinic_id": clinic_id, "id": new_id(), **each.model_dump(mode="json")} for each in labels]
    if rows:
        await writing.execute(insert(VisitLabel), rows)
    await record(writing, clinic_id, actor, [Happening("visit_labels.set", clinic_id)], now)
