"""What a patient owes the clinic: the sum of what was charged and paid, in whole, by plan and by stage, and since when.

The clinic's own system keeps the books; its entries are mirrored and never changed here. Money on its way (paid
through us, not yet in those books) stands beside the sum as `pending`, so that nothing is counted twice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from pydantic import Field

from core.errors import Fault
from core.money import CURRENCIES, Money
from core.values import Int32, Value

# Of one entry: sums of a lifetime then stay far below what a JSON number holds exactly.
LARGEST_ENTRY_MINOR = 10**10
MOST_CURRENCIES = 10
MOST_STAGES = 100

Item = TypeVar("Item")
Key = TypeVar("Key")


class LedgerKind(StrEnum):
    CHARGE = "charge"
    PAYMENT = "payment"
    REFUND = "refund"
    """Money given back to the patient."""
    ADJUSTMENT = "adjustment"
    """Changes what was charged, up or (negative) down."""
    INSURANCE = "insurance"
    """Borne by an insurer."""
    DEPOSIT = "deposit"
    """Paid ahead; it is not told a second time as a payment when it is used."""


_K = LedgerKind
CHARGED = frozenset({_K.CHARGE, _K.ADJUSTMENT})
PAID = frozenset({_K.PAYMENT, _K.DEPOSIT, _K.REFUND})
_LESSENS = frozenset({_K.PAYMENT, _K.INSURANCE, _K.DEPOSIT})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the books. `effect` is what it adds to what is owed: a payment is negative."""

    kind: LedgerKind
    effect: Money
    due_on: date | None = None
    plan_id: UUID | None = None
    stage: int | None = None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Money paid through us that is not in the books yet; below zero where it is being given back."""

    amount: Money
    plan_id: UUID | None = None


class Sums(Value):
    """What was charged (adjustments included), paid (refunds taken off), borne by insurers, and is left to pay.

    `owed = charged - paid - insured`; below zero the clinic holds money of the patient.
    """

    charged: Money
    paid: Money
    insured: Money
    owed: Money


class Balance(Sums):
    """Of one currency: also what is past its due day, on its way through us, and can be paid now."""

    overdue: Money = Field(description="Part of `owed` whose due day has passed. What has no due day is never overdue.")
    pending: Money = Field(
        description="Paid in the app or by link, not yet in the books; below zero where it is being given back."
    )
    payable: Money = Field(description="What is left to pay once `pending` has arrived; never below zero.")


class StageAccount(Sums):
    """What stands in the books for one stage of a plan, by its place from 0."""

    stage: Int32


class PlanAccount(Sums):
    """What stands in the books for one plan: its stages, and whatever names the plan but no stage."""

    plan_id: UUID
    overdue: Money
    pending: Money
    payable: Money
    stages: list[StageAccount] = Field(max_length=MOST_STAGES)


def effect(kind: LedgerKind, amount: Money) -> Money:
    """By how much an entry changes what is owed, from the amount as the clinic tells it."""
    return amount.times(-1) if kind in _LESSENS else amount


def entry_fault(kind: LedgerKind, amount: Money) -> Fault | None:
    """What is wrong with an amount as told: only adjustments may be negative, and nothing is an entry of nothing."""
    if amount.currency not in CURRENCIES:
        return Fault("/amount/currency", "unknown-currency")
    if amount.amount_minor == 0:
        return Fault("/amount/amount_minor", "zero-amount")
    if abs(amount.amount_minor) > LARGEST_ENTRY_MINOR:
        return Fault("/amount/amount_minor", "amount-too-large")
    if amount.amount_minor < 0 and kind is not LedgerKind.ADJUSTMENT:
        return Fault("/amount/amount_minor", "negative-amount")
    return None


def payable(owed: int, pending: int) -> int:
    """What can be asked for now. Money on its way back is asked for only once the books say so."""
    return max(owed - max(pending, 0), 0)


def balances(entries: Iterable[Entry], under_way: Iterable[UnderWay], today: date) -> list[Balance]:
    """One balance for each currency there is, by its code. `today` is the day at the patient's branch."""
    books, pending = _by(entries, lambda each: each.effect.currency), _by(under_way, lambda each: each.amount.currency)
    return [
        Balance(**_standing(books[currency], pending[currency], currency, today))
        for currency in sorted(books.keys() | pending.keys())
    ]


def plan_accounts(entries: Iterable[Entry], under_way: Iterable[UnderWay], today: date) -> list[PlanAccount]:
    """What stands in the books for each plan that is named there, by its id. A plan has one currency."""
    books, pending = _by(entries, lambda each: each.plan_id), _by(under_way, lambda each: each.plan_id)
    named = [plan_id for plan_id in books.keys() | pending.keys() if plan_id is not None]
    return [_plan_account(plan_id, books[plan_id], pending[plan_id], today) for plan_id in sorted(named)]


def overdue(entries: Iterable[Entry], today: date) -> int:
    """Minor units past their due day: of each stage, its charges due before today less all that came in for it.

    Money booked on a plan without a stage lowers the plan, money on no plan lowers the whole: more than what is owed
    is never overdue. Within one stage money goes to what is due first.
    """
    books = list(entries)
    late = sum(_overdue_of_plan(found, today) for found in _by(books, lambda each: each.plan_id).values())
    return min(late, max(_total(books), 0))


def _overdue_of_plan(entries: Sequence[Entry], today: date) -> int:
    late = sum(_overdue_of_stage(found, today) for found in _by(entries, lambda each: each.stage).values())
    return min(late, max(_total(entries), 0))


def _overdue_of_stage(entries: Sequence[Entry], today: date) -> int:
    charges = [entry for entry in entries if entry.kind is LedgerKind.CHARGE]
    due = _total(entry for entry in charges if entry.due_on is not None and entry.due_on < today)
    others = _total(entries) - _total(charges)
    return min(max(due + others, 0), due)


def _plan_account(plan_id: UUID, entries: Sequence[Entry], under_way: Sequence[UnderWay], today: date) -> PlanAccount:
    currency = entries[0].effect.currency if entries else under_way[0].amount.currency
    stages = sorted({entry.stage for entry in entries if entry.stage is not None})
    of_stage = _by(entries, lambda each: each.stage)
    return PlanAccount(
        **_standing(entries, under_way, currency, today),
        plan_id=plan_id,
        stages=[StageAccount(stage=stage, **_sums(of_stage[stage], currency)) for stage in stages],
    )


def _standing(entries: Sequence[Entry], under_way: Sequence[UnderWay], currency: str, today: date) -> dict[str, Money]:
    pending = sum(each.amount.amount_minor for each in under_way)
    minors = {
        "overdue": overdue(entries, today),
        "pending": pending,
        "payable": payable(_total(entries), pending),
    }
    return _sums(entries, currency) | _monies(minors, currency)


def _sums(entries: Sequence[Entry], currency: str) -> dict[str, Money]:
    minors = {
        "charged": _total(entry for entry in entries if entry.kind in CHARGED),
        "paid": -_total(entry for entry in entries if entry.kind in PAID),
        "insured": -_total(entry for entry in entries if entry.kind is LedgerKind.INSURANCE),
        "owed": _total(entries),
    }
    return _monies(minors, currency)


def _monies(minors: dict[str, int], currency: str) -> dict[str, Money]:
    return {name: Money(amount_minor=minor, currency=currency) for name, minor in minors.items()}


def _total(entries: Iterable[Entry]) -> int:
    return sum(entry.effect.amount_minor for entry in entries)


def _by(items: Iterable[Item], key: Callable[[Item], Key]) -> defaultdict[Key, list[Item]]:
    found: defaultdict[Key, list[Item]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found
