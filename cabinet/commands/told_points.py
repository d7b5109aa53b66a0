"""Takes points in that a clinic's own system gives: each of its causes earns once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from cabinet.commands.paid_points import payment_cause
from cabinet.commands.points import Accrual, accrue
from cabinet.loyalty import PointsKind, Programme, points_for
from cabinet.prepaid_facts import PointsFact
from cabinet.queries.points import programmes
from cabinet.tables.loyalty import PointEntry
from clinic.commands import Taken, hold_named_patients
from core.database import Writing
from core.errors import Fault
from core.events import Actor
from core.upsert import Incoming, Outcome, Upserted, hold_source


async def take_points(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, PointsFact]], actor: Actor, now: datetime
) -> Taken:
    """Accrue a batch. A cause that earned before is unchanged; of one without points enough for one it is a fault."""
    await hold_source(writing, "points", clinic_id, source)
    programme = (await programmes(writing, [clinic_id])).get(clinic_id)
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    faults: dict[int, Fault] = {}
    wanted: dict[int, Accrual] = {}
    for index, fact in facts:
        patient = patients.get(fact.patient)
        earned = 0 if programme is None else _earned(fact, programme)
        if patient is None:
            faults[index] = Fault("/patient", "unknown-reference")
        elif earned == 0:
            faults[index] = Fault("/paid" if fact.paid else "/points", "earns-nothing")
        else:
            wanted[index] = Accrual(clinic_id, patient.id, _cause(source, fact), earned, private=fact.private)
    new = {each.cause for each in await accrue(writing, list(wanted.values()), actor, now)}
    lots = await _lots(writing, clinic_id, [each.cause for each in wanted.values()])
    done = [_taken(index, fact, wanted[index].cause, lots, new) for index, fact in facts if index in wanted]
    return done, faults


def _cause(source: str, fact: PointsFact) -> str:
    own = f"{source}:{fact.external_id}"
    return own if fact.paid is None else payment_cause(source, fact.external_id)


def _earned(fact: PointsFact, programme: Programme) -> int:
    return points_for(fact.paid, programme) if fact.paid is not None else fact.points or 0


async def _lots(writing: Writing, clinic_id: UUID, causes: list[str]) -> dict[str, UUID]:
    statement = select(col(PointEntry.cause), col(PointEntry.lot_id)).where(
        col(PointEntry.clinic_id) == clinic_id,
        col(PointEntry.cause).in_(causes),
        col(PointEntry.kind) == PointsKind.ACCRUE.value,
    )
    return {row.cause: row.lot_id for row in await writing.execute(statement)}


def _taken(index: int, fact: PointsFact, cause: str, lots: dict[str, UUID], new: set[str]) -> Upserted:
    outcome = Outcome.CREATED if cause in new else Outcome.UNCHANGED
    return Upserted(Incoming(index, fact.external_id, fact.version, {}), outcome, lots[cause], None, cause in new)
