"""What a campaign may be, whose turn it is, and when one arm is called the better one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from automation.campaign import HOLDOUT, CampaignDraft, CampaignKind, campaign_faults
from automation.campaign_figures import Step, arm_figures, sms_units, uplift
from automation.campaign_turns import AHEAD, arm_of, compared, first_part, hours_needed, turns_of
from automation.proportion import Comparison, Finding, Tried, best_of, difference, share
from core.errors import Fault
from core.ids import new_id
from push.notice import Purpose

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
LATER = AT + timedelta(days=3)
CAMPAIGN = UUID("0193a1b2-0000-7000-8000-000000000001")
EVERYBODY = {"kind": "age", "years": 18}
TWO = [{"key": "a", "percent": 60}, {"key": "b", "percent": 40}]


def draft(**said: Any) -> CampaignDraft:
    known = {"name": "Autumn", "criteria": {"kind": "appointment_ahead"}, "kind": "offer"}
    return CampaignDraft.model_validate({**known, **said})


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"arms": [{"key": "a", "percent": 60}, {"key": "b", "percent": 60}]}, "/arms", "not-a-hundred"),
        ({"arms": [{"key": "a", "percent": 60}, {"key": "a", "percent": 40}]}, "/arms", "twice"),
        ({"winner": {"by": "opened", "after_hours": 5}}, "/winner", "one-arm"),
        ({"arms": TWO, "winner": {"by": "coupon", "after_hours": 5}}, "/winner/by", "no-promotion"),
        ({"arms": TWO, "winner": {"by": "opened", "after_hours": 72}}, "/winner/after_hours", "after-it-is-over"),
        ({"kind": "organisational", "promotion_id": str(CAMPAIGN)}, "/promotion_id", "not-of-this-kind"),
        ({"kind": "recall", "promotion_id": str(CAMPAIGN)}, "/promotion_id", "not-of-this-kind"),
        ({"day": "2026-12-01"}, "/at", "missing"),
        ({"at": "10:00"}, "/day", "missing"),
        ({"follow_up": {"on": ["coupon"]}}, "/follow_up/on", "no-promotion"),
        ({"follow_up": {"on": ["opened"], "preset": "owner", "team_id": str(CAMPAIGN)}}, "/follow_up", "for-several"),
    ],
)
def test_what_could_not_run_is_named_with_its_place(said: dict[str, Any], pointer: str, code: str) -> None:
    assert campaign_faults(draft(**said)) == [Fault(pointer, code)]


def test_the_kind_says_what_one_must_have_agreed_to() -> None:
    purposes = {kind: draft(kind=kind.value).purpose for kind in CampaignKind}
    assert {kind for kind, purpose in purposes.items() if purpose is not Purpose.MARKETING} == {
        CampaignKind.RECALL, CampaignKind.ORGANISATIONAL,
    }  # fmt: skip
    assert campaign_faults(draft()) == []


def test_a_patient_keeps_the_arm_and_the_holdout_does_not_depend_on_a_winner() -> None:
    both, people = draft(arms=TWO, holdout_percent=10), [new_id() for _ in range(3_000)]
    before = [arm_of(both, CAMPAIGN, person, None) for person in people]
    after = [arm_of(both, CAMPAIGN, person, "b") for person in people]
    assert [arm == HOLDOUT for arm in before] == [arm == HOLDOUT for arm in after]
    assert set(after) == {HOLDOUT, "b"}
    counted = Counter(before)
    assert 200 < counted[HOLDOUT] < 400
    assert 0.55 < counted["a"] / (counted["a"] + counted["b"]) < 0.65
    assert before != [arm_of(both, new_id(), person, None) for person in people], "another campaign draws anew"


def test_a_pace_spreads_turns_and_the_holdout_takes_no_time() -> None:
    arms = ["a", HOLDOUT, "b", "a"] * 100
    found = turns_of(arms, 360, None, AT, LATER)
    told = [turn.at for turn in found.turns if turn.arm != HOLDOUT]
    assert told == [AT + timedelta(seconds=10 * place) for place in range(len(told))]
    assert told[-1] <= AT + AHEAD < found.paced_until
    assert len(told) == 31
    assert turns_of(arms, 360, found.paced_until, AT, LATER).turns == [], "these wait for their time"
    on = turns_of(arms, 360, found.paced_until, AT + AHEAD, LATER)
    assert on.turns[0].at == found.paced_until


def test_without_a_pace_everybody_goes_at_once_and_nobody_after_the_end() -> None:
    assert [turn.at for turn in turns_of(["a"] * 5, None, None, AT, LATER).turns] == [AT] * 5
    assert len(turns_of(["a"] * 5, 3_600, None, AT, AT + timedelta(seconds=3)).turns) == 3
    after_a_pause = turns_of(["a", "a"], 3_600, AT - timedelta(days=1), AT, LATER)
    assert [turn.at for turn in after_a_pause.turns] == [AT, AT + timedelta(seconds=1)], "no burst makes up for a pause"


def test_how_many_are_first_part_and_how_long_it_takes() -> None:
    test = draft(arms=TWO, winner={"by": "opened", "after_hours": 24, "test_percent": 20}, per_hour=300)
    assert [first_part(test, size) for size in (0, 1, 10, 1_001)] == [0, 1, 2, 201]
    assert first_part(draft(), 1_001) == 1_001
    assert [hours_needed(test, size) for size in (0, 1, 300, 301)] == [0, 1, 1, 2]


def test_shares_have_wilsons_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
    for count, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        found = share(count, of)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert (round(share(1, 29).low, 4), share(0, 0).high) == (0.0061, 1.0)


def test_differences_have_newcombes_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
    for one, other, low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0),
    ):  # fmt: skip
        found = difference(one, other)
        assert (round(found[0], 4), round(found[1], 4)) == (low, high)


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ([("a", 1_000, 300), ("b", 1_000, 200)], Comparison(Finding.CLEAR, "a")),
        ([("a", 1_000, 210), ("b", 1_000, 200)], Comparison(Finding.NOT_CLEAR)),
        ([("a", 29, 29), ("b", 1_000, 0)], Comparison(Finding.TOO_FEW)),
        ([("a", 0, 0), ("b", 0, 0)], Comparison(Finding.TOO_FEW)),
        ([("a", 100, 0), ("b", 100, 0)], Comparison(Finding.NOT_CLEAR)),
        ([("a", 500, 120), ("b", 500, 115), ("c", 500, 10)], Comparison(Finding.NOT_CLEAR)),
        ([("a", 500, 10), ("b", 500, 115), ("c", 500, 10), ("d", 500, 12)], Comparison(Finding.CLEAR, "b")),
    ],
)
def test_an_arm_wins_only_where_it_cannot_well_be_chance(
    tried: list[tuple[str, int, int]], expected: Comparison
) -> None:
    assert best_of([Tried(*each) for each in tried]) == expected


@pytest.mark.parametrize("arms", [2, 3, 4])
def test_of_equal_arms_hardly_ever_one_is_called_the_best(arms: int) -> None:
    dice, clear = Random(20261123), 0  # noqa: S311  the same numbers in every run, and no secret
    for _ in range(400):
        tried = [Tried(str(arm), 200, sum(dice.random() < 0.2 for _ in range(200))) for arm in range(arms)]
        clear += best_of(tried).finding is Finding.CLEAR
    assert clear <= 400 * 0.08, "5 in 100 at most, and what chance adds"


def test_an_arm_that_nobody_drew_is_too_few() -> None:
    both = draft(arms=TWO, winner={"by": "opened", "after_hours": 5})
    assert compared(both, {"a": (1_000, 900)}).finding is Finding.TOO_FEW


def test_of_few_people_nothing_is_told_to_who_may_not_read_clinical_facts() -> None:
    counts = {**dict.fromkeys(Step, 20), Step.BOOKED: 3, Step.STOPPED: 0, Step.SENT: 38}
    steps = {each.step: each.count for each in arm_figures("a", 40, counts, clinical=False).steps}
    assert steps[Step.OPENED] == 20
    assert (steps[Step.BOOKED], steps[Step.SENT], steps[Step.STOPPED]) == (None, None, 0)
    seen = arm_figures("a", 40, counts, clinical=True).steps
    assert {each.step: each.count for each in seen} == counts
    small = arm_figures("a", 4, dict.fromkeys(Step, 0), clinical=False)
    assert (small.handed, {each.count for each in small.steps}) == (None, {None})


def test_the_uplift_counts_all_arms_together_and_is_silent_without_a_holdout() -> None:
    found = uplift({"a": (60, 300), "b": (80, 300), HOLDOUT: (20, 200)}, clinical=False)
    assert found is not None
    low, high = difference((140, 600), (20, 200))
    assert (found.low_bp, found.high_bp) == (round(low * 10_000), round(high * 10_000))
    assert uplift({"a": (60, 300)}, clinical=True) is None
    assert uplift({"a": (60, 300), HOLDOUT: (2, 200)}, clinical=False) is None


def test_sms_cost_by_the_share_and_length_of_each_arm() -> None:
    both = draft(arms=TWO, holdout_percent=10)
    assert sms_units(both, 1_000, {"a": 1, "b": 2}) == 1_260
    assert sms_units(draft(), 7, {"a": 3}) == 21
