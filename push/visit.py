"""Whether a notice about a visit is still worth saying, by what has become of the visit since."""

from dataclasses import dataclass
from datetime import datetime

from clinic.appointment import STANDING, AppointmentStatus
from push.kinds import KINDS
from push.notice import NoticeKind

# They speak of a visit that lies ahead, also where nobody noted when it was to begin.
AHEAD = frozenset({NoticeKind.CONFIRMING, NoticeKind.REMINDING})


@dataclass(frozen=True, slots=True)
class VisitNow:
    """The visit that a notice is about, as it stands; `confirmed` by the patient or by the clinic."""

    status: AppointmentStatus
    starts_at: datetime
    confirmed: bool


def visit_fault(kind: NoticeKind, said_at: datetime | None, visit: VisitNow | None) -> str | None:
    """A stable code of why nothing is to be said any more; None: it may be said, as far as the visit goes.

    `said_at`: when the visit was to begin as the notice was made, where that was noted; with it, whatever is told of a
    visit is told of one that still stands at that time. What says that a visit is called off notes none.
    """
    if visit is None or not KINDS[kind].with_visit or (said_at is None and kind not in AHEAD):
        return None
    if visit.status not in STANDING:
        return "visit-over"
    if said_at is not None and visit.starts_at != said_at:
        return "visit-moved"
    return "visit-confirmed" if kind is NoticeKind.CONFIRMING and visit.confirmed else None
