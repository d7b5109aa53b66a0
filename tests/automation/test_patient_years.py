"""Ten thousand years of invented patients through every journey: what must hold on every way there is."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from automation.criteria.meaning import Source
from automation.criteria.said import EventKind
from automation.criteria.truth import Question, holds
from automation.facts import PatientFacts, Record
from automation.journey.clock import local_moment
from automation.journey.decide import Heard
from automation.journey.document import Journey
from automation.journey.words import ExitReason, StepKind, Verdict, clock_time
from automation.segment import meaning_of
from automation.simulation import MOST_LOOKS, Life, Look, Way, simulated
from automation.templates import TEMPLATES
from automation.turning_days import turning_days
from tests.automation.filled_templates import least

SINCE = date(2024, 1, 1)
YEARS = 2
DAYS = 365 * YEARS + 1
PATIENT_YEARS = 16_000
ZONES = ("Europe/Rome", "America/New_York", "Europe/Moscow", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Shanghai")
OVERDUE: dict[str, Any] = {"kind": "all", "items": [
    {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
    {"kind": "not", "items": [{"kind": "appointment_ahead"}]},
]}  # fmt: skip


def _journey(key: str, steps: list[dict[str, Any]], **said: Any) -> Journey:
    trigger = {"kind": "segment", "criteria": said.pop("criteria", OVERDUE)}
    told = {"key": key, "name": key, "purpose": "recall", "trigger": trigger, "steps": steps, **said}
    return Journey.model_validate(told, strict=False)


def _said(step_id: str, **said: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "message", "notice": "recall", **said}


OWN = [
    _journey("waits", [
        _said("first"), {"id": "days", "kind": "wait", "days": 3}, {"id": "hours", "kind": "wait", "hours": 30},
        _said("second"), {"id": "at", "kind": "wait", "at": "02:30"},
        {"id": "tuesday", "kind": "wait", "days": 2, "at": "10:15", "weekdays": [1, 6]}, _said("third"),
        {"id": "sundays", "kind": "wait", "hours": 5, "weekdays": [6]}, {"id": "call", "kind": "task", "task": "call",
                                                                        "title": "Call"},
    ], again_after_days=60, opens="08:30", closes="13:00", weekdays=[0, 1, 2, 3, 4], exits=[{"kind": "booked"}]),
    _journey("listens", [
        _said("first"),
        {"id": "listen", "kind": "wait_event", "events": ["appointment.booked"], "days": 5, "then": "thanks"},
        _said("again"),
        {"id": "listen-on", "kind": "wait_event", "events": ["appointment.no_show", "appointment.cancelled"],
         "hours": 100, "then": "over"},
        {"id": "about-a-visit", "kind": "wait_visit", "hours_before": 24},
        {"id": "thanks", "kind": "points", "points": 5},
        {"id": "over", "kind": "exit", "outcome": "over"},
    ], goal={"event": "appointment.booked", "within_days": 20}, holdout_percent=20, again_after_days=20,
       exits=[{"kind": "happened", "event": "task.done"}]),
    _journey("turns", [
        {"id": "old", "kind": "branch", "cases": [
            {"when": {"kind": "age_at_least", "years": 60}, "to": "call"}, {"when": OVERDUE, "to": "draw"}]},
        {"id": "draw", "kind": "split", "shares": [{"percent": 30, "to": "one"}, {"percent": 70, "to": "two"}]},
        _said("one", next="sleep"), _said("two"),
        {"id": "sleep", "kind": "wait", "days": 10},
        {"id": "call", "kind": "task", "task": "call", "title": "Call"},
    ], exits=[{"kind": "left_segment"}], opens="00:00", closes="02:45"),
]  # fmt: skip
READY = [each.draft("en", least(each)) for each in TEMPLATES.values()]
JOURNEYS = [each for each in READY if each.trigger.criteria is not None] + OWN
# Of those with every kind of step twice as much.
SHARED = JOURNEYS + OWN


def invented(random: Random, number: int) -> Life:
    """Cleanings, visits of every state with and without the events that told of them."""
    began = datetime(2023, 6, 1, tzinfo=UTC)
    days = [timedelta(days=random.randrange(900)) for _ in range(random.randrange(4))]
    done = [Record((began + each).date(), {"kind": "hygiene"}) for each in days]
    visits, heard = [], []
    calls = [timedelta(hours=random.randrange(900 * 24)) for _ in range(random.randrange(9))]
    heard += [Heard(EventKind.TASK_DONE, began + each, None, None, "reached") for each in calls]
    for place in range(random.randrange(6)):
        visit_id = UUID(int=number * 100 + place)
        starts = began + timedelta(minutes=random.randrange(900 * 24 * 60))
        state = random.choice(["completed", "no_show", "cancelled", "booked", "confirmed"])
        visits.append(Record(starts, {"status": state}, 1, visit_id))
        if random.random() < 0.7:
            booked = starts - timedelta(minutes=random.randrange(60, 60 * 24 * 60))
            heard.append(Heard(EventKind.APPOINTMENT_BOOKED, booked, visit_id))
            if state in {"no_show", "cancelled"}:
                after = timedelta(hours=1) if state == "no_show" else timedelta(minutes=-30)
                heard.append(Heard(EventKind(f"appointment.{state}"), starts + after, visit_id))
    born = date(1940, 1, 1) + timedelta(days=random.randrange(80 * 365))
    facts = PatientFacts(born, "it", {Source.PROCEDURE: done, Source.VISIT: visits}, contacts=frozenset({"phone"}))
    told = tuple(sorted(heard, key=lambda each: each.at))
    return Life(UUID(int=random.getrandbits(128)), random.choice(ZONES), facts, told)


def check(journey: Journey, life: Life, ways: list[Way]) -> None:
    ends = local_moment(SINCE + timedelta(days=DAYS), clock_time(journey.opens), life.zone)
    for earlier, later in pairwise(ways):
        assert journey.again_after_days is not None, "twice on a journey that takes nobody twice"
        assert later.entered_at - earlier.entered_at >= timedelta(days=journey.again_after_days)
        assert earlier.ended_at is not None
        assert later.entered_at >= earlier.ended_at
    for way in ways:
        _check_way(journey, life, way, ends)


def _check_way(journey: Journey, life: Life, way: Way, ends: datetime) -> None:
    moments = [way.entered_at, *(look.at for look in way.looks)]
    assert moments == sorted(moments), "looks are in order"
    assert moments[-1] < ends
    assert len(way.looks) < MOST_LOOKS
    if way.held_out:
        assert way.looks == ()
        return
    if way.ended_at is not None:
        assert way.looks
        assert way.ended_at == way.looks[-1].at
        assert _is_end(journey, way.looks[-1])
    assert not any(look.verdict in {Verdict.EXITED, Verdict.COMPLETED} for look in way.looks[:-1])
    opens, closes = clock_time(journey.opens), clock_time(journey.closes)
    for look in way.looks:
        if look.verdict is Verdict.SENT:
            local = look.at.astimezone(ZoneInfo(life.zone))
            assert opens <= local.time() < closes, f"{look} at {local}"
            assert local.weekday() in journey.weekdays
    _check_waits(journey, life, way)


def _is_end(journey: Journey, last: Look) -> bool:
    step = journey.step(last.step)
    return last.verdict in {Verdict.EXITED, Verdict.COMPLETED} or journey.after(step) is None


def _check_waits(journey: Journey, life: Life, way: Way) -> None:
    """A wait begins where the step before it was done; days count by the wall, so an hour may be missing."""
    hour, begins = timedelta(hours=1), way.entered_at
    for look in way.looks:
        step = journey.step(look.step)
        if look.verdict in {Verdict.WAITED, Verdict.TIMED_OUT}:
            told = timedelta(days=step.days or 0, hours=step.hours or 0)
            assert look.at - begins >= told - (hour if step.days else timedelta()), f"{look} too early"
            local = look.at.astimezone(ZoneInfo(life.zone))
            if step.at is not None and step.at != "02:30":  # which a clock may skip
                assert local.time() == clock_time(step.at)
            assert step.weekdays is None or local.weekday() in step.weekdays
        begins = look.at if look.verdict is not Verdict.HELD else begins


@pytest.mark.parametrize("seed", [20261123])
def test_ten_thousand_patient_years_hold_what_was_promised(seed: int) -> None:
    random, seen = Random(seed), Counter[str]()  # noqa: S311  it must be the same again
    for number in range(PATIENT_YEARS // YEARS):
        journey, life = SHARED[number % len(SHARED)], invented(random, number)
        ways = list(simulated(journey, [life], SINCE, DAYS))
        try:
            check(journey, life, ways)
        except AssertionError as fault:
            raise AssertionError(f"seed {seed}, patient {number}, journey {journey.key}: {fault}") from fault
        seen.update(f"{look.kind.value} {look.verdict.value}" for way in ways for look in way.looks)
        seen.update(["held out" for way in ways if way.held_out])
        seen.update(look.reason for way in ways for look in way.looks if look.verdict is Verdict.EXITED)
    for what in (
        f"{StepKind.MESSAGE.value} sent", "message held", "wait waited", "wait_event happened", "wait_event timed_out",
        "wait_visit skipped", "branch turned", "split turned", "task done", "points done", "held out",
        ExitReason.BOOKED.value, ExitReason.HAPPENED.value, ExitReason.LEFT_SEGMENT.value,
    ):  # fmt: skip
        assert seen[what] > 20, f"hardly any {what}: {seen}"


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.key)
def test_between_its_turning_days_a_meaning_stays_what_it_was(journey: Journey) -> None:
    """Against asking on every day."""
    random = Random(journey.key)  # noqa: S311
    assert journey.trigger.criteria is not None
    meaning = meaning_of(journey.trigger.criteria)
    for number in range(60):
        life = invented(random, number)
        turning = turning_days(meaning, life.facts, SINCE, DAYS)
        if turning is None:  # of debts: asked on every day
            assert journey.key == "balance-reminder"
            return
        before = None
        for day in range(DAYS):
            now = local_moment(SINCE + timedelta(days=day), time(9), life.zone)
            true = holds(meaning, Question(life.facts, now, life.zone))
            assert before in (None, true) or day in turning, f"day {day} of {life}"
            before = true
