"""An appointment's life: which state may follow which, when, and what each change is called as an event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from core.errors import Fault

LONGEST_VISIT = timedelta(hours=24)
FARTHEST_BOOKING = timedelta(days=2 * 365)


class AppointmentStatus(StrEnum):
    REQUESTED = "requested"
    BOOKED = "booked"
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    IN_CHAIR = "in_chair"
    COMPLETED = "completed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


@dataclass(frozen=True, slots=True)
class NewVisit:
    """A visit to be entered. `branch_id` None: the patient's own branch; `private` hides it from guardians."""

    starts_at: datetime
    ends_at: datetime
    service: str = ""
    practitioner: str = ""
    branch_id: UUID | None = None
    private: bool = False
    status: AppointmentStatus = AppointmentStatus.BOOKED
    slot_id: UUID | None = None


class BookingPolicy(StrEnum):
    """What a branch makes of a slot that a patient takes."""

    REQUEST = "request"
    """The desk confirms or declines it."""
    DIRECT = "direct"
    """It is booked at once."""


class Cancelling(StrEnum):
    """What becomes of a patient's wish to call a visit off."""

    CANCELLED = "cancelled"
    ASKED = "asked"
    """The clinic's own system keeps the visit, so the clinic is asked."""
    TOO_LATE = "too_late"
    """Within the notice that the branch wants: only a call helps."""
    NOT_POSSIBLE = "not_possible"
    """It is over, or the patient is in the house."""


_S = AppointmentStatus

# A visit that lies ahead and holds a place: while there is one, nobody is "overdue".
STANDING = frozenset({_S.REQUESTED, _S.BOOKED, _S.CONFIRMED})
OVER = frozenset({_S.COMPLETED, _S.DECLINED, _S.CANCELLED, _S.NO_SHOW})
# What can be said of a visit only once its day has come.
ON_THE_DAY = frozenset({_S.ARRIVED, _S.IN_CHAIR, _S.COMPLETED, _S.NO_SHOW})

# Clinics skip forward (booked, then completed at the day's end); nobody goes back, but for a patient who
# was marked a no-show and came after all.
_FOLLOWS: dict[AppointmentStatus, frozenset[AppointmentStatus]] = {
    _S.REQUESTED: frozenset({_S.BOOKED, _S.CONFIRMED, _S.DECLINED, _S.CANCELLED}),
    _S.BOOKED: frozenset({_S.CONFIRMED, _S.ARRIVED, _S.IN_CHAIR, _S.COMPLETED, _S.CANCELLED, _S.NO_SHOW}),
    _S.CONFIRMED: frozenset({_S.ARRIVED, _S.IN_CHAIR, _S.COMPLETED, _S.CANCELLED, _S.NO_SHOW}),
    _S.ARRIVED: frozenset({_S.IN_CHAIR, _S.COMPLETED, _S.CANCELLED}),
    _S.IN_CHAIR: frozenset({_S.COMPLETED}),
    _S.COMPLETED: frozenset(),
    _S.DECLINED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.NO_SHOW: frozenset({_S.ARRIVED}),
}


def may_follow(before: AppointmentStatus, after: AppointmentStatus) -> bool:
    return before is after or after in _FOLLOWS[before]


def span_fault(starts_at: datetime, ends_at: datetime) -> Fault | None:
    """What is wrong with a visit's length: it ends after it starts, within `LONGEST_VISIT`."""
    if ends_at <= starts_at:
        return Fault("/ends_at", "ends-before-start")
    return Fault("/ends_at", "longer-than-a-day") if ends_at - starts_at > LONGEST_VISIT else None


def booking_fault(starts_at: datetime, now: datetime) -> Fault | None:
    """What is wrong with the start of a visit being booked: it lies ahead, within `FARTHEST_BOOKING`."""
    if starts_at <= now:
        return Fault("/starts_at", "in-the-past")
    return Fault("/starts_at", "too-far-ahead") if starts_at - now >= FARTHEST_BOOKING else None


def day_fault(status: AppointmentStatus, starts_at: datetime, zone: str, now: datetime) -> Fault | None:
    """What is wrong with a state before the visit's day has begun in its branch (`zone`)."""
    place = ZoneInfo(zone)
    early = status in ON_THE_DAY and now.astimezone(place).date() < starts_at.astimezone(place).date()
    return Fault("/status", "day-not-begun") if early else None


def event_kind(before: AppointmentStatus | None, after: AppointmentStatus, *, moved: bool) -> str:
    """`appointment.booked`, `appointment.no_show` …; `appointment.moved` where only the time changed."""
    if before is after:
        return "appointment.moved" if moved else "appointment.changed"
    return f"appointment.{after.value}"


def lies_ahead(status: AppointmentStatus, starts_at: datetime, now: datetime) -> bool:
    """A future appointment, as recall understands it."""
    return status in STANDING and starts_at > now


def booked_as(policy: BookingPolicy) -> AppointmentStatus:
    """The state of a visit that a patient booked."""
    return _S.BOOKED if policy is BookingPolicy.DIRECT else _S.REQUESTED


def cancel_until(status: AppointmentStatus, starts_at: datetime, notice: timedelta) -> datetime:
    """Until when the patient may call a visit off without a call.

    What the clinic has not yet said yes to may be taken back until it begins.
    """
    return starts_at if status is _S.REQUESTED else starts_at - notice


def cancelling(
    status: AppointmentStatus, starts_at: datetime, notice: timedelta, now: datetime, *, own: bool
) -> Cancelling:
    """What the patient may do about a visit now. `own`: booked here, not kept by the clinic's system."""
    if status not in STANDING:
        return Cancelling.NOT_POSSIBLE
    if now >= starts_at or now > cancel_until(status, starts_at, notice):
        return Cancelling.TOO_LATE
    return Cancelling.CANCELLED if own else Cancelling.ASKED


def may_confirm(status: AppointmentStatus, starts_at: datetime, now: datetime) -> bool:
    """Whether the patient may say "I am coming": the clinic has booked it, and it lies ahead."""
    return status in (_S.BOOKED, _S.CONFIRMED) and starts_at > now
