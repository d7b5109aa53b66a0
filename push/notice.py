"""What may be told to a patient's phone: of which kind, for which purpose, and when."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from clinic.hours import Hours

LONGEST_LINK = 200
WORDING = r"^[a-z][a-z0-9-]{0,63}$"
"""What the words of a notice are called, where they are other than those of its kind."""


class Purpose(StrEnum):
    """What a patient agrees to or not, each apart."""

    SERVICE = "service"
    RECALL = "recall"
    MARKETING = "marketing"
    CHAT = "chat"
    SURVEY = "survey"
    RESEARCH = "research"
    PHOTO_USE = "photo_use"


class NoticeKind(StrEnum):
    VISIT = "visit"
    FREED_TIME = "freed_time"
    PLAN = "plan"
    FILE = "file"
    CHAT = "chat"
    NOTE = "note"
    RECALL = "recall"
    SURVEY = "survey"
    OFFER = "offer"
    CONFIRMING = "confirming"
    """Asks the patient to say that they come."""
    REMINDING = "reminding"
    ADVERTISING = "advertising"
    GREETING = "greeting"
    COMBINED = "combined"
    """A reminder or thanks that also offers something: it needs the yes that the offer needs."""
    ORGANISATIONAL = "organisational"
    """The clinic has moved, a doctor is ill, the hours change."""
    CARE = "care"
    """What to do before or after a treatment; the words stand in the app."""


_K = NoticeKind

# FCM keeps four collapse keys for each device and drops the others, so every kind falls into one of four
# classes; what replaces a notice on the screen is its own id (Android tag, apns-collapse-id).
_CLASSES = {
    _K.VISIT: "visit",
    _K.FREED_TIME: "visit",
    _K.CHAT: "chat",
    _K.PLAN: "care",
    _K.FILE: "care",
    _K.NOTE: "care",
    _K.CONFIRMING: "visit",
    _K.REMINDING: "visit",
    _K.ORGANISATIONAL: "visit",
    _K.CARE: "care",
}
URGENT = frozenset({_K.VISIT, _K.FREED_TIME, _K.CHAT, _K.CONFIRMING, _K.REMINDING, _K.ORGANISATIONAL})


def collapse_class(kind: NoticeKind) -> str:
    """`visit`, `chat`, `care` or `news`: also the name of the Android channel that the app makes."""
    return _CLASSES.get(kind, "news")


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one patient, on every phone that may open the record.

    `dedupe_key` is the caller's name for it: the same key in a clinic is the same notice for ever.
    It goes out between `not_before` and `expires_at`, and within `hours` where they are given. `link` is a
    path inside the app, of ids only. `cause_id` (an enrolment, an appointment) is what `cancel_across` takes.
    A `silent` one shows nothing: it moves the icon's number (`badges`, by account) and takes banners of its chat away
    up to `seq`. `account_id`: on this account's phones alone; `spared_session_id`: not on the phone of that session.
    `wording` names words of its own (`push.ready_wording`, and what the clinic wrote for it). `visit_id`: the visit it
    is about, where that is not its cause; `visit_at`: when that began as this was said, and if it is called off or
    moved since then nothing is said (`push.visit`).
    Raises ValueError for a notice that could never go out, or whose link is no path, or whose wording is no key.
    """

    patient_id: UUID
    kind: NoticeKind
    purpose: Purpose
    dedupe_key: str
    not_before: datetime
    expires_at: datetime
    hours: Hours | None = None
    link: str | None = None
    cause_id: UUID | None = None
    silent: bool = False
    account_id: UUID | None = None
    spared_session_id: UUID | None = None
    seq: int | None = None
    badges: Mapping[UUID, int] | None = None
    wording: str | None = None
    visit_id: UUID | None = None
    visit_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.expires_at <= self.not_before:
            raise ValueError("a notice expires after it may go out")
        if self.link is not None and (not self.link.startswith("/") or len(self.link) > LONGEST_LINK):
            raise ValueError("a link is a path inside the app")
        if self.wording is not None and not re.fullmatch(WORDING, self.wording):
            raise ValueError("a wording is a short key")
        if self.hours is not None:
            self.hours.next_open(self.not_before)  # hours that never open would hold it until it expires
