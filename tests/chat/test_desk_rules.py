"""The desk's working time across nights, weekends and clock changes; the rota; what it promises; its texts."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.canned import Variable, filled, unknown_variables
from chat.case import CaseState, at_work, may_snooze
from chat.desk import (
    Member,
    Replies,
    Unassigned,
    after_working_time,
    closed_until,
    rotate,
    usual_reply,
    working_time,
)
from chat.wording import asked, words
from clinic.hours import Hours

ROME = Hours("Europe/Rome", time(9), time(20), frozenset(range(5)))
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("since", "minutes", "due"),
    [
        ("2030-06-17T10:00:00+02:00", 30, "2030-06-17T10:30:00+02:00"),
        ("2030-06-17T19:50:00+02:00", 30, "2030-06-18T09:20:00+02:00"),
        ("2030-06-17T03:00:00+02:00", 30, "2030-06-17T09:30:00+02:00"),
        ("2030-06-21T19:50:00+02:00", 30, "2030-06-24T09:20:00+02:00"),  # a weekend
        ("2030-03-29T19:50:00+01:00", 30, "2030-04-01T09:20:00+02:00"),  # the clocks go on in between
        ("2030-10-25T19:50:00+02:00", 30, "2030-10-28T09:20:00+01:00"),  # and back
        ("2030-06-17T19:30:00+02:00", 30, "2030-06-17T20:00:00+02:00"),  # the last minute counts
        ("2030-06-17T12:00:00+02:00", 11 * 60 * 3, "2030-06-20T12:00:00+02:00"),
    ],
)
def test_a_wait_is_measured_in_minutes_in_which_the_branch_is_open(since: str, minutes: int, due: str) -> None:
    assert after_working_time(ROME, at(since), minutes * MINUTE) == at(due)
    assert working_time(ROME, at(since), at(due)) == minutes * MINUTE


def test_hours_across_a_clock_change_count_the_time_that_really_passed() -> None:
    all_day = Hours("Europe/Rome", time(0, 30), time(23, 30))
    whole = [(f"2030-{day}T00:00:00+00:00", hours) for day, hours in (("03-30", 23), ("03-31", 22), ("10-27", 24))]
    for start, hours in whole:
        begin = at(start) - timedelta(hours=2)
        assert working_time(all_day, begin, begin + timedelta(hours=26)) >= timedelta(hours=hours)
    change = at("2030-03-31T00:00:00+01:00"), at("2030-04-01T00:00:00+02:00")
    assert working_time(all_day, *change) == timedelta(hours=22)


def test_a_place_that_never_opens_makes_nobody_late() -> None:
    never = Hours("Europe/Rome", time(9), time(20), frozenset())
    assert after_working_time(never, at("2030-06-17T10:00:00+02:00"), MINUTE) is None
    assert closed_until(never, at("2030-06-17T10:00:00+02:00")) is None


ZONES = st.sampled_from(["Europe/Rome", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "UTC"])
HOURS = st.builds(
    lambda zone, opens, length, days: Hours(zone, time(opens), time(min(opens + length, 23)), days),
    ZONES, st.integers(4, 20), st.integers(1, 12), st.frozensets(st.integers(0, 6), min_size=1),
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2029, 1, 1), datetime(2031, 1, 1)).map(  # noqa: DTZ001  hypothesis adds the zone
    lambda naive: naive.replace(tzinfo=UTC, second=0, microsecond=0)
)


@given(HOURS, MOMENTS, st.integers(1, 3_000))
def test_when_it_is_due_just_so_much_time_was_worked(hours: Hours, since: datetime, minutes: int) -> None:
    due = after_working_time(hours, since, minutes * MINUTE)
    assert due is not None
    assert working_time(hours, since, due) == minutes * MINUTE
    assert hours.open_at(due - timedelta(seconds=1)), "it becomes due while somebody is there"


@given(HOURS, MOMENTS, st.integers(0, 60 * 40))
def test_working_time_is_what_counting_open_minutes_would_say(hours: Hours, start: datetime, length: int) -> None:
    counted = sum(hours.open_at(start + minute * MINUTE) for minute in range(length))
    assert working_time(hours, start, start + length * MINUTE) == counted * MINUTE


@given(HOURS, MOMENTS, st.integers(0, 5_000), st.integers(0, 5_000))
def test_working_time_adds_up(hours: Hours, start: datetime, one: int, two: int) -> None:
    middle, end = start + one * MINUTE, start + (one + two) * MINUTE
    parts = working_time(hours, start, middle) + working_time(hours, middle, end)
    assert parts == working_time(hours, start, end)


@given(HOURS, MOMENTS)
def test_a_closed_place_opens_when_it_says(hours: Hours, now: datetime) -> None:
    opens = closed_until(hours, now)
    assert (opens is None) == hours.open_at(now)
    if opens is not None:
        assert opens > now
        assert hours.open_at(opens)
        assert working_time(hours, now, opens) == timedelta()


BRANCHES = [UUID(int=number) for number in range(3)]
PEOPLE = [UUID(int=100 + number) for number in range(6)]
TOPICS = ["", "pain", "price"]
MEMBERS = st.lists(
    st.builds(
        Member,
        st.sampled_from(PEOPLE),
        st.frozensets(st.sampled_from(BRANCHES)),
        st.frozensets(st.sampled_from(TOPICS[1:])),
        st.integers(0, 50),
    ),
    max_size=6,
    unique_by=(lambda member: member.staff_id, lambda member: member.turn),
)
CASES = st.lists(st.tuples(st.sampled_from([None, *BRANCHES]), st.sampled_from(TOPICS)), max_size=40).map(
    lambda rows: [Unassigned(UUID(int=1000 + place), *row) for place, row in enumerate(rows)]
)


@given(CASES, st.integers(1, 6))
def test_among_equals_nobody_gets_two_more_than_another(cases: list[Unassigned], people: int) -> None:
    turns = rotate(cases, [Member(staff_id) for staff_id in PEOPLE[:people]])
    got = Counter(turn.staff_id for turn in turns)
    counts = [got[staff_id] for staff_id in PEOPLE[:people]]
    assert sum(counts) == len(cases)
    assert max(counts) - min(counts) <= 1


@given(CASES, MEMBERS)
def test_everybody_gets_only_what_they_take_and_nothing_is_left_that_somebody_would(
    cases: list[Unassigned], members: list[Member]
) -> None:
    turns = {turn.case_id: turn for turn in rotate(cases, members)}
    rota = {member.staff_id: member for member in members}
    for case in cases:
        able = [member for member in members if member.takes(case.branch_id, case.topic)]
        turn = turns.get(case.case_id)
        assert (turn is None) == (not able)
        assert turn is None or rota[turn.staff_id].takes(case.branch_id, case.topic)


@given(CASES, MEMBERS)
def test_who_waited_longest_among_those_who_take_it_gets_it(cases: list[Unassigned], members: list[Member]) -> None:
    last = {member.staff_id: member.turn for member in members}
    rota = {member.staff_id: member for member in members}
    turns = {turn.case_id: turn for turn in rotate(cases, members)}
    for case in cases:
        if (turn := turns.get(case.case_id)) is None:
            continue
        able = [staff_id for staff_id in rota if rota[staff_id].takes(case.branch_id, case.topic)]
        assert last[turn.staff_id] == min(last[staff_id] for staff_id in able)
        assert turn.number > max(last.values())
        last[turn.staff_id] = turn.number


@given(CASES, MEMBERS, st.integers(0, 40))
def test_it_makes_no_difference_in_how_many_rounds_the_cases_come(
    cases: list[Unassigned], members: list[Member], cut: int
) -> None:
    first = rotate(cases[:cut], members)
    numbers = {turn.staff_id: turn.number for turn in first}
    later = [
        Member(each.staff_id, each.branches, each.topics, numbers.get(each.staff_id, each.turn)) for each in members
    ]
    whole = {turn.case_id: turn.staff_id for turn in rotate(cases, members)}
    assert whole == {turn.case_id: turn.staff_id for turn in [*first, *rotate(cases[cut:], later)]}


@pytest.mark.parametrize(
    ("minutes", "answers", "promise"),
    [
        (0, 5, Replies.MINUTES), (15, 5, Replies.MINUTES), (16, 9, Replies.HOUR), (60, 9, Replies.HOUR),
        (61, 9, Replies.DAY), (480, 9, Replies.DAY), (481, 9, Replies.UNKNOWN), (1, 4, Replies.UNKNOWN),
    ],
)  # fmt: skip
def test_the_desk_promises_no_more_than_it_usually_keeps(minutes: int, answers: int, promise: Replies) -> None:
    assert usual_reply(minutes, answers) is promise


def test_states_of_a_case() -> None:
    now = at("2030-06-17T10:00:00+02:00")
    assert (at_work(None), at_work(PEOPLE[0])) == (CaseState.OPEN, CaseState.ASSIGNED)
    assert [may_snooze(now + timedelta(hours=hours), now) for hours in (-1, 0, 1, 24 * 367)] == [
        False,
        False,
        True,
        False,
    ]


def test_a_canned_reply_takes_values_as_text_and_once() -> None:
    text = "Ciao {{ patient_name }}, {{clinic_name}} <b>{{nobody}}</b> {patient_name}"
    values = {Variable.PATIENT_NAME: "{{clinic_name}} <script>", Variable.CLINIC_NAME: "Rome & Co"}
    assert filled(text, values) == "Ciao {{clinic_name}} <script>, Rome & Co <b>{{nobody}}</b> {patient_name}"
    assert unknown_variables(text) == ["nobody"]
    assert unknown_variables("{{patient.__class__}} {{ staff_name }}") == ["patient.__class__"]
    assert filled("{{staff_name}}", {}) == ""


@given(st.text(), st.dictionaries(st.sampled_from(Variable), st.text()))
def test_a_text_without_variables_stays_as_it_is(text: str, values: dict[Variable, str]) -> None:
    plain = text.replace("{", "(")
    assert filled(plain, values) == plain


def test_words_are_compared_in_one_form() -> None:
    assert words("Ｄente  ROTTO!! <b>36</b>") == "dente rotto b 36 b"
    assert words("我牙痛, come sta?") == "我牙 牙痛 痛 come sta"
    assert asked("牙痛") == ("牙痛", [])
    assert asked("痛 dente") == ("dente", ["痛"])
    assert asked("我牙痛") == ("我牙 牙痛", [])
    assert asked("' & ! :* ()") == ("", [])


HAN = st.text(st.sampled_from("我牙痛洗齿预约价格"), min_size=1, max_size=12)


@given(HAN, st.data())
def test_every_piece_of_a_chinese_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(text) - 1))
    piece = text[begin : data.draw(st.integers(begin + 1, len(text)))]
    whole, single = asked(piece)
    found = set(words(text).split())
    assert set(whole.split()) <= found
    assert all(any(each.startswith(one) for each in found) for one in single)
