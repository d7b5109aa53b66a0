"""Calendars: the moment survives every clock change, a change keeps the name and counts up, nothing is told."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from clinic.appointment import AppointmentStatus
from clinic.calendar import NO_CLINIC, SUMMARIES, TOKEN_LENGTH, CalendarVisit, calendar_file, clinic_of, feed_token
from core.ids import new_id

S = AppointmentStatus
ZONES = ("Europe/Rome", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "America/Sao_Paulo")
CHANGED = datetime(2030, 1, 1, tzinfo=UTC)


def visit(starts_at: datetime, zone: str = "Europe/Rome", status: S = S.BOOKED, sequence: int = 0) -> CalendarVisit:
    end = starts_at + timedelta(minutes=45)
    return CalendarVisit(new_id(), starts_at, end, zone, status, sequence, CHANGED, "Centro", "Via Roma 1; 2, third")


def moment(event: Event, name: str) -> datetime:
    found = event.decoded(name)
    assert isinstance(found, datetime)
    return found.astimezone(UTC)


def read(*visits: CalendarVisit, language: str = "en") -> list[Event]:
    parsed = Calendar.from_ical(calendar_file("Rome Dental", language, visits))
    return [part for part in parsed.walk("VEVENT") if isinstance(part, Event)]


# Minutes around both changes of 2030: in Rome on 31 March and 27 October at 01:00 UTC, in New York on 10 March at
# 07:00 and 3 November at 06:00 UTC.
CHANGES = [
    ("Europe/Rome", datetime(2030, 3, 31, 1, tzinfo=UTC)),
    ("Europe/Rome", datetime(2030, 10, 27, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2030, 3, 10, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2030, 11, 3, 6, tzinfo=UTC)),
    ("Asia/Shanghai", datetime(2030, 3, 31, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("minutes", [-90, -60, -30, -1, 0, 1, 30, 60, 90])
def test_a_visit_around_a_clock_change_is_read_at_the_moment_it_is(zone: str, change: datetime, minutes: int) -> None:
    starts_at = change + timedelta(minutes=minutes)
    (event,) = read(visit(starts_at, zone))
    assert moment(event, "dtstart") == starts_at
    assert moment(event, "dtend") - starts_at == timedelta(minutes=45)


@given(st.integers(0, 12 * 365 * 24 * 60), st.sampled_from(ZONES))
def test_every_moment_of_every_zone_comes_back(minutes: int, zone: str) -> None:
    starts_at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    (event,) = read(visit(starts_at, zone))
    assert moment(event, "dtstart") == starts_at


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/New_York"])
def test_the_zone_travels_with_its_rules_for_who_does_not_know_it(zone: str) -> None:
    """A reader that has no zones of its own computes the offset from the VTIMEZONE alone."""
    for month in (1, 7):
        noon = datetime(2030, month, 15, 12, tzinfo=ZoneInfo(zone))
        text = calendar_file("Rome Dental", "en", [visit(noon.astimezone(UTC), zone)]).decode()
        assert text.count("BEGIN:VTIMEZONE") == 1
        rules = Calendar.from_ical(text).walk("VTIMEZONE")[0].to_tz(lookup_tzid=False)  # type: ignore[attr-defined]
        assert datetime(2030, month, 15, 12, tzinfo=rules).utcoffset() == noon.utcoffset()


def test_a_visit_keeps_its_name_when_it_changes_and_counts_up() -> None:
    first = visit(CHANGED)
    moved = CalendarVisit(
        first.appointment_id, CHANGED + timedelta(days=1), CHANGED + timedelta(days=2), first.zone, S.CANCELLED, 3,
        CHANGED, "Centro",
    )  # fmt: skip
    before, after = read(first)[0], read(moved)[0]
    assert before["uid"] == after["uid"]
    assert (before["sequence"], after["sequence"]) == (0, 3)
    assert (before["status"], after["status"]) == ("CONFIRMED", "CANCELLED")


@pytest.mark.parametrize(
    ("status", "shown"), [(S.REQUESTED, "TENTATIVE"), (S.DECLINED, "CANCELLED"), (S.NO_SHOW, "CONFIRMED")]
)
def test_a_calendar_knows_three_states(status: S, shown: str) -> None:
    assert read(visit(CHANGED, status=status))[0]["status"] == shown


@pytest.mark.parametrize("language", SUMMARIES)
def test_every_visit_is_named_alike(language: str) -> None:
    (event,) = read(visit(CHANGED), language=language)
    assert event["summary"] == SUMMARIES[language]
    assert event["location"] == "Rome Dental, Centro, Via Roma 1; 2, third"
    assert set(event) == {
        "UID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED", "DTSTART", "DTEND", "SUMMARY", "LOCATION", "STATUS", "CLASS"
    }  # fmt: skip


def test_an_empty_calendar_is_a_calendar() -> None:
    assert calendar_file("Rome Dental", "en", []).startswith(b"BEGIN:VCALENDAR")


def test_no_line_is_longer_than_the_standard_allows() -> None:
    long = visit(CHANGED)
    text = calendar_file("牙" * 100, "zh", [long])
    assert max(len(line) for line in text.split(b"\r\n")) <= 75


def test_a_secret_address_tells_its_clinic_and_nothing_else_does() -> None:
    clinic = new_id()
    token = feed_token(clinic, bytes(32))
    assert (clinic_of(token), len(token)) == (clinic, TOKEN_LENGTH)
    assert {clinic_of(text) for text in ("", "x", token[:-4], token + "AAAA", "ж" * 64, "." * 64)} == {NO_CLINIC}
    assert UUID(int=0) == NO_CLINIC
