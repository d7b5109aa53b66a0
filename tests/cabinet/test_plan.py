"""The rules of a plan's money, states and progress."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.plan import (
    DROPPED,
    HIDDEN,
    Answer,
    Item,
    ItemStatus,
    Plan,
    PlanStatus,
    Stage,
    StageStatus,
    event_kind,
    is_chosen,
    length,
    line,
    may_follow,
    plan_status,
    plan_totals,
    stage_status,
    stage_totals,
    sums,
)
from cabinet.plan_cost import cost
from cabinet.plan_fault import fault_of
from core.money import LARGEST_MINOR, Money


def eur(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Sound lines: each reduction by amount or by percent takes at most what is left; some are estimates."""
    price, quantity = draw(st.integers(0, 10**6)), draw(st.integers(1, 40))
    more = draw(st.integers(0, 10**5))
    item = Item(eur(price), quantity, status=draw(st.sampled_from(ItemStatus)))
    if more:
        item = replace(item, unit_price_high=eur(price + more))
    for by_amount in ("discount", "promotion", "points", "insurance"):
        if by_amount in ("discount", "promotion") and draw(st.booleans()):
            told: dict[str, Any] = {f"{by_amount}_basis_points": draw(st.integers(0, 10_000))}
            item = replace(item, **told)
        elif draw(st.booleans()):
            told = {by_amount: eur(draw(st.integers(0, line(item).patient.amount_minor)))}
            item = replace(item, **told)
    return item


_STAGES = st.lists(items(), max_size=6).map(lambda found: Stage("a stage", tuple(found)))
PLANS = st.lists(_STAGES, max_size=5).map(lambda stages: Plan("EUR", tuple(stages)))


@given(PLANS)
def test_totals_are_sums_of_the_lines_that_will_be_done(plan: Plan) -> None:
    lines = [line(item) for stage in plan.stages for item in stage.items if item.status not in DROPPED]
    whole = plan_totals(plan)
    for name in ("price", "discount", "promotion", "points", "insurance", "patient", "patient_high"):
        assert getattr(whole, name).amount_minor == sum(getattr(one, name).amount_minor for one in lines)
    assert whole.price.amount_minor == sum(
        amount.amount_minor
        for amount in (whole.discount, whole.promotion, whole.points, whole.insurance, whole.patient)
    )
    assert sums(plan).whole == whole
    assert sums(plan).stages == tuple(stage_totals(stage, "EUR") for stage in plan.stages)
    by_stage = [stage_totals(stage, "EUR").patient.amount_minor for stage in plan.stages]
    assert whole.patient.amount_minor == sum(by_stage)


@given(PLANS)
def test_a_sound_plan_has_no_fault_and_never_pays_the_patient(plan: Plan) -> None:
    assert fault_of(plan) is None
    assert all(line(item).patient.amount_minor >= 0 for stage in plan.stages for item in stage.items)


@given(PLANS)
def test_estimates_are_summed_as_ranges(plan: Plan) -> None:
    lines = [line(item) for stage in plan.stages for item in stage.items if item.status not in DROPPED]
    shown = cost(plan_totals(plan))
    assert all(one.patient.amount_minor <= one.patient_high.amount_minor for one in lines)
    if shown.estimate is None:
        assert all(one.patient == one.patient_high for one in lines)
    else:
        assert shown.estimate.low == shown.patient
        assert shown.estimate.high.amount_minor == sum(one.patient_high.amount_minor for one in lines)


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
        (Item(eur(9), promotion=eur(1), promotion_basis_points=1), "/promotion_basis_points", "two-promotions"),
        (Item(eur(9), discount=eur(5), points=eur(5)), "/points/amount_minor", "more-than-the-price"),
        (Item(eur(9), unit_price_high=eur(8)), "/unit_price_high/amount_minor", "less-than-the-lowest"),
        (Item(eur(9), 2, unit_price_high=eur(LARGEST_MINOR)), "/unit_price_high/amount_minor", "total-too-large"),
    ],
)
def test_money_without_meaning_is_refused_where_it_stands(item: Item, pointer: str, code: str) -> None:
    found = fault_of(Plan("EUR", (Stage("", (item,)),)))
    assert found is not None
    assert (found.pointer, found.code) == (f"/stages/0/items/0{pointer}", code)


@pytest.mark.parametrize("needed", [1, 2, -1])
def test_a_stage_waits_for_earlier_stages_only(needed: int) -> None:
    stages = (Stage("", (Item(eur(1)),)), Stage("", (Item(eur(1)),), depends_on=(0, needed)))
    found = fault_of(Plan("EUR", stages))
    assert found is not None
    assert (found.pointer, found.code) == ("/stages/1/depends_on/1", "not-an-earlier-stage")


def test_visits_and_days_of_a_plan_are_those_its_stages_tell() -> None:
    assert length([2, None, 3]) == 5
    assert length([None, None]) is None


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
    assert plan_status(PlanStatus.PROPOSED, None, last, last) is PlanStatus.PROPOSED
    assert plan_status(PlanStatus.PROPOSED, None, last, date(2026, 12, 1)) is PlanStatus.EXPIRED
    assert plan_status(PlanStatus.ACCEPTED, None, last, date(2026, 12, 1)) is PlanStatus.ACCEPTED


@pytest.mark.parametrize(
    ("told", "answer", "status"),
    [
        ("proposed", "accepted", "accepted"),
        ("expired", "accepted", "accepted"),  # it was accepted in time; the clinic's system has not heard yet
        ("proposed", "declined", "declined"),
        ("accepted", "declined", "declined"),  # a change of what was accepted before
        ("proposed", "not_chosen", "not_chosen"),
        ("proposed", "withdrawn", "superseded"),
        ("accepted", "again", "proposed"),
        ("proposed", "again", "proposed"),
        ("in_progress", "again", "in_progress"),
        ("in_progress", "declined", "in_progress"),
        ("accepted", "not_chosen", "accepted"),  # the clinic's system knows better
        ("completed", "accepted", "completed"),
        ("draft", "accepted", "draft"),
    ],
)
def test_what_was_answered_here_holds_until_the_clinics_system_says_more(told: str, answer: str, status: str) -> None:
    assert plan_status(PlanStatus(told), Answer(answer), None, date(2026, 11, 30)).value == status


@pytest.mark.parametrize(
    ("status", "answer", "chosen"),
    [
        ("accepted", None, True),
        ("in_progress", None, True),
        ("completed", "accepted", True),
        ("proposed", "again", True),  # it was accepted; its change is declined before another is accepted
        ("expired", "again", False),
        ("proposed", None, False),
        ("declined", "declined", False),
        ("stopped", "accepted", False),
    ],
)
def test_a_plan_that_was_accepted_stands_in_the_way_of_the_others(
    status: str, answer: str | None, *, chosen: bool
) -> None:
    assert is_chosen(PlanStatus(status), Answer(answer) if answer else None) is chosen


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


@pytest.mark.parametrize("before", [PlanStatus.PROPOSED, PlanStatus.EXPIRED])
@pytest.mark.parametrize("answer", Answer)
def test_what_was_accepted_here_is_stopped_before_the_clinics_system_has_told_so(
    before: PlanStatus, answer: Answer
) -> None:
    assert may_follow(before, PlanStatus.STOPPED, answer) is (answer in (Answer.ACCEPTED, Answer.AGAIN))
    assert not may_follow(PlanStatus.DECLINED, PlanStatus.STOPPED, answer)


def test_a_plan_is_published_when_the_patient_first_sees_it() -> None:
    assert event_kind(None, PlanStatus.PROPOSED) == "plan.published"
    assert event_kind(PlanStatus.DRAFT, PlanStatus.ACCEPTED) == "plan.published"
    assert event_kind(PlanStatus.PROPOSED, PlanStatus.ACCEPTED) == "plan.updated"
    assert all(event_kind(None, hidden) == "plan.updated" for hidden in HIDDEN)
