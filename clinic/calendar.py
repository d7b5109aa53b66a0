"""Visits as iCalendar (RFC 5545): when and where, and no word of what for; and the secret of a subscription."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from clinic.appointment import AppointmentStatus

_S = AppointmentStatus

# A lock screen, a shared calendar, a colleague's eyes: a visit is named alike whatever it is for.
SUMMARIES: Mapping[str, str] = {
    "en": "Dental visit",
    "ru": "Визит к стоматологу",
    "it": "Visita dal dentista",
    "zh": "牙科就诊",
}
_STATUSES = {_S.REQUESTED: "TENTATIVE", _S.CANCELLED: "CANCELLED", _S.DECLINED: "CANCELLED"}
_REFRESH = timedelta(hours=1)

_CLINIC_BYTES, _SECRET_BYTES = 16, 32
TOKEN_LENGTH = (_CLINIC_BYTES + _SECRET_BYTES) * 4 // 3
NO_CLINIC = UUID(int=0)


@dataclass(frozen=True, slots=True)
class CalendarVisit:
    """A visit as a calendar shows it. `sequence` rises with each change (RFC 5545 §3.8.7.4)."""

    appointment_id: UUID
    starts_at: datetime
    ends_at: datetime
    zone: str
    status: AppointmentStatus
    sequence: int
    changed_at: datetime
    branch: str
    address: str = ""


def calendar_file(clinic: str, language: str, visits: Sequence[CalendarVisit]) -> bytes:
    """The visits as one calendar, each in its branch's zone with the rules of that zone for its years."""
    made = Calendar()
    made.add("prodid", "-//Enamel//Visits//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", clinic)
    made.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT1H")
    for zone in sorted({visit.zone for visit in visits}):
        made.add_component(_zone(zone, [visit for visit in visits if visit.zone == zone]))
    for visit in visits:
        made.add_component(_event(clinic, language, visit))
    written: bytes = made.to_ical()
    return written


def _zone(zone: str, visits: Sequence[CalendarVisit]) -> Timezone:
    """The zone's rules from the year before the first visit to that after the last: both changes of each year."""
    years = [visit.starts_at.year for visit in visits]
    rules = Timezone.from_tzid(zone, first_date=date(min(years) - 1, 1, 1), last_date=date(max(years) + 2, 1, 1))
    del rules["COMMENT"]
    return rules


def _event(clinic: str, language: str, visit: CalendarVisit) -> Event:
    event = Event()
    event.add("uid", f"{visit.appointment_id}@enamel")
    event.add("sequence", visit.sequence)
    event.add("dtstamp", visit.changed_at)
    event.add("last-modified", visit.changed_at)
    event.add("dtstart", _moment(visit.starts_at, visit.zone))
    event.add("dtend", _moment(visit.ends_at, visit.zone))
    event.add("summary", SUMMARIES.get(language, SUMMARIES["en"]))
    event.add("location", ", ".join(part for part in (clinic, visit.branch, visit.address) if part))
    event.add("status", _STATUSES.get(visit.status, "CONFIRMED"))
    event.add("class", "PRIVATE")
    return event


def _moment(moment: datetime, zone: str) -> datetime:
    """On the branch's clock; in UTC in the hour that a clock shows twice, where a local time means its first pass.

    Source: RFC 5545 §3.3.5.
    """
    local = moment.astimezone(ZoneInfo(zone))
    return moment.astimezone(UTC) if local.fold else local


def feed_token(clinic_id: UUID, secret: bytes) -> str:
    """The secret end of a subscription's address: it says whose clinic it is of, and 256 random bits prove it."""
    return base64.urlsafe_b64encode(clinic_id.bytes + secret).decode()


def clinic_of(token: str) -> UUID:
    """The clinic in a token; that of nobody where it is none of ours."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return NO_CLINIC
    return UUID(bytes=raw[:_CLINIC_BYTES]) if len(raw) == _CLINIC_BYTES + _SECRET_BYTES else NO_CLINIC
