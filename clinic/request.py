"""A patient's request to the clinic: what may be asked, and what becomes of it."""

from collections.abc import Collection
from enum import StrEnum

from clinic.appointment import OVER, AppointmentStatus
from clinic.household import AccessScope

MOST_OPEN = 20
"""So many unanswered requests of one patient at once: a desk's list is no place for a loop gone wild."""
MOST_BOOKINGS_OPEN = 5
"""So many of them may ask for another visit."""


class RequestKind(StrEnum):
    """What is asked. The clinic's own system or the desk does it; here it is only said and answered."""

    BOOK_VISIT = "book_visit"
    MOVE_VISIT = "move_visit"
    CANCEL_VISIT = "cancel_visit"
    ERASURE = "erasure"
    TAX_CERTIFICATE = "tax_certificate"
    """What was paid in a year (`details.year`), for the tax office."""
    CORRECT_RECORD = "correct_record"
    """The answers of a submitted sheet (`subject_id` names the document) differ from what the record says."""


# What somebody else's access must extend to, to see what was asked.
BELONGS_TO = {
    RequestKind.BOOK_VISIT: AccessScope.BOOK,
    RequestKind.MOVE_VISIT: AccessScope.BOOK,
    RequestKind.CANCEL_VISIT: AccessScope.BOOK,
    RequestKind.ERASURE: AccessScope.SIGN,
    RequestKind.TAX_CERTIFICATE: AccessScope.SIGN,
    RequestKind.CORRECT_RECORD: AccessScope.VIEW_DOCUMENTS,
}
ABOUT_VISITS = frozenset({RequestKind.BOOK_VISIT, RequestKind.MOVE_VISIT, RequestKind.CANCEL_VISIT})


def kinds_within(scopes: Collection[AccessScope]) -> list[RequestKind]:
    """What somebody may see whose access extends to `scopes`."""
    return [kind for kind, scope in BELONGS_TO.items() if scope in scopes]


class RequestStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """What it was about is over: the visit took place, or was cancelled."""


class RequestVerdict(StrEnum):
    """What staff may answer."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


def status_after(verdict: RequestVerdict) -> RequestStatus:
    return RequestStatus(verdict.value)


_GRANTED = {
    RequestKind.CANCEL_VISIT: {AppointmentStatus.CANCELLED},
    RequestKind.BOOK_VISIT: {AppointmentStatus.BOOKED, AppointmentStatus.CONFIRMED},
}


def settled(kind: RequestKind, visit: AppointmentStatus, *, moved: bool) -> RequestStatus | None:
    """What a change of its visit makes of an open request; None: it stays open."""
    if visit in _GRANTED.get(kind, ()) or (kind is RequestKind.MOVE_VISIT and moved and visit not in OVER):
        return RequestStatus.ACCEPTED
    if kind is RequestKind.BOOK_VISIT and visit is AppointmentStatus.DECLINED:
        return RequestStatus.DECLINED
    return RequestStatus.LAPSED if visit in OVER else None
