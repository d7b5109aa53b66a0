"""A journey's next step: sent in the hours of the branch only, waits by the calendar, and leaving wins."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from automation.facts import Booking, PatientFacts
from automation.journey import (
    Decision,
    ExitReason,
    Journey,
    Step,
    StepKind,
    Verdict,
    days_later,
    decide,
    document,
)
from automation.templates import HYGIENE_RECALL
from cabinet.facts import ServiceKind
from clinic.appointment import AppointmentStatus
from push.notice import NoticeKind

ROME = "Europe/Rome"
NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)
ZONES = [ROME, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago"]
# The nights in which clocks change, in both directions, in every zone above; and a fortnight around each.
CHANGES = [datetime(2026, month, day, tzinfo=UTC) for month in (3, 4, 9, 10, 11) for day in (1, 8, 15, 22, 29)]


def overdue(now: datetime = NOON, visit: Booking | None = None) -> PatientFacts:
    return PatientFacts(
        date(1985, 5, 17), "it", {ServiceKind.HYGIENE: (now.date() - timedelta(days=200),)}, (visit,) if visit else ()
    )


def verdicts(decision: Decision) -> list[Verdict]:
    return [touch.verdict for touch in decision.touchpoints]


def test_a_push_in_the_hours_is_sent_and_four_calendar_days_are_waited() -> None:
    decision = decide(HYGIENE_RECALL, "nudge", overdue(), ROME, NOON)
    assert verdicts(decision) == [Verdict.SENT]
    assert (decision.next_step, decision.due_at) == ("remind", NOON + timedelta(days=4))


@pytest.mark.parametrize(("hour", "opens_after"), [(3, 6), (8, 1), (20, 13), (23, 10)])
def test_a_push_outside_the_hours_is_held_until_they_open(hour: int, opens_after: int) -> None:
    now = datetime(2026, 7, 15, hour, tzinfo=ZoneInfo(ROME)).astimezone(UTC)
    decision = decide(HYGIENE_RECALL, "nudge", overdue(), ROME, now)
    assert verdicts(decision) == [Verdict.HELD]
    assert (decision.next_step, decision.due_at) == ("nudge", now + timedelta(hours=opens_after))


@given(
    zone=st.sampled_from(ZONES),
    step=st.sampled_from([step.id for step in HYGIENE_RECALL.steps]),
    now=st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-14 * 1440, 14 * 1440),
    ),
)
def test_nothing_is_ever_sent_outside_nine_to_eight_and_every_timer_lies_ahead(
    zone: str, step: str, now: datetime
) -> None:
    for _ in range(6):
        decision = decide(HYGIENE_RECALL, step, overdue(now), zone, now)
        local = now.astimezone(ZoneInfo(zone))
        assert Verdict.SENT not in verdicts(decision) or time(9) <= local.time() < time(20)
        if decision.due_at is None:
            assert verdicts(decision)[-1] is Verdict.COMPLETED
            return
        assert decision.due_at > now
        step, now = decision.next_step or "", decision.due_at
    pytest.fail("a journey of five steps never ended")


def test_a_wait_keeps_the_time_of_day_across_both_clock_changes() -> None:
    before = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)  # 10:00 in Rome, summer time begins on the 29th
    assert days_later(before, 4, ROME) == datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
    before = datetime(2026, 10, 23, 8, 0, tzinfo=UTC)  # 10:00 in Rome, summer time ends on the 25th
    assert days_later(before, 4, ROME) == datetime(2026, 10, 27, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("step", [step.id for step in HYGIENE_RECALL.steps])
def test_a_booking_wins_over_every_step(step: str) -> None:
    visit = Booking(AppointmentStatus.BOOKED, NOON + timedelta(days=30))
    decision = decide(HYGIENE_RECALL, step, overdue(visit=visit), ROME, NOON)
    assert (decision.exit_reason, verdicts(decision), decision.due_at) == (ExitReason.BOOKED, [Verdict.EXITED], None)


def test_who_no_longer_belongs_leaves() -> None:
    cleaned = PatientFacts(date(1985, 5, 17), "it", {ServiceKind.HYGIENE: (NOON.date(),)})
    assert decide(HYGIENE_RECALL, "remind", cleaned, ROME, NOON).exit_reason is ExitReason.LEFT_SEGMENT


def test_the_last_wait_is_followed_by_the_end() -> None:
    decision = decide(HYGIENE_RECALL, "done", overdue(), ROME, NOON)
    assert (verdicts(decision), decision.next_step, decision.exit_reason) == ([Verdict.COMPLETED], None, None)


def test_a_stored_definition_is_the_same_journey() -> None:
    assert document(HYGIENE_RECALL.definition()) == HYGIENE_RECALL


END = Step(id="done", kind=StepKind.END)
WAIT = Step(id="wait", kind=StepKind.WAIT_FOR, days=1)


@pytest.mark.parametrize("steps", [[WAIT], [END, WAIT], [WAIT, WAIT, END], [END, END]])
def test_a_journey_without_one_end_at_its_end_is_refused(steps: list[Step]) -> None:
    fields = HYGIENE_RECALL.model_dump(exclude={"steps"})
    with pytest.raises(ValidationError):
        Journey(**fields, steps=steps)


def test_a_step_says_exactly_what_its_kind_needs() -> None:
    for members in ({"days": None}, {"days": 1, "notice": NoticeKind.RECALL}, {"days": 0}):
        with pytest.raises(ValidationError):
            Step(id="wait", kind=StepKind.WAIT_FOR, **members)
