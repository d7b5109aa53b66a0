"""The rules of a plan's money, states and progress."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.plan import (
    DROPPED,
    HIDDEN,
    Item,
    ItemStatus,
    Plan,
    PlanStatus,
    Stage,
    StageStatus,
    event_kind,
    fault_of,
    line,
    may_follow,
    plan_status,
    plan_totals,
    stage_status,
    stage_totals,
)
from core.money import LARGEST_MINOR, Money


def eur(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Sound lines: a discount by amount or by percent, an insurer that pays at most what is left."""
    price, quantity = draw(st.integers(0, 10**6)), draw(st.integers(1, 40))
    by_amount = draw(st.booleans())
    discount = eur(draw(st.integers(0, price * quantity))) if by_amount else None
    points = 0 if by_amount else draw(st.integers(0, 10_000))
    bare = Item(eur(price), quantity, discount, points)
    insurance = eur(draw(st.integers(0, line(bare).patient.amount_minor)))
    return Item(eur(price), quantity, discount, points, insurance, draw(st.sampled_from(ItemStatus)))


_STAGES = st.lists(items(), max_size=6).map(lambda found: Stage("a stage", tuple(found)))
PLANS = st.lists(_STAGES, max_size=5).map(lambda stages: Plan("EUR", tuple(stages)))


@given(PLANS)
def test_totals_are_sums_of_the_lines_that_will_be_done(plan: Plan) -> None:
    lines = [line(item) for stage in plan.stages for item in stage.items if item.status not in DROPPED]
    whole = plan_totals(plan)
    for name in ("price", "discount", "insurance", "patient"):
        assert getattr(whole, name).amount_minor == sum(getattr(one, name).amount_minor for one in lines)
    assert whole.price.amount_minor == sum(
        amount.amount_minor for amount in (whole.discount, whole.insurance, whole.patient)
    )
    by_stage = [stage_totals(stage, "EUR").patient.amount_minor for stage in plan.stages]
    assert whole.patient.amount_minor == sum(by_stage)


@given(PLANS)
def test_a_sound_plan_has_no_fault_and_never_pays_the_patient(plan: Plan) -> None:
    assert fault_of(plan) is None
    assert all(line(item).patient.amount_minor >= 0 for stage in plan.stages for item in stage.items)


@given(items(), st.integers(1, 10**6))
def test_more_off_than_the_price_is_refused_and_pointed_at(item: Item, more: int) -> None:
    price = line(item).price.amount_minor
    greedy = Item(item.unit_price, item.quantity, insurance=eur(price + more))
    found = fault_of(Plan("EUR", (Stage("first", (item,)), Stage("second", (item, greedy)))))
    assert found is not None
    assert (found.pointer, found.code) == ("/stages/1/items/1/insurance/amount_minor", "more-than-the-price")


@given(PLANS)
def test_progress_counts_what_is_done_of_what_will_be_done(plan: Plan) -> None:
    totals = plan_totals(plan)
    assert 0 <= totals.items_done <= totals.items
    every_stage_over = all(
        stage_status([item.status for item in stage.items]) in (StageStatus.DONE, StageStatus.SKIPPED)
        for stage in plan.stages
    )
    assert (totals.items_done == totals.items) is every_stage_over


def test_a_percentage_is_rounded_half_to_even_on_each_line() -> None:
    # 5 % of 0.10 is half a cent: twice the line gives 0 + 0, not the 0.01 that the sum would give.
    assert line(Item(eur(10), discount_basis_points=500)).discount == eur(0)
    assert line(Item(eur(30), discount_basis_points=500)).discount == eur(2)
    two = Plan("EUR", (Stage("", (Item(eur(10), discount_basis_points=500),) * 2),))
    assert plan_totals(two).discount == eur(0)


def test_a_second_currency_is_refused_and_pointed_at() -> None:
    foreign = Item(Money(amount_minor=1, currency="CNY"))
    found = fault_of(Plan("EUR", (Stage("", (Item(eur(1)), foreign)),)))
    assert found is not None
    assert (found.pointer, found.code) == ("/stages/0/items/1/unit_price/currency", "mixed-currencies")


@pytest.mark.parametrize(
    ("item", "pointer", "code"),
    [
        (Item(eur(-1)), "/unit_price/amount_minor", "negative-amount"),
        (Item(eur(9), discount=eur(-1)), "/discount/amount_minor", "negative-amount"),
        (Item(eur(9), discount=eur(1), discount_basis_points=1), "/discount_basis_points", "two-discounts"),
        (Item(eur(9), discount=eur(10)), "/discount/amount_minor", "more-than-the-price"),
        (Item(eur(LARGEST_MINOR), 2), "/unit_price/amount_minor", "total-too-large"),
    ],
)
def test_money_without_meaning_is_refused_where_it_stands(item: Item, pointer: str, code: str) -> None:
    found = fault_of(Plan("EUR", (Stage("", (item,)),)))
    assert found is not None
    assert (found.pointer, found.code) == (f"/stages/0/items/0{pointer}", code)


def test_lines_that_are_sound_alone_may_be_too_much_together() -> None:
    found = fault_of(Plan("EUR", (Stage("", (Item(eur(LARGEST_MINOR)), Item(eur(1)))),)))
    assert found is not None
    assert found.code == "total-too-large"


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([], StageStatus.SKIPPED),
        ([ItemStatus.CANCELLED, ItemStatus.DECLINED], StageStatus.SKIPPED),
        ([ItemStatus.COMPLETED, ItemStatus.REPLACED], StageStatus.DONE),
        ([ItemStatus.COMPLETED, ItemStatus.PROPOSED], StageStatus.ACTIVE),
        ([ItemStatus.SCHEDULED], StageStatus.ACTIVE),
        ([ItemStatus.ACCEPTED, ItemStatus.PROPOSED], StageStatus.PENDING),
    ],
)
def test_a_stage_is_as_far_as_its_items(items: list[ItemStatus], status: StageStatus) -> None:
    assert stage_status(items) is status


def test_an_offer_expires_the_day_after_its_last() -> None:
    last = date(2026, 11, 30)
    assert plan_status(PlanStatus.PROPOSED, last, last) is PlanStatus.PROPOSED
    assert plan_status(PlanStatus.PROPOSED, last, date(2026, 12, 1)) is PlanStatus.EXPIRED
    assert plan_status(PlanStatus.ACCEPTED, last, date(2026, 12, 1)) is PlanStatus.ACCEPTED


@given(st.sampled_from(PlanStatus), st.sampled_from(PlanStatus))
def test_what_is_completed_or_superseded_stays_so_and_nothing_begun_is_offered_again(
    before: PlanStatus, after: PlanStatus
) -> None:
    begun = {PlanStatus.ACCEPTED, PlanStatus.IN_PROGRESS, PlanStatus.COMPLETED, PlanStatus.STOPPED}
    if before in {PlanStatus.COMPLETED, PlanStatus.SUPERSEDED} and before is not after:
        assert not may_follow(before, after)
    if before in begun and after in {PlanStatus.DRAFT, PlanStatus.PROPOSED}:
        assert not may_follow(before, after)
    assert may_follow(before, before)


def test_a_plan_is_published_when_the_patient_first_sees_it() -> None:
    assert event_kind(None, PlanStatus.PROPOSED) == "plan.published"
    assert event_kind(PlanStatus.DRAFT, PlanStatus.ACCEPTED) == "plan.published"
    assert event_kind(PlanStatus.PROPOSED, PlanStatus.ACCEPTED) == "plan.updated"
    assert all(event_kind(None, hidden) == "plan.updated" for hidden in HIDDEN)
