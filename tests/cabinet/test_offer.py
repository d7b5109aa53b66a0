"""What an offer says, what makes it another one, when its price is locked, and which answers can be given."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.offer import OfferedPlan, at_held_prices, canonical, fingerprint, is_locked_rise
from cabinet.offer import offered as offered_at
from cabinet.offer_answer import Objection, Standing, Verdict, answer_after, left_of_whole, objection
from cabinet.plan import DROPPED, Answer, ItemStatus, PlanStatus, sums
from cabinet.plan_facts import PlanFact

UNTIL = "2026-12-31"


def eur(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "EUR"}


def told(*prices: int, **more: Any) -> dict[str, Any]:
    items = [{"name": f"Service {place}", "unit_price": eur(price)} for place, price in enumerate(prices)]
    plan = {"external_id": "p", "version": 1, "patient": "anna", "title": "Plan", "currency": "EUR"}
    return {**plan, "valid_until": UNTIL, "stages": [{"title": "Only", "items": items}], **more}


def fact(plan: dict[str, Any]) -> PlanFact:
    return PlanFact.model_validate_json(json.dumps(plan))


def offered(told: PlanFact) -> OfferedPlan:
    return offered_at(told, sums(told.plan()))


def seal(plan: dict[str, Any]) -> str:
    return fingerprint(canonical(offered(fact(plan))))


def test_a_snapshot_is_canonical_json() -> None:
    text = canonical(offered(fact(told(100, title="Коронка «16»"))))
    value = json.loads(text)
    assert text == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert '"title":"Коронка «16»"' in text
    assert OfferedPlan.model_validate_json(text) == offered(fact(told(100, title="Коронка «16»")))


@pytest.mark.parametrize("status", sorted(set(ItemStatus) - DROPPED))
def test_that_an_item_moves_on_makes_no_other_offer(status: ItemStatus) -> None:
    moved = told(100, 200)
    moved["stages"][0]["items"][0]["status"] = status.value
    assert seal(moved) == seal(told(100, 200))
    assert seal({**moved, "status": "in_progress", "version": 9, "external_id": "q"}) == seal(told(100, 200))


@pytest.mark.parametrize("status", sorted(DROPPED))
def test_what_will_not_be_done_is_not_offered(status: ItemStatus) -> None:
    dropped = told(100, 200)
    dropped["stages"][0]["items"][1]["status"] = status.value
    assert seal(dropped) == seal(told(100))


CHANGES: list[tuple[str, Any]] = [
    ("name", "Another"), ("quantity", 2), ("unit_price", eur(101)), ("discount", eur(1)), ("insurance", eur(1)),
    ("discount_basis_points", 1), ("promotion", eur(1)), ("promotion_title", "Autumn"), ("points", eur(1)),
    ("unit_price_high", eur(150)), ("explanation", "Because"),
]  # fmt: skip


@pytest.mark.parametrize(("member", "value"), CHANGES, ids=[name for name, _ in CHANGES])
def test_whatever_else_changes_in_a_line_makes_another_offer(member: str, value: Any) -> None:
    changed = told(100, 200)
    changed["stages"][0]["items"][0][member] = value
    assert seal(changed) != seal(told(100, 200))


@pytest.mark.parametrize("stage", [{"title": "Other"}, {"visits": 2}, {"duration_days": 9}])
def test_so_does_a_change_of_a_stage_or_of_the_plan(stage: dict[str, Any]) -> None:
    changed = told(100)
    changed["stages"][0] |= stage
    assert len({seal(changed), seal(told(100)), seal(told(100, title="B")), seal(told(100, valid_until=None))}) == 4


def test_a_mere_rise_under_the_same_last_day_is_locked() -> None:
    held = offered(fact(told(100, 200)))
    assert is_locked_rise(held, offered(fact(told(100, 201))))
    assert not is_locked_rise(held, offered(fact(told(100, 199))))
    assert not is_locked_rise(held, offered(fact(told(100, 201, valid_until="2027-01-31"))))
    assert is_locked_rise(held, offered(fact(told(100, 201, title="A word mended"))))
    other = told(100, 201)
    other["stages"][0]["items"][0]["name"] = "Another thing"
    assert not is_locked_rise(held, offered(fact(other)))
    assert not is_locked_rise(held, offered(fact(told(100, 200, 1))))
    endless = offered(fact(told(100, valid_until=None)))
    assert not is_locked_rise(endless, offered(fact(told(101, valid_until=None))))


@pytest.mark.parametrize(
    ("low", "high", "locked"),
    [(101, 200, True), (100, 201, True), (99, 900, True), (101, 101, True), (100, 199, False), (99, 200, False)],
)
def test_an_estimate_rises_by_either_of_its_ends(low: int, high: int, *, locked: bool) -> None:
    def estimate(low: int, high: int) -> OfferedPlan:
        plan = told(low)
        plan["stages"][0]["items"][0]["unit_price_high"] = eur(high)
        return offered(fact(plan))

    assert is_locked_rise(estimate(100, 200), estimate(low, high)) is locked


def test_beside_a_stage_that_rose_what_became_cheaper_is_taken_in() -> None:
    def in_stages(*prices: int) -> PlanFact:
        return fact({**told(), "stages": [told(price)["stages"][0] for price in prices]})

    held, risen = offered(in_stages(100, 200, 300)), in_stages(101, 150, 300)
    assert is_locked_rise(held, offered(risen))
    assert offered(at_held_prices(risen, offered(risen), held)) == offered(in_stages(100, 150, 300))


@st.composite
def priced_items(draw: st.DrawFn) -> dict[str, Any]:
    """A line with one kind of everything, so that no sum is above its price."""
    price = draw(st.integers(1_000, 10**6))
    item: dict[str, Any] = {"name": "Service", "unit_price": eur(price), "quantity": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        item["unit_price_high"] = eur(price + draw(st.integers(1, 10**5)))
    item |= draw(st.sampled_from([{}, {"discount": eur(100)}, {"discount_basis_points": 333}]))
    item |= draw(st.sampled_from([{}, {"promotion": eur(100)}, {"promotion_basis_points": 777}]))
    item |= draw(st.sampled_from([{}, {"points": eur(50)}, {"insurance": eur(60)}]))
    return {**item, "status": draw(st.sampled_from(ItemStatus)).value}


@given(st.lists(priced_items(), min_size=1, max_size=5), st.integers(1, 10**5))
def test_a_locked_rise_is_taken_in_at_the_prices_of_the_offer(items: list[dict[str, Any]], more: int) -> None:
    first = {**told(), "stages": [{"title": "Only", "items": items}]}
    dearer = [{**item, "unit_price": eur(item["unit_price"]["amount_minor"] + more)} for item in items]
    for item in dearer:
        if "unit_price_high" in item:
            item["unit_price_high"] = eur(item["unit_price_high"]["amount_minor"] + more)
    held = offered(fact(first))
    risen = fact({**first, "stages": [{"title": "Only", "items": dearer}]})
    if is_locked_rise(held, offered(risen)):
        taken = at_held_prices(risen, offered(risen), held)
        assert offered(taken) == held
        kept = taken.stages[0].items
        assert [item.status for item in kept] == [item.status for item in risen.stages[0].items]
    else:  # nothing of it is to be done, or a discount in parts of the price rounds the rise away
        costs = [each.stages[0].cost for each in (held, offered(risen))]
        assert costs[0].patient == costs[1].patient
        assert costs[0].estimate == costs[1].estimate


# --- Answers ---

SHA = "a" * 64
NEEDS: dict[int, tuple[int, ...]] = {0: (), 1: (0,), 2: ()}
OPEN = Standing(SHA, PlanStatus.PROPOSED, None, lapsed=False, needs=NEEDS, answered={}, other_chosen=False)
YES, NO = Verdict.ACCEPTED, Verdict.DECLINED


def against(standing: Standing, *stages: int, verdict: Verdict = YES, sha256: str = SHA) -> Objection | None:
    return objection(standing, sha256, frozenset(stages), verdict)


def test_an_open_offer_is_accepted_or_declined_whole_or_by_stage() -> None:
    assert against(OPEN) is None
    assert against(OPEN, verdict=NO) is None
    assert against(OPEN, 0) is None
    assert against(OPEN, 0, 1) is None
    assert against(OPEN, 1, verdict=NO) is None


@pytest.mark.parametrize(
    "standing",
    [
        OPEN,
        replace(OPEN, lapsed=True),
        replace(OPEN, answer=Answer.ACCEPTED, answered={0: YES}),
        replace(OPEN, answer=Answer.WITHDRAWN),
        replace(OPEN, told=PlanStatus.COMPLETED),
        replace(OPEN, other_chosen=True),
    ],
)
def test_an_older_offer_is_always_told_to_have_changed(standing: Standing) -> None:
    assert against(standing, sha256="b" * 64) is Objection.CHANGED
    assert against(standing, 7, verdict=NO, sha256="") is Objection.CHANGED


@pytest.mark.parametrize(
    ("standing", "stages", "expected"),
    [
        (replace(OPEN, lapsed=True), (), Objection.EXPIRED),
        (replace(OPEN, told=PlanStatus.EXPIRED), (), Objection.EXPIRED),
        (replace(OPEN, answer=Answer.WITHDRAWN), (), Objection.WITHDRAWN),
        (replace(OPEN, answer=Answer.DECLINED), (), Objection.DECIDED),
        (replace(OPEN, answer=Answer.NOT_CHOSEN), (), Objection.OTHER_CHOSEN),
        (replace(OPEN, other_chosen=True), (), Objection.OTHER_CHOSEN),
        (replace(OPEN, answer=Answer.ACCEPTED, answered={0: YES}), (0,), Objection.DECIDED),
        (replace(OPEN, answer=Answer.ACCEPTED, answered={0: YES}), (), None),
        (replace(OPEN, answer=Answer.ACCEPTED, answered={0: YES, 2: NO}), (), Objection.DECIDED),
        (replace(OPEN, answer=Answer.ACCEPTED, answered=dict.fromkeys(NEEDS, YES)), (), Objection.DECIDED),
        (replace(OPEN, needs={}), (), Objection.DECIDED),
        (replace(OPEN, answer=Answer.ACCEPTED, answered={0: YES}), (1,), None),
        (replace(OPEN, told=PlanStatus.ACCEPTED), (), Objection.DECIDED),
        (replace(OPEN, told=PlanStatus.ACCEPTED, answer=Answer.AGAIN), (), None),
        (replace(OPEN, told=PlanStatus.IN_PROGRESS, answer=Answer.AGAIN), (), None),
        (replace(OPEN, told=PlanStatus.IN_PROGRESS, answer=Answer.ACCEPTED, answered={0: YES}), (1,), None),
        (replace(OPEN, told=PlanStatus.STOPPED, answer=Answer.AGAIN), (), Objection.DECIDED),
        (replace(OPEN, told=PlanStatus.DECLINED), (), Objection.DECIDED),
        (OPEN, (1,), Objection.NEEDS_STAGE),
        (replace(OPEN, answered={0: NO}), (1,), Objection.NEEDS_STAGE),
        (OPEN, (3,), Objection.UNKNOWN_STAGE),
    ],
)
def test_what_stands_against_an_acceptance(
    standing: Standing, stages: tuple[int, ...], expected: Objection | None
) -> None:
    assert against(standing, *stages) is expected


def test_who_answers_the_whole_after_a_part_answers_what_is_left_if_it_is_the_same() -> None:
    part = replace(OPEN, answer=Answer.ACCEPTED, answered={0: YES})
    assert left_of_whole(OPEN) == ()
    assert left_of_whole(part) == (1, 2)
    assert against(part) is None
    assert against(part, verdict=NO) is Objection.DECIDED


def test_who_chose_another_plan_may_still_decline_this_one() -> None:
    assert against(replace(OPEN, other_chosen=True), verdict=NO) is None


@given(st.lists(st.tuples(st.frozensets(st.sampled_from(sorted(NEEDS))), st.sampled_from(Verdict)), max_size=8))
def test_each_stage_is_answered_once_and_the_plan_follows_from_them(
    said: list[tuple[frozenset[int], Verdict]],
) -> None:
    standing, times = OPEN, dict.fromkeys(NEEDS, 0)
    for stages, verdict in said:
        if objection(standing, SHA, stages, verdict) is not None:
            continue
        answer = answer_after(standing, stages, verdict)
        places = stages or frozenset(left_of_whole(standing)) or frozenset(NEEDS)
        for place in places:
            times[place] += 1
        standing = replace(standing, answer=answer, answered={**standing.answered, **dict.fromkeys(places, verdict)})
    assert set(times.values()) <= {0, 1}
    accepted = {place for place, verdict in standing.answered.items() if verdict is YES}
    assert (standing.answer is Answer.ACCEPTED) is bool(accepted)
    assert (standing.answer is Answer.DECLINED) is (not accepted and standing.answered.keys() == NEEDS.keys())
    assert all(set(NEEDS[place]) <= accepted for place in accepted)
