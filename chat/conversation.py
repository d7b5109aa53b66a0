"""Rules of a conversation: who speaks, how much at once, when a reader must start over."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

LARGEST_FRAME = 48 * 1024
"""The longest body with the most media fits however its JSON is spelled: an escaped emoji takes twelve bytes."""
LARGEST_HEARD = 2 * LARGEST_FRAME
"""What is heard to its end, for the goodbye to be said; beyond it the connection is cut without a word."""
LONGEST_BODY = 4_000
LARGEST_PAGE = 200
LARGEST_PAGE_BYTES = 256 * 1024
MOST_MEDIA = 10
MOST_WATCHED = 20
MOST_SOCKETS_OF_PATIENT, MOST_SOCKETS_OF_STAFF = 5, 10
TYPING_SECONDS = 6
MOST_BEHIND = 1_000
CHANGEABLE_FOR = timedelta(hours=24)
"""For how long one may edit or delete what one said."""
# What shows nothing: spaces, ends of lines, joiners, marks of direction, variation selectors, fillers.
_UNSEEN = (
    r"\t\n\r \xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
# Control characters (C0, DEL, C1) but tab and line ends. Marks of direction are taken: honest messengers write them.
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
# Text of one message: something to see in it, and no control character. One pass: no part can take another's letters.
BODY_PATTERN = rf"^[{_UNSEEN}]*[^{_UNSEEN}{_CONTROLS}][^{_CONTROLS}]*$"
Body = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_BODY, pattern=BODY_PATTERN)]
# The same, or nothing, where pictures or a form's answers say it.
MAYBE_BODY_PATTERN = rf"^$|{BODY_PATTERN}"
# Frames are read by Python's expressions, whose `$` also stands before a last end of line.
FRAME_BODY_PATTERN = rf"^(?![\s\S])|{BODY_PATTERN}"
MaybeBody = Annotated[str, StringConstraints(max_length=LONGEST_BODY, pattern=MAYBE_BODY_PATTERN)]


class Side(StrEnum):
    """Who speaks. To a patient all but themselves are the clinic: unread counts know two directions."""

    PATIENT = "patient"
    CLINIC = "clinic"
    BOT = "bot"
    AUTOMATION = "automation"
    SYSTEM = "system"


class Via(StrEnum):
    """The channel a message came by; all of them stand in the one thread."""

    APP = "app"
    SMS = "sms"
    EMAIL = "email"
    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    WEB = "web"


class Resume(StrEnum):
    """Why a reader cannot go on from what it holds."""

    TOO_FAR = "too-far"
    """More events were missed than are worth replaying."""
    EPOCH = "epoch"
    """It holds what we never gave, or gave in another history: a backup was restored."""


class Gone(StrEnum):
    """Why a reader is to forget a conversation."""

    RIGHT_LOST = "right-lost"
    ERASED = "erased"


def must_start_over(held: int, last: int, *, same_epoch: bool = True) -> Resume | None:
    """Whether a reader that holds revision `held` of a log that stands at `last` cannot simply go on; one that holds
    nothing can in every epoch.
    """
    if held > last or (held and not same_epoch):
        return Resume.EPOCH
    return Resume.TOO_FAR if last - held > MOST_BEHIND else None


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once (`burst`), then one each `every` seconds.

    What one speaker used of it is one number: the moment (in seconds) from which the whole burst is free again.
    """

    burst: int
    every: float

    @property
    def per_second(self) -> float:
        return round(1 / self.every, 2)

    def take(self, free_at: float, at: float) -> tuple[float, float]:
        """The number after one more, and how long to wait first: zero where it may pass at once.

        A refused one takes nothing; a clock that went back refills nothing.
        """
        after = max(free_at, at) + self.every
        wait = after - at - self.burst * self.every
        return (after, 0.0) if wait <= _ROUNDING else (free_at, wait)


_ROUNDING = 1e-6

# How fast one account may send, whatever it sends through: a desk that answers many writes more than one patient.
SENDING_PATIENT, SENDING_STAFF = Rate(10, 1.0), Rate(30, 0.2)
# The same of one account's hints, and of the frames of one socket.
TYPING, MARKING, ASKING = Rate(1, 3.0), Rate(3, 1 / 3), Rate(10, 0.1)
# Who is told to slow down for the third time in ten seconds is shown out.
PATIENCE = Rate(2, 5.0)


def a_minute(number: int) -> Rate:
    """A minute's worth at once."""
    return Rate(number, 60 / number)


# Sockets opened from one address, where the operator says nothing else.
HANDSHAKES = a_minute(120)


def sending(side: Side) -> Rate:
    return SENDING_PATIENT if side is Side.PATIENT else SENDING_STAFF
