"""A patient's account as they and the desk see it: built as JSON by PostgreSQL, described by values.

The fragments are SQL for read documents, always correlated with a clinic and a patient. They are the twins of
`cabinet.account_balance`; a test makes the two agree.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, literal_column, select, union_all
from sqlmodel import col

from cabinet.account_balance import CHARGED, MOST_CURRENCIES, PAID, Balance, LedgerKind, PlanAccount
from cabinet.payment import RECEIVED
from cabinet.queries.fragments import list_of, of_person, person_document
from cabinet.tables.account import LedgerEntry
from cabinet.tables.payment import PaymentIntent
from cabinet.tables.plan import TreatmentPlan
from core.database import Reading
from core.moments import Day
from core.money import Money
from core.values import Int32, Value

MOST_PLAN_ACCOUNTS = 100


class Account(Value):
    """What a patient owes: one balance for each currency (most have one), and what stands there for each plan."""

    balances: list[Balance] = Field(max_length=MOST_CURRENCIES)
    plans: list[PlanAccount] = Field(max_length=MOST_PLAN_ACCOUNTS)


class LedgerLine(Value):
    """One entry of the clinic's books."""

    entry_id: UUID
    kind: LedgerKind
    amount: Money = Field(description="By how much it changes what is owed: payments are negative.")
    posted_on: Day
    due_on: Day | None
    plan_id: UUID | None
    stage: Int32 | None
    appointment_id: UUID | None
    text: str


@dataclass(frozen=True, slots=True)
class NamedPlan:
    """A plan of another system, found by its external id; `stages` is how many it has."""

    id: UUID
    patient_id: UUID
    currency: str
    stages: int


async def account(reading: Reading, patient_id: UUID, now: datetime) -> Account | None:
    """The account of a patient on the day it is in their branch; None where there is no such patient."""
    found = await of_person(reading, _ACCOUNT, patient_id, now)
    return None if found is None else Account.model_validate_json(found)


async def ledger_lines(
    reading: Reading, patient_id: UUID, *, after: tuple[date, UUID] | None, limit: int
) -> list[LedgerLine]:
    """A patient's entries, newest first, past the key `after`; voided ones are left out."""
    statement = (
        select(LedgerEntry)
        .where(col(LedgerEntry.patient_id) == patient_id, col(LedgerEntry.voided).is_(False))
        .order_by(col(LedgerEntry.posted_on).desc(), col(LedgerEntry.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(func.row(col(LedgerEntry.posted_on), col(LedgerEntry.id)) < func.row(*after))
    return [_line(entry) for entry in (await reading.execute(statement)).scalars()]


def _line(entry: LedgerEntry) -> LedgerLine:
    return LedgerLine(
        entry_id=entry.id,
        kind=LedgerKind(entry.kind),
        amount=Money(amount_minor=entry.effect_minor, currency=entry.currency),
        posted_on=entry.posted_on,
        due_on=entry.due_on,
        plan_id=entry.plan_id,
        stage=entry.stage,
        appointment_id=entry.appointment_id,
        text=entry.text,
    )


async def named_plans(reading: Reading, source: str, names: set[str]) -> dict[str, NamedPlan]:
    """Plans by their external ids, in one statement."""
    stages = func.json_array_length(TreatmentPlan.stages)
    columns = (col(TreatmentPlan.id), col(TreatmentPlan.patient_id), col(TreatmentPlan.currency), stages)
    statement = select(col(TreatmentPlan.external_id), *columns).where(
        col(TreatmentPlan.source) == source, col(TreatmentPlan.external_id) == func.any(sorted(names))
    )
    return {name: NamedPlan(*told) for name, *told in (await reading.execute(statement))}


# --- Fragments ---


def account_json(person: Any) -> Any:
    """SQL: the `Account` of a `person_row`."""
    return func.json_build_object("balances", balance_json(person), "plans", _plan_accounts_json(person))


def balance_json(person: Any) -> Any:
    """SQL: one `Balance` document for each currency of a `person_row`, as a list (empty: nothing was ever charged)."""
    lines = _lines(person, col(LedgerEntry.clinic_id) == person.c.clinic_id)
    whole = (
        select(lines.c.currency, *_summed(lines), _capped(lines).label("overdue"))
        .group_by(lines.c.currency)
        .order_by(lines.c.currency)
        .limit(MOST_CURRENCIES)
        .subquery("whole")
    )
    document = func.json_build_object(*_standing(whole))
    return select(list_of(document, whole.c.currency)).correlate(person).scalar_subquery()


def plan_account_json(plan: Any, person: Any) -> Any:
    """SQL: the `PlanAccount` document of one plan, or null where the books say nothing of it.

    `plan` has the columns clinic_id, id and currency of a plan (the table, or a subquery of it); `person` is the
    `person_row` of its patient. Correlated with both: put it beside the plan's other members.
    """
    lines = _lines(person, col(LedgerEntry.plan_id) == _column(plan, "id"), plan)
    one = select(lines.c.plan_id, lines.c.currency, *_columns(lines), lines.c.late.label("overdue"))
    first = one.order_by(lines.c.currency).limit(1).subquery("of_plan")
    return select(_plan_document(first, person)).correlate(plan, person).scalar_subquery()


def _plan_accounts_json(person: Any) -> Any:
    lines = _lines(person, col(LedgerEntry.plan_id).is_not(None))
    each = (
        select(lines.c.plan_id, lines.c.currency, *_columns(lines), lines.c.late.label("overdue"))
        .where(lines.c.plan_id.is_not(None))
        .order_by(lines.c.plan_id.desc())
        .limit(MOST_PLAN_ACCOUNTS)
        .subquery("of_plan")
    )
    return select(list_of(_plan_document(each, person), each.c.plan_id)).correlate(person).scalar_subquery()


def _plan_document(of_plan: Any, person: Any) -> Any:
    stages = _stages_json(of_plan, person)
    return func.json_build_object("plan_id", of_plan.c.plan_id, *_standing(of_plan), "stages", stages)


def _stages_json(of_plan: Any, person: Any) -> Any:
    """What stands in the books for each stage of a plan."""
    of_stage = (
        select(col(LedgerEntry.stage), *_sums())
        .where(
            *_counts(person),
            col(LedgerEntry.plan_id) == of_plan.c.plan_id,
            col(LedgerEntry.currency) == of_plan.c.currency,
            col(LedgerEntry.stage).is_not(None),
        )
        .group_by(col(LedgerEntry.stage))
        .correlate(person, of_plan)
        .subquery("of_stage")
    )
    document = func.json_build_object("stage", of_stage.c.stage, *_monies(of_stage, of_plan.c.currency, _SUMS))
    return select(list_of(document, of_stage.c.stage)).correlate(person, of_plan).scalar_subquery()


_SUMS = ("charged", "paid", "insured", "owed")


def _lines(person: Any, entries: Any, *outer: Any) -> Any:
    """Books and payments under way as sums by currency and plan, each with its part that is overdue (`late`)."""
    books = (
        select(col(LedgerEntry.currency), col(LedgerEntry.plan_id), *_sums(), _late(person), _ZERO.label("pending"))
        .where(*_counts(person), entries)
        .group_by(col(LedgerEntry.currency), col(LedgerEntry.plan_id), col(LedgerEntry.stage))
        .correlate(person, *outer)
    )
    zeros = [_ZERO.label(name) for name in (*_SUMS, "late")]
    under_way = (
        select(col(PaymentIntent.currency), col(PaymentIntent.plan_id), *zeros, pending_of_payment().label("pending"))
        .where(
            col(PaymentIntent.clinic_id) == person.c.clinic_id,
            col(PaymentIntent.patient_id) == person.c.id,
            col(PaymentIntent.status).in_([status.value for status in sorted(RECEIVED)]),
            pending_of_payment() != 0,
            *[col(PaymentIntent.plan_id) == _column(plan, "id") for plan in outer],
        )
        .correlate(person, *outer)
    )
    lines = union_all(books, under_way).subquery("lines")
    of_plan = select(lines.c.currency, lines.c.plan_id, *_summed(lines), _capped(lines).label("late"))
    return of_plan.group_by(lines.c.currency, lines.c.plan_id).subquery("by_plan")


_ZERO: ColumnElement[int] = literal_column("0::bigint", BigInteger)


def _counts(person: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        col(LedgerEntry.clinic_id) == person.c.clinic_id,
        col(LedgerEntry.patient_id) == person.c.id,
        col(LedgerEntry.voided).is_(False),
    )


def _sums() -> list[Any]:
    return [
        _sum_of(col(LedgerEntry.kind).in_([kind.value for kind in sorted(CHARGED)])).label("charged"),
        (-_sum_of(col(LedgerEntry.kind).in_([kind.value for kind in sorted(PAID)]))).label("paid"),
        (-_sum_of(col(LedgerEntry.kind) == LedgerKind.INSURANCE.value)).label("insured"),
        cast(func.sum(LedgerEntry.effect_minor), BigInteger).label("owed"),
    ]


def _sum_of(condition: Any) -> Any:
    return cast(func.coalesce(func.sum(col(LedgerEntry.effect_minor)).filter(condition), 0), BigInteger)


def _late(person: Any) -> Any:
    """Of one stage's entries (or of those without): what is past its due day, before the whole caps it."""
    charge = col(LedgerEntry.kind) == LedgerKind.CHARGE.value
    due = _sum_of(and_(charge, col(LedgerEntry.due_on) < person.c.today))
    others = _sum_of(col(LedgerEntry.kind) != LedgerKind.CHARGE.value)
    return func.least(func.greatest(due + others, 0), due).label("late")


def _summed(lines: Any) -> list[Any]:
    return [cast(func.sum(lines.c[name]), BigInteger).label(name) for name in (*_SUMS, "pending")]


def _columns(lines: Any) -> list[Any]:
    return [lines.c[name] for name in (*_SUMS, "pending")]


def _capped(lines: Any) -> Any:
    return cast(func.least(func.sum(lines.c.late), func.greatest(func.sum(lines.c.owed), 0)), BigInteger)


def _standing(sums: Any) -> list[Any]:
    payable = func.greatest(sums.c.owed - func.greatest(sums.c.pending, 0), 0)
    monies = _monies(sums, sums.c.currency, (*_SUMS, "overdue", "pending"))
    return [*monies, "payable", _money(payable, sums.c.currency)]


def _monies(sums: Any, currency: Any, names: tuple[str, ...]) -> list[Any]:
    return [part for name in names for part in (name, _money(sums.c[name], currency))]


def _money(minor: Any, currency: Any) -> Any:
    return func.json_build_object("amount_minor", minor, "currency", currency)


def pending_of_payment() -> Any:
    """SQL: of one payment, what of it the books do not say yet. The twin of `cabinet.payment.under_way`."""
    received = case((col(PaymentIntent.booked), 0), else_=col(PaymentIntent.amount_minor))
    given_back = func.greatest(col(PaymentIntent.refunded_minor) - col(PaymentIntent.refunds_booked_minor), 0)
    return cast(received - given_back, BigInteger)


def _column(plan: Any, name: str) -> Any:
    return plan.c[name] if hasattr(plan, "c") else col(getattr(plan, name))


_ACCOUNT = person_document(account_json)
