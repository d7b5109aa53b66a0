"""The rules of an account: every sum is the sum of its parts, and overdue never says more than what is owed."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.account_balance import (
    LARGEST_ENTRY_MINOR,
    Balance,
    Entry,
    LedgerKind,
    PlanAccount,
    UnderWay,
    balances,
    effect,
    entry_fault,
    overdue,
    plan_accounts,
)
from core.money import Money

TODAY = date(2026, 11, 23)
PLANS = [UUID(int=1), UUID(int=2)]


def eur(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from(LedgerKind))
    least = -(10**6) if kind is LedgerKind.ADJUSTMENT else 0
    amount = Money(amount_minor=draw(st.integers(least, 10**6)), currency=draw(st.sampled_from(("EUR", "CNY"))))
    plan = draw(st.sampled_from((None, *PLANS))) if amount.currency == "EUR" else None
    stage = draw(st.sampled_from((None, 0, 1))) if plan else None
    due = draw(st.none() | st.integers(-40, 40).map(lambda days: TODAY + timedelta(days=days)))
    return Entry(kind, effect(kind, amount), due, plan, stage)


BOOKS = st.lists(entries(), max_size=25)
ON_THE_WAY = st.lists(
    st.builds(UnderWay, st.integers(-1000, 1000).map(eur), st.sampled_from((None, *PLANS))), max_size=3
)


@given(BOOKS, ON_THE_WAY)
def test_what_is_owed_is_the_sum_of_the_books_and_of_its_parts(books: list[Entry], way: list[UnderWay]) -> None:
    for balance in balances(books, way, TODAY):
        mine = [each.effect.amount_minor for each in books if each.effect.currency == balance.owed.currency]
        assert balance.owed.amount_minor == sum(mine)
        assert balance.owed.amount_minor == (
            balance.charged.amount_minor - balance.paid.amount_minor - balance.insured.amount_minor
        )


@given(BOOKS, ON_THE_WAY)
def test_a_plan_is_the_sum_of_its_stages_and_of_what_names_none(books: list[Entry], way: list[UnderWay]) -> None:
    for account in plan_accounts(books, way, TODAY):
        bare = [each.effect.amount_minor for each in books if each.plan_id == account.plan_id and each.stage is None]
        assert account.owed.amount_minor == sum(bare) + sum(each.owed.amount_minor for each in account.stages)


@given(BOOKS)
def test_overdue_lies_between_nothing_and_what_is_owed_and_only_grows_with_time(books: list[Entry]) -> None:
    euros = [each for each in books if each.effect.currency == "EUR"]
    owed = sum(each.effect.amount_minor for each in euros)
    by_day = [overdue(euros, TODAY + timedelta(days=days)) for days in range(-45, 46, 5)]
    assert by_day == sorted(by_day)
    assert all(0 <= late <= max(owed, 0) for late in by_day)


@given(BOOKS, ON_THE_WAY)
def test_what_can_be_paid_is_never_below_zero_nor_more_than_is_owed(books: list[Entry], way: list[UnderWay]) -> None:
    found: list[Balance | PlanAccount] = [*balances(books, way, TODAY), *plan_accounts(books, way, TODAY)]
    for each in found:
        assert 0 <= each.payable.amount_minor <= max(each.owed.amount_minor, 0)


def test_a_charge_is_overdue_the_day_after_its_last_good_day() -> None:
    charge = Entry(LedgerKind.CHARGE, eur(100), due_on=TODAY)
    assert overdue([charge], TODAY) == 0
    assert overdue([charge], TODAY + timedelta(days=1)) == 100


def test_what_has_no_due_day_is_owed_and_never_overdue() -> None:
    books = [Entry(LedgerKind.CHARGE, eur(100)), Entry(LedgerKind.ADJUSTMENT, eur(20))]
    assert overdue(books, TODAY) == 0
    assert balances(books, [], TODAY)[0].owed == eur(120)


def test_money_paid_for_one_plan_does_not_settle_anothers_due_charge() -> None:
    late = Entry(LedgerKind.CHARGE, eur(100), TODAY - timedelta(days=1), PLANS[0])
    later = Entry(LedgerKind.CHARGE, eur(80), TODAY + timedelta(days=9), PLANS[1])
    paid = Entry(LedgerKind.PAYMENT, eur(-80), plan_id=PLANS[1])
    assert overdue([late, later, paid], TODAY) == 100
    # Paid ahead without a plan: more than what is owed in whole cannot be overdue.
    assert overdue([late, later, paid, Entry(LedgerKind.DEPOSIT, eur(-70))], TODAY) == 30


def test_what_was_paid_for_one_stage_does_not_settle_another_and_a_deposit_lowers_the_whole() -> None:
    done = Entry(LedgerKind.CHARGE, eur(135), plan_id=PLANS[0], stage=0)
    paid = Entry(LedgerKind.PAYMENT, eur(-135), plan_id=PLANS[0], stage=0)
    late = Entry(LedgerKind.CHARGE, eur(120), TODAY - timedelta(days=5), PLANS[0], 1)
    deposit = Entry(LedgerKind.DEPOSIT, eur(-50), plan_id=PLANS[0])
    assert overdue([done, paid, late], TODAY) == 120
    assert overdue([done, paid, late, deposit], TODAY) == 70


def test_money_under_way_lowers_what_can_be_paid_but_not_what_is_owed() -> None:
    books = [Entry(LedgerKind.CHARGE, eur(100))]
    [paid] = balances(books, [UnderWay(eur(60))], TODAY)
    assert (paid.owed, paid.pending, paid.payable) == (eur(100), eur(60), eur(40))
    [given_back] = balances(books, [UnderWay(eur(-60))], TODAY)
    assert (given_back.pending, given_back.payable) == (eur(-60), eur(100))


@pytest.mark.parametrize(
    ("kind", "minor", "code"),
    [
        (LedgerKind.CHARGE, -1, "negative-amount"),
        (LedgerKind.PAYMENT, -1, "negative-amount"),
        (LedgerKind.ADJUSTMENT, -LARGEST_ENTRY_MINOR - 1, "amount-too-large"),
        (LedgerKind.ADJUSTMENT, -1, None),
        (LedgerKind.CHARGE, LARGEST_ENTRY_MINOR, None),
    ],
)
def test_only_adjustments_may_be_negative(kind: LedgerKind, minor: int, code: str | None) -> None:
    fault = entry_fault(kind, eur(minor))
    assert (fault.code if fault else None) == code
