"""A journey's next step: sent in the hours of the branch only, waits by the calendar, and leaving wins."""

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from automation.facts import PatientFacts
from automation.journey.clock import days_later
from automation.journey.decide import Standing, decide
from automation.journey.document import document
from automation.journey.look import Move
from automation.journey.step import Step
from automation.journey.words import ExitReason, StepKind, Verdict
from automation.templates import HYGIENE_RECALL
from cabinet.facts import ServiceKind
from clinic.appointment import AppointmentStatus
from push.notice import NoticeKind
from tests.automation.people import Booking, Done, known_as

ROME = "Europe/Rome"
NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)
ZONES = [ROME, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago"]
# The nights in which clocks change, in both directions, in every zone above; and a fortnight around each.
CHANGES = [datetime(2026, month, day, tzinfo=UTC) for month in (3, 4, 9, 10, 11) for day in (1, 8, 15, 22, 29)]


def overdue(now: datetime = NOON, visit: Booking | None = None) -> PatientFacts:
    return known_as([Done(ServiceKind.HYGIENE, now.date() - timedelta(days=200))], [visit] if visit else [])


def look(step: str, facts: PatientFacts, zone: str = ROME, now: datetime = NOON, *, waiting: bool = False) -> Move:
    """One look at somebody on the recall who came in now."""
    return decide(HYGIENE_RECALL, Standing(uuid4(), uuid4(), step, now, now, zone, facts, waiting), now)


def test_a_message_in_the_hours_is_sent_and_four_calendar_days_are_waited() -> None:
    assert look("nudge", overdue()) == Move("think", NOON, Verdict.SENT)
    assert look("think", overdue()) == Move("think", NOON + timedelta(days=4), waiting=True)
    assert look("think", overdue(), waiting=True) == Move("remind", NOON, Verdict.WAITED)


@pytest.mark.parametrize(("hour", "opens_after"), [(3, 6), (8, 1), (20, 13), (23, 10)])
def test_a_message_outside_the_hours_is_held_until_they_open(hour: int, opens_after: int) -> None:
    now = datetime(2026, 7, 15, hour, tzinfo=ZoneInfo(ROME)).astimezone(UTC)
    held = Move("nudge", now + timedelta(hours=opens_after), Verdict.HELD)
    assert look("nudge", overdue(), now=now) == held


@given(
    zone=st.sampled_from(ZONES),
    step=st.sampled_from([step.id for step in HYGIENE_RECALL.steps]),
    now=st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-14 * 1440, 14 * 1440),
    ),
)
def test_nothing_is_ever_sent_outside_nine_to_eight_and_no_timer_lies_behind(
    zone: str, step: str, now: datetime
) -> None:
    waiting = False
    for _ in range(12):
        move = look(step, overdue(now), zone, now, waiting=waiting)
        local = now.astimezone(ZoneInfo(zone))
        assert move.verdict is not Verdict.SENT or time(9) <= local.time() < time(20)
        if move.due_at is None:
            assert move.verdict is Verdict.COMPLETED
            return
        assert move.due_at > now or move.to != step
        step, now, waiting = move.to or "", move.due_at, move.waiting
    pytest.fail("a journey of five steps never ended")


def test_a_wait_keeps_the_time_of_day_across_both_clock_changes() -> None:
    before = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)  # 10:00 in Rome, summer time begins on the 29th
    assert days_later(before, 4, ROME) == datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
    before = datetime(2026, 10, 23, 8, 0, tzinfo=UTC)  # 10:00 in Rome, summer time ends on the 25th
    assert days_later(before, 4, ROME) == datetime(2026, 10, 27, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("step", [step.id for step in HYGIENE_RECALL.steps])
def test_a_booking_wins_over_every_step(step: str, *, waiting: bool) -> None:
    visit = Booking(AppointmentStatus.BOOKED, NOON + timedelta(days=30))
    left = Move(None, None, Verdict.EXITED, ExitReason.BOOKED.value)
    assert look(step, overdue(visit=visit), waiting=waiting) == left


def test_who_no_longer_belongs_leaves() -> None:
    cleaned = known_as([Done(ServiceKind.HYGIENE, NOON.date())])
    assert look("remind", cleaned).reason == ExitReason.LEFT_SEGMENT


def test_the_exit_step_is_the_end() -> None:
    assert look("done", overdue()) == Move(None, None, Verdict.COMPLETED)


def test_a_stored_definition_is_the_same_journey() -> None:
    assert document(HYGIENE_RECALL.definition()) == HYGIENE_RECALL


def test_a_step_says_exactly_what_its_kind_needs() -> None:
    for members in ({"days": None}, {"days": 1, "notice": NoticeKind.RECALL}, {"days": 0}):
        with pytest.raises(ValidationError):
            Step(id="wait", kind=StepKind.WAIT, **members)
