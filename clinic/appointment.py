"""An appointment's life: which state may follow which, and what each change is called as an event."""

from datetime import datetime
from enum import StrEnum


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


_S = AppointmentStatus

# A visit that lies ahead and holds a place: while there is one, nobody is "overdue".
STANDING = frozenset({_S.REQUESTED, _S.BOOKED, _S.CONFIRMED})
OVER = frozenset({_S.COMPLETED, _S.DECLINED, _S.CANCELLED, _S.NO_SHOW})

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


def event_kind(before: AppointmentStatus | None, after: AppointmentStatus, *, moved: bool) -> str:
    """`appointment.booked`, `appointment.no_show` …; `appointment.moved` where only the time changed."""
    if before is after:
        return "appointment.moved" if moved else "appointment.changed"
    return f"appointment.{after.value}"


def lies_ahead(status: AppointmentStatus, starts_at: datetime, now: datetime) -> bool:
    """A future appointment, as recall understands it."""
    return status in STANDING and starts_at > now
