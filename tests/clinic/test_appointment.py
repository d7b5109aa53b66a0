"""A visit's life: which state follows which and when, what a booking may be, and what each change is called."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.appointment import (
    FARTHEST_BOOKING,
    LONGEST_VISIT,
    ON_THE_DAY,
    OVER,
    STANDING,
    AppointmentStatus,
    BookingPolicy,
    Cancelling,
    booked_as,
    booking_fault,
    cancel_until,
    cancelling,
    day_fault,
    event_kind,
    lies_ahead,
    may_confirm,
    may_follow,
    span_fault,
)

S = AppointmentStatus
NOON = datetime(2030, 6, 16, 12, tzinfo=UTC)
TICK = timedelta(milliseconds=1)

# Written out once more and not taken from the code: before, and every state that may come after.
ALLOWED = {
    S.REQUESTED: {S.BOOKED, S.CONFIRMED, S.DECLINED, S.CANCELLED},
    S.BOOKED: {S.CONFIRMED, S.ARRIVED, S.IN_CHAIR, S.COMPLETED, S.CANCELLED, S.NO_SHOW},
    S.CONFIRMED: {S.ARRIVED, S.IN_CHAIR, S.COMPLETED, S.CANCELLED, S.NO_SHOW},
    S.ARRIVED: {S.IN_CHAIR, S.COMPLETED, S.CANCELLED},
    S.IN_CHAIR: {S.COMPLETED},
    S.COMPLETED: set(),
    S.DECLINED: set(),
    S.CANCELLED: set(),
    S.NO_SHOW: {S.ARRIVED},
}


@pytest.mark.parametrize("after", S)
@pytest.mark.parametrize("before", S)
def test_every_step_is_allowed_or_refused_as_the_table_says(before: S, after: S) -> None:
    assert may_follow(before, after) is (before is after or after in ALLOWED[before])


@given(st.sampled_from(S), st.lists(st.sampled_from(S), max_size=40))
def test_no_path_leaves_an_end_or_comes_back_to_the_waiting_room(first: S, wishes: list[S]) -> None:
    path = [first]
    for wish in wishes:
        if may_follow(path[-1], wish):
            path.append(wish)
    for end in (S.COMPLETED, S.DECLINED, S.CANCELLED):
        if end in path:
            assert set(path[path.index(end) :]) == {end}
    begun = [index for index, state in enumerate(path) if state not in STANDING]
    assert not begun or not STANDING & set(path[begun[0] :]), "what has begun or is over is never booked again"


@given(st.sampled_from(S))
def test_a_state_is_never_both_standing_and_over(state: S) -> None:
    assert not (state in STANDING and state in OVER)
    assert lies_ahead(state, NOON + TICK, NOON) is (state in STANDING)
    assert not lies_ahead(state, NOON, NOON)


@pytest.mark.parametrize(
    ("length", "code"),
    [
        (-TICK, "ends-before-start"),
        (timedelta(), "ends-before-start"),
        (TICK, None),
        (LONGEST_VISIT, None),
        (LONGEST_VISIT + TICK, "longer-than-a-day"),
    ],
)
def test_a_visit_lasts_longer_than_nothing_and_at_most_a_day(length: timedelta, code: str | None) -> None:
    fault = span_fault(NOON, NOON + length)
    assert (fault and (fault.pointer, fault.code)) == (code and ("/ends_at", code))


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (-TICK, "in-the-past"),
        (timedelta(), "in-the-past"),
        (TICK, None),
        (FARTHEST_BOOKING - TICK, None),
        (FARTHEST_BOOKING, "too-far-ahead"),
    ],
)
def test_a_booking_lies_ahead_and_within_two_years(ahead: timedelta, code: str | None) -> None:
    fault = booking_fault(NOON + ahead, NOON)
    assert (fault and (fault.pointer, fault.code)) == (code and ("/starts_at", code))


@pytest.mark.parametrize("state", S)
def test_what_happens_on_the_day_is_said_from_its_first_moment_in_the_branchs_zone(state: S) -> None:
    starts_at = datetime(2030, 6, 16, 15, tzinfo=UTC)
    midnight = datetime(2030, 6, 15, 22, tzinfo=UTC)  # in Rome
    early = day_fault(state, starts_at, "Europe/Rome", midnight - TICK)
    assert (early and (early.pointer, early.code)) == (("/status", "day-not-begun") if state in ON_THE_DAY else None)
    assert day_fault(state, starts_at, "Europe/Rome", midnight) is None
    assert day_fault(state, starts_at, "Europe/Rome", starts_at + timedelta(days=400)) is None


def test_the_day_of_one_zone_is_not_the_day_of_another() -> None:
    starts_at, asked = datetime(2030, 6, 16, 1, tzinfo=UTC), datetime(2030, 6, 15, 16, tzinfo=UTC)
    assert day_fault(S.ARRIVED, starts_at, "Asia/Shanghai", asked) is None
    assert day_fault(S.ARRIVED, starts_at, "Europe/Rome", asked) is not None


@pytest.mark.parametrize(
    ("before", "after", "moved", "kind"),
    [
        (None, S.BOOKED, False, "appointment.booked"),
        (S.BOOKED, S.NO_SHOW, False, "appointment.no_show"),
        (S.BOOKED, S.CONFIRMED, True, "appointment.confirmed"),
        (S.BOOKED, S.BOOKED, True, "appointment.moved"),
        (S.BOOKED, S.BOOKED, False, "appointment.changed"),
    ],
)
def test_a_change_has_one_name(before: S | None, after: S, moved: bool, kind: str) -> None:
    assert event_kind(before, after, moved=moved) == kind


DAY_BEFORE = timedelta(hours=24)


@pytest.mark.parametrize("own", [True, False])
def test_a_visit_is_called_off_until_the_notice_and_then_by_a_call(own: bool) -> None:
    done = Cancelling.CANCELLED if own else Cancelling.ASKED
    for status in (S.BOOKED, S.CONFIRMED):
        assert cancelling(status, NOON + DAY_BEFORE, DAY_BEFORE, NOON, own=own) is done
        assert cancelling(status, NOON + DAY_BEFORE - TICK, DAY_BEFORE, NOON, own=own) is Cancelling.TOO_LATE


def test_what_the_clinic_has_not_said_yes_to_is_taken_back_until_it_begins() -> None:
    assert cancelling(S.REQUESTED, NOON + TICK, DAY_BEFORE, NOON, own=True) is Cancelling.CANCELLED
    assert cancelling(S.REQUESTED, NOON, DAY_BEFORE, NOON, own=True) is Cancelling.TOO_LATE


@pytest.mark.parametrize("status", sorted(set(S) - STANDING))
def test_what_is_over_or_under_way_is_not_called_off(status: S) -> None:
    assert cancelling(status, NOON + 9 * DAY_BEFORE, DAY_BEFORE, NOON, own=True) is Cancelling.NOT_POSSIBLE


@given(st.sampled_from(sorted(STANDING)), st.integers(-99, 99), st.integers(0, 99))
def test_the_last_moment_that_is_told_is_the_last_that_counts(status: S, ahead: int, hours: int) -> None:
    starts_at, notice = NOON + timedelta(hours=ahead), timedelta(hours=hours)
    last = cancel_until(status, starts_at, notice)
    before = last if last < starts_at else starts_at - TICK
    assert cancelling(status, starts_at, notice, before, own=True) is Cancelling.CANCELLED
    assert cancelling(status, starts_at, notice, last + TICK, own=True) is Cancelling.TOO_LATE


def test_a_patient_confirms_what_the_clinic_booked_and_lies_ahead() -> None:
    assert {status for status in S if may_confirm(status, NOON + TICK, NOON)} == {S.BOOKED, S.CONFIRMED}
    assert not may_confirm(S.BOOKED, NOON, NOON)


def test_a_branch_says_what_becomes_of_a_patients_booking() -> None:
    assert {policy: booked_as(policy) for policy in BookingPolicy} == {
        BookingPolicy.REQUEST: S.REQUESTED, BookingPolicy.DIRECT: S.BOOKED,
    }  # fmt: skip
