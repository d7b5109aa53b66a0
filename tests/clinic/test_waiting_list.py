"""Who is asked about a freed time: whom it suits by the branch's clock, longest waiting first, nobody twice."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.waiting_list import (
    LONGEST_WAIT,
    EntryStatus,
    OfferStatus,
    PartOfDay,
    Window,
    Wish,
    answer_by,
    chosen,
    entry_status,
    offer_status,
    suits,
    until_fault,
)
from core.errors import Fault
from core.ids import new_id

BRANCH = new_id()
TUESDAY_NOON = datetime(2030, 6, 18, 10, tzinfo=UTC)  # 12:00 in Rome
WINDOW = Window(new_id(), BRANCH, "Europe/Rome", TUESDAY_NOON, "Dr. Bianchi", frozenset({"Hygiene"}))
ANY = Wish(new_id(), new_id(), date(2030, 12, 31))


def wish(number: int, patient: int | None = None, **wants: object) -> Wish:
    who = number if patient is None else patient
    return Wish(UUID(int=number), UUID(int=1000 + who), date(2030, 12, 31), **wants)  # type: ignore[arg-type]


def window(number: int, days: int = 0) -> Window:
    return Window(UUID(int=number), BRANCH, "Europe/Rome", TUESDAY_NOON + timedelta(days=days))


def test_who_wants_nothing_in_particular_is_suited_by_anything() -> None:
    assert suits(ANY, WINDOW)


@pytest.mark.parametrize(
    ("wanted", "suited"),
    [
        ({"service": "Hygiene"}, True),
        ({"service": "hygiene"}, True),
        ({"service": "Implant"}, False),
        ({"practitioner": "dr. bianchi"}, True),
        ({"practitioner": "Dr. Verdi"}, False),
        ({"branch_id": BRANCH}, True),
        ({"branch_id": new_id()}, False),
        ({"weekdays": frozenset({1, 3})}, True),
        ({"weekdays": frozenset({0})}, False),
        ({"parts": frozenset({PartOfDay.AFTERNOON})}, True),
        ({"parts": frozenset({PartOfDay.MORNING, PartOfDay.EVENING})}, False),
    ],
)
def test_every_wish_counts(wanted: dict[str, object], suited: bool) -> None:
    assert suits(wish(1, **wanted), WINDOW) is suited  # type: ignore[arg-type]


def test_a_time_for_any_service_suits_every_service() -> None:
    assert suits(wish(1, service="Implant"), window(1))


def test_the_last_day_is_the_branchs_own() -> None:
    late = Window(new_id(), BRANCH, "Asia/Shanghai", datetime(2030, 6, 18, 17, tzinfo=UTC))  # the 19th there
    assert not suits(Wish(new_id(), new_id(), date(2030, 6, 18)), late)
    assert suits(Wish(new_id(), new_id(), date(2030, 6, 19)), late)


@pytest.mark.parametrize(
    ("utc_hour", "part"), [(9, PartOfDay.MORNING), (10, PartOfDay.AFTERNOON), (15, PartOfDay.EVENING)]
)
def test_a_part_of_the_day_begins_by_the_branchs_clock_in_summer(utc_hour: int, part: PartOfDay) -> None:
    at = Window(new_id(), BRANCH, "Europe/Rome", TUESDAY_NOON.replace(hour=utc_hour))
    assert [each for each in PartOfDay if suits(wish(1, parts=frozenset({each})), at)] == [part]


def test_the_first_who_wait_are_asked_about_the_first_time_and_the_next_about_the_next() -> None:
    pairs = chosen([wish(number) for number in range(5)], [window(1), window(2)], 2)
    assert [(asked.entry_id.int, about.slot_id.int) for asked, about in pairs] == [(0, 1), (1, 1), (2, 2), (3, 2)]


@given(st.lists(st.integers(0, 6), max_size=12), st.integers(1, 4), st.integers(1, 4))
def test_nobody_is_asked_about_two_times_at_once(patients: list[int], windows: int, most: int) -> None:
    wishes = [wish(number, patient) for number, patient in enumerate(patients)]
    pairs = chosen(wishes, [window(number, number) for number in range(windows)], most)
    times: dict[UUID, set[UUID]] = {}
    for asked, about in pairs:
        times.setdefault(asked.patient_id, set()).add(about.slot_id)
    assert all(len(each) == 1 for each in times.values())
    for number in range(windows):
        assert len([1 for _, about in pairs if about.slot_id.int == number]) <= most


def test_who_waits_with_two_wishes_takes_one_of_the_places() -> None:
    pairs = chosen([wish(1, 7), wish(2, 7, service=""), wish(3)], [window(1)], 2)
    assert [asked.entry_id.int for asked, _ in pairs] == [1, 3]


def test_who_is_not_to_be_asked_takes_no_place() -> None:
    about = replace(window(1), not_for=frozenset({wish(1).patient_id}))
    assert [asked.entry_id.int for asked, _ in chosen([wish(1), wish(2)], [about], 1)] == [2]


def test_one_waits_from_today_for_a_year_at_most() -> None:
    today = date(2030, 6, 18)
    assert until_fault(today, today) is None
    assert until_fault(today + LONGEST_WAIT, today) is None
    assert until_fault(today - timedelta(days=1), today) == Fault("/until", "in-the-past")
    assert until_fault(today + LONGEST_WAIT + timedelta(days=1), today) == Fault("/until", "too-far-ahead")


def test_an_offer_ends_when_its_visit_begins_at_the_latest() -> None:
    now, hours = TUESDAY_NOON, timedelta(hours=2)
    assert answer_by(now + timedelta(days=1), hours, now) == now + hours
    assert answer_by(now + timedelta(hours=1), hours, now) == now + timedelta(hours=1)


def test_an_offer_is_open_until_its_end_while_its_time_is_free() -> None:
    now, tick = TUESDAY_NOON, timedelta(milliseconds=1)
    assert offer_status("open", now + tick, now, still_free=True) is OfferStatus.OPEN
    assert offer_status("open", now, now, still_free=True) is OfferStatus.GONE
    assert offer_status("open", now + tick, now, still_free=False) is OfferStatus.GONE
    assert offer_status("accepted", now, now, still_free=False) is OfferStatus.ACCEPTED


def test_who_waits_waits_through_the_last_day() -> None:
    day = date(2030, 6, 18)
    assert entry_status("waiting", day, day) is EntryStatus.WAITING
    assert entry_status("waiting", day, day + timedelta(days=1)) is EntryStatus.EXPIRED
    assert entry_status("fulfilled", day, day + timedelta(days=1)) is EntryStatus.FULFILLED
