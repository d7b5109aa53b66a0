"""A segment as a pure question: days of the branch's calendar, never and not, and trees that are refused."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from automation.criteria.said import CriterionKind
from automation.evidence import evidence
from automation.facts import PatientFacts
from automation.segment import Criterion, matches
from automation.templates import OVERDUE_FOR_HYGIENE
from cabinet.facts import ServiceKind
from clinic.appointment import AppointmentStatus
from tests.automation.people import Booking, Done, known_as

ROME, KATHMANDU = "Europe/Rome", "Asia/Kathmandu"
BORN = date(1985, 5, 17)
CLEANED = date(2026, 1, 10)
# 180 days after CLEANED is 9 July; "more than 180 days ago" begins with 10 July, midnight in Rome (UTC+2).
MIDNIGHT = datetime(2026, 7, 9, 22, 0, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


def cleaned(*days: date, visit: Booking | None = None, born: date = BORN) -> PatientFacts:
    return known_as([Done(ServiceKind.HYGIENE, day) for day in days], [visit] if visit else [], born)


def leaf(kind: str, **members: Any) -> Criterion:
    return Criterion.model_validate_json(json.dumps({"kind": kind, **members}))


def test_somebody_becomes_overdue_at_local_midnight() -> None:
    assert not matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED), MIDNIGHT - MOMENT, ROME)
    assert matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED), MIDNIGHT, ROME)


def test_each_branch_counts_by_its_own_calendar() -> None:
    earlier = MIDNIGHT - timedelta(hours=3, minutes=45)  # midnight in Kathmandu, UTC+5:45
    assert matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED), earlier, KATHMANDU)
    assert not matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED), earlier - MOMENT, KATHMANDU)
    assert not matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED), earlier, ROME)


def test_the_last_time_counts_and_not_the_first() -> None:
    assert not matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED, date(2026, 6, 1)), MIDNIGHT, ROME)


def test_who_never_came_is_not_overdue_but_can_be_asked_for() -> None:
    assert not matches(OVERDUE_FOR_HYGIENE, cleaned(), MIDNIGHT, ROME)
    never = Criterion(kind=CriterionKind.PROCEDURE_NEVER, procedure=ServiceKind.HYGIENE)
    assert matches(never, cleaned(), MIDNIGHT, ROME)
    assert not matches(never, cleaned(CLEANED), MIDNIGHT, ROME)


def test_what_is_dated_later_has_not_happened_yet() -> None:
    tomorrow = MIDNIGHT + timedelta(days=1)
    assert matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED, tomorrow.date() + timedelta(days=1)), MIDNIGHT, ROME)


@pytest.mark.parametrize(
    ("status", "ahead", "overdue"),
    [
        (AppointmentStatus.BOOKED, 1, False),
        (AppointmentStatus.REQUESTED, 1, False),
        (AppointmentStatus.CANCELLED, 1, True),
        (AppointmentStatus.NO_SHOW, 1, True),
        (AppointmentStatus.BOOKED, 0, True),
    ],
)
def test_only_a_standing_visit_ahead_keeps_somebody_out(status: AppointmentStatus, ahead: int, overdue: bool) -> None:
    visit = Booking(status, MIDNIGHT + timedelta(minutes=ahead))
    assert matches(OVERDUE_FOR_HYGIENE, cleaned(CLEANED, visit=visit), MIDNIGHT, ROME) is overdue


def test_who_was_born_on_the_leap_day_is_a_year_older_on_the_28th() -> None:
    adult = Criterion(kind=CriterionKind.AGE_AT_LEAST, years=18)
    facts = cleaned(born=date(2008, 2, 29))
    assert not matches(adult, facts, datetime(2026, 2, 27, 12, tzinfo=UTC), ROME)
    assert matches(adult, facts, datetime(2026, 2, 28, 12, tzinfo=UTC), ROME)


def test_evidence_names_each_leaf_and_the_fact_behind_it() -> None:
    visit = Booking(AppointmentStatus.CONFIRMED, MIDNIGHT + timedelta(days=3))
    last, ahead = evidence(OVERDUE_FOR_HYGIENE, cleaned(CLEANED, visit=visit), MIDNIGHT, ROME)
    assert (last.holds, last.procedure, last.last_on) == (True, ServiceKind.HYGIENE, CLEANED)
    assert (ahead.holds, ahead.next_visit_at) == (True, visit.starts_at)


@pytest.mark.parametrize(
    "tree",
    [
        {"kind": "all"},
        {"kind": "not", "items": [{"kind": "appointment_ahead"}, {"kind": "appointment_ahead"}]},
        {"kind": "procedure_last", "procedure": "hygiene"},
        {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": -1},
        {"kind": "procedure_never", "procedure": "hygiene", "older_than_days": 3},
        {"kind": "procedure_never", "procedure": "x' or '1'='1"},
        {"kind": "appointment_ahead", "items": [{"kind": "appointment_ahead"}]},
        {"kind": "sql", "text": "true"},
    ],
)
def test_a_criterion_says_exactly_what_its_kind_needs(tree: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        leaf(**tree)


def nested(depth: int) -> dict[str, Any]:
    return {"kind": "appointment_ahead"} if depth == 1 else {"kind": "not", "items": [nested(depth - 1)]}


def wide(leaves: int) -> dict[str, Any]:
    half = [{"kind": "appointment_ahead"}] * (leaves // 2)
    return {"kind": "any", "items": [{"kind": "all", "items": half}, {"kind": "all", "items": half}]}


def test_a_tree_has_six_levels_and_forty_leaves_at_most() -> None:
    assert leaf(**nested(6))
    assert leaf(**wide(40))
    for tree in (nested(7), wide(42)):
        with pytest.raises(ValidationError):
            leaf(**tree)
