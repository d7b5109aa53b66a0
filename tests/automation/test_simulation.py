"""A journey over the past: who would have been reached, with what was known then, and who came back of themselves."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from automation.criteria.meaning import Source
from automation.criteria.said import EventKind
from automation.facts import PatientFacts, Record
from automation.journey.decide import Heard
from automation.journey.document import Journey
from automation.journey.words import ExitReason, StepKind
from automation.simulation import Life, months_of, simulated

ROME = "Europe/Rome"
DAY = timedelta(days=1)
FROM = date(2026, 3, 1)
ANNA = UUID(int=1)

RECALL = Journey.model_validate(
    {
        "key": "recall", "name": "Recall", "purpose": "recall",
        "trigger": {"kind": "segment", "criteria": {"kind": "all", "items": [
            {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
            {"kind": "not", "items": [{"kind": "appointment_ahead"}]},
        ]}},
        "again_after_days": 150,
        "exits": [{"kind": "booked"}],
        "goal": {"event": "appointment.booked", "within_days": 30},
        "steps": [
            {"id": "nudge", "kind": "message", "notice": "recall"},
            {"id": "think", "kind": "wait", "days": 4},
            {"id": "remind", "kind": "message", "notice": "recall"},
            {"id": "settle", "kind": "wait", "days": 10},
            {"id": "call", "kind": "task", "task": "call", "title": "Call"},
        ],
    }
)  # fmt: skip


def cleaned(on: date) -> PatientFacts:
    records = {Source.PROCEDURE: [Record(on, {"kind": "hygiene"})]}
    return PatientFacts(date(1980, 1, 1), "it", records)


def visit(facts: PatientFacts, visit_id: UUID, starts_at: datetime, status: str) -> PatientFacts:
    records = {**facts.records, Source.VISIT: [Record(starts_at, {"status": status}, 1, visit_id)]}
    return PatientFacts(facts.birth_date, facts.language, records)


def run(life: Life, days: int = 120) -> list[tuple[str, str, date]]:
    (way,) = simulated(RECALL, [life], FROM, days)
    return [(look.step, look.verdict.value, look.at.date()) for look in way.looks]


def test_who_stays_away_is_reached_twice_and_called() -> None:
    """Cleaned on 1 October: on 31 March it is 181 days ago."""
    assert run(Life(ANNA, ROME, cleaned(date(2025, 10, 1)))) == [
        ("nudge", "sent", date(2026, 3, 31)),
        ("think", "waited", date(2026, 4, 4)),
        ("remind", "sent", date(2026, 4, 4)),
        ("settle", "waited", date(2026, 4, 14)),
        ("call", "done", date(2026, 4, 14)),
    ]


def test_a_visit_that_nobody_had_booked_yet_hides_nobody() -> None:
    """Today the visit of May is known; on 31 March nobody had booked it. They book on 2 April, of themselves."""
    visit_id, booked = UUID(int=7), datetime(2026, 4, 2, 9, tzinfo=UTC)
    facts = visit(cleaned(date(2025, 10, 1)), visit_id, datetime(2026, 5, 4, 8, tzinfo=UTC), "completed")
    life = Life(ANNA, ROME, facts, (Heard(EventKind.APPOINTMENT_BOOKED, booked, visit_id),))
    assert run(life) == [("nudge", "sent", date(2026, 3, 31)), ("think", "exited", date(2026, 4, 2))]
    (way,) = simulated(RECALL, [life], FROM, 120)
    assert way.came_back == booked
    month = months_of([way])
    assert (month["2026-03"].messages, month["2026-03"].came_back) == (1, 1)
    assert month["2026-04"].out == {ExitReason.BOOKED: 1}


def test_who_had_booked_before_is_left_alone() -> None:
    visit_id = UUID(int=7)
    facts = visit(cleaned(date(2025, 10, 1)), visit_id, datetime(2026, 5, 4, 8, tzinfo=UTC), "completed")
    told = Heard(EventKind.APPOINTMENT_BOOKED, datetime(2026, 3, 1, tzinfo=UTC), visit_id)
    assert list(simulated(RECALL, [Life(ANNA, ROME, facts, (told,))], FROM, 60)) == []


def test_a_visit_without_events_is_taken_as_booked_a_fortnight_before() -> None:
    facts = visit(cleaned(date(2025, 10, 1)), UUID(int=7), datetime(2026, 4, 10, 8, tzinfo=UTC), "completed")
    assert list(simulated(RECALL, [Life(ANNA, ROME, facts)], FROM, 40)) == []  # 31 March: known since the 27th


def test_nobody_comes_in_again_before_the_pause_is_over() -> None:
    ways = list(simulated(RECALL, [Life(ANNA, ROME, cleaned(date(2025, 10, 1)))], FROM, 400))
    entries = [way.entered_at for way in ways]
    assert len(entries) == 3
    assert all(later - earlier >= 150 * DAY for earlier, later in pairwise(entries))


def test_what_is_done_is_counted_by_month_and_kind() -> None:
    months = months_of(simulated(RECALL, [Life(ANNA, ROME, cleaned(date(2025, 10, 1)))], FROM, 120))
    assert {name: month.by_kind for name, month in months.items()} == {
        "2026-03": {StepKind.MESSAGE: 1},
        "2026-04": {StepKind.MESSAGE: 1, StepKind.TASK: 1},
    }


def test_other_triggers_cannot_be_asked_of_the_past() -> None:
    by_hand = RECALL.model_copy(update={"trigger": RECALL.trigger.model_validate({"kind": "manual"})})
    with pytest.raises(ValueError, match="only criteria"):
        list(simulated(by_hand, [], FROM, 10))
