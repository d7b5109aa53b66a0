"""Who was let in against who was held out: how many of each met the goal, and what was charged to them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import Date, Subquery, and_, func, literal, select
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from automation.journey.document import Journey
from automation.journey.words import EnrolmentState
from automation.tables import Enrolment, JourneyRow
from cabinet.account_balance import LedgerKind
from cabinet.tables.account import LedgerEntry
from clinic.tables import Branch, Patient
from core.database import MOMENT_PARAMETER, Reading
from core.money import Money
from core.values import Value

MOST_CURRENCIES = 20


class Brought(Value):
    """What was charged to them within the goal's days of their first entry, each charge once."""

    reached: list[Money] = Field(max_length=MOST_CURRENCIES)
    held_out: list[Money] = Field(max_length=MOST_CURRENCIES)


def _compared(clinic_id: UUID, journey: Journey, now: datetime) -> Subquery:
    """Everybody by their first way through the journey, where the days for the goal are over: of the others nobody
    knows yet.

    Once each, since whoever is held out waits for nothing and comes in again sooner. And of all versions of this goal
    and this share held out: who moves on to the next version is taken out of the first one, who is held out stays.
    """
    assert journey.goal is not None
    alike = {"goal": journey.goal.model_dump(mode="json"), "holdout_percent": journey.holdout_percent}
    versions = select(col(JourneyRow.id)).where(
        col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.key) == journey.key,
        col(JourneyRow.definition).contains(alike),
    )  # fmt: skip
    who = (col(Enrolment.clinic_id), col(Enrolment.patient_id))
    held = (col(Enrolment.state) == EnrolmentState.HELD_OUT.value).label("held")
    first = (
        select(*who, held, col(Enrolment.entered_at), col(Enrolment.goal_at))
        .where(col(Enrolment.clinic_id) == clinic_id, col(Enrolment.journey_id).in_(versions))
        .ext(distinct_on(*who))
        .order_by(*who, col(Enrolment.entered_at), col(Enrolment.id))
        .subquery("first")
    )
    days = func.make_interval(0, 0, 0, journey.goal.within_days)
    over = first.c.entered_at + days <= literal(now, MOMENT_PARAMETER)
    return select(first).where(over).subquery("compared")


async def arms(reading: Reading, clinic_id: UUID, journey: Journey, now: datetime) -> dict[bool, tuple[int, int]]:
    """By whether they were held out: how many met the goal, of how many."""
    if journey.goal is None:
        return {}
    each = _compared(clinic_id, journey, now)
    statement = select(each.c.held, func.count(each.c.goal_at), func.count()).group_by(each.c.held)
    return {is_held: (met, of) for is_held, met, of in await reading.execute(statement)}


async def brought_by(reading: Reading, clinic_id: UUID, journey: Journey, now: datetime) -> Brought:
    assert journey.goal is not None
    each = _compared(clinic_id, journey, now)
    entered_on = as_type(func.timezone(col(Branch.zone), each.c.entered_at), Date)
    who = and_(col(Patient.clinic_id) == each.c.clinic_id, col(Patient.id) == each.c.patient_id)
    home = and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == col(Patient.branch_id))
    charged = and_(
        col(LedgerEntry.clinic_id) == each.c.clinic_id,
        col(LedgerEntry.patient_id) == each.c.patient_id,
        col(LedgerEntry.kind) == LedgerKind.CHARGE.value,
        ~col(LedgerEntry.voided),
        col(LedgerEntry.posted_on).between(entered_on, entered_on + journey.goal.within_days),
    )
    statement = (
        select(each.c.held, col(LedgerEntry.currency), func.sum(col(LedgerEntry.effect_minor)))
        .join_from(each, Patient, who)
        .join(Branch, home)
        .join(LedgerEntry, charged)
        .group_by(each.c.held, col(LedgerEntry.currency))
        .order_by(col(LedgerEntry.currency))
    )
    sums: dict[bool, list[Money]] = {False: [], True: []}
    for is_held, currency, amount in await reading.execute(statement):
        sums[is_held].append(Money(amount_minor=int(amount), currency=currency))
    return Brought(reached=sums[False], held_out=sums[True])
