"""The words that journeys are written in: kinds of triggers and steps, ways out, verdicts, states."""

from datetime import time
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from core.values import Int32, Value

Key = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,63}$")]
"""Names a journey, a step, a segment. Never changes, so that people who stand on it survive an edit around it."""

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""`HH:MM` by the clock of the patient's home branch. In YAML it stands in quotes."""

Weekday = Annotated[Int32, Field(ge=0, le=6)]
"""0 is Monday."""

# Lines and tabs, and no other control characters: PostgreSQL refuses NUL, and terminals believe the others.
LINES = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"

MOST_STEPS = 60
MOST_EXITS = 10
MOST_WAYS = 10


def clock_time(said: ClockTime) -> time:
    return time.fromisoformat(said)


class TriggerKind(StrEnum):
    SEGMENT = "segment"
    """Who belongs to a segment, as long as they do."""
    EVENT = "event"
    DATE = "date"
    """So many days before or after a date of theirs, or on a day of the year."""
    PERIOD = "period"
    """Everybody who matches, every week, month or year."""
    MANUAL = "manual"
    """Put in by staff, or handed over by another journey."""


class DateFact(StrEnum):
    """The dates that a journey may count from. Of those of a visit, coupon or card there is one enrolment for each."""

    BIRTHDAY = "birthday"
    VISIT = "visit"
    """A standing visit begins."""
    VISIT_DONE = "visit_done"
    """A visit was completed."""
    COUPON_ENDS = "coupon_ends"
    CARD_ENDS = "card_ends"
    DAY_OF_YEAR = "day_of_year"
    """A holiday: `month` and `day`."""


class Every(StrEnum):
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class StepKind(StrEnum):
    MESSAGE = "message"
    """One thing to say, by the ladder of its kind."""
    CHAT = "chat"
    """Says it in the conversation, in the patient's language; only there may health be spoken of."""
    WAIT = "wait"
    """So many calendar days to the same time of day, or hours; with `at`, until the first such time after that."""
    WAIT_VISIT = "wait_visit"
    """Until so long before or after the visit that the enrolment is about. Where that has passed: on at once."""
    WAIT_EVENT = "wait_event"
    """Until something happens, or so long at most."""
    BRANCH = "branch"
    """To the first case that holds; else on."""
    SPLIT = "split"
    """By lot, the same for the same patient for ever."""
    TAG = "tag"
    TASK = "task"
    COUPON = "coupon"
    POINTS = "points"
    SURVEY = "survey"
    WEBHOOK = "webhook"
    JOURNEY = "journey"
    """Hands over to another journey that is entered by hand."""
    EXIT = "exit"


class Place(StrEnum):
    """Where a message leads in the app."""

    HOME = "home"
    BOOKING = "booking"
    VISITS = "visits"
    PLANS = "plans"
    DOCUMENTS = "documents"
    BILLS = "bills"
    OFFERS = "offers"
    CHAT = "chat"


PATHS: dict[Place, str] = {
    Place.HOME: "/",
    Place.BOOKING: "/appointments/new",
    Place.VISITS: "/appointments",
    Place.PLANS: "/plans",
    Place.DOCUMENTS: "/documents",
    Place.BILLS: "/bills",
    Place.OFFERS: "/promotions",
    Place.CHAT: "/chat",
}


class About(StrEnum):
    """Which events count."""

    PATIENT = "patient"
    """Any of the patient's."""
    THIS = "this"
    """Only what this enrolment caused (its message opened, its task done), or what befell the thing it is about."""


class ExitKind(StrEnum):
    """Why somebody leaves before the end, in the order in which they are asked."""

    BOOKED = "booked"
    """A visit stands ahead, or one was booked since they came in."""
    VISIT_GONE = "visit_gone"
    """The visit that it is about holds its place no more."""
    HAPPENED = "happened"
    """`event` happened since they came in."""
    LEFT_SEGMENT = "left_segment"
    """They no longer match what let them in."""
    MATCHES = "matches"
    """`criteria` hold."""


class ExitReason(StrEnum):
    """What is written down of an exit."""

    BOOKED = "booked"
    VISIT_GONE = "visit_gone"
    HAPPENED = "happened"
    LEFT_SEGMENT = "left_segment"
    MATCHES = "matches"
    TAKEN_OVER = "taken_over"
    """A journey of the same group with a better rank took them."""
    STOPPED = "stopped"
    """Staff stopped the journey, or took them out."""
    ERASED = "erased"
    FAILED = "failed"
    """A step could not be done, again and again; it stands among the dead letters."""


class Verdict(StrEnum):
    """What became of a step, as the log of touchpoints keeps it."""

    ENTERED = "entered"
    HELD_OUT = "held_out"
    """Belongs to the share that is never written to, so that the others can be compared with it."""
    SENT = "sent"
    """Given to push, which alone knows whether it reached a phone."""
    HELD = "held"
    """Wanted outside the hours; asked again when they open."""
    WAITED = "waited"
    HAPPENED = "happened"
    """What was waited for."""
    TIMED_OUT = "timed_out"
    TURNED = "turned"
    """Took a way of a branch or split: the step after it says which."""
    DONE = "done"
    """Tagged, task made, coupon or points given, asked, told, handed over."""
    SKIPPED = "skipped"
    """Could not be done for this patient, and the journey went on; `reason` says why."""
    FAILED = "failed"
    """Will be tried again."""
    REPAIRED = "repaired"
    """Put back by staff, out of the dead letters."""
    MIGRATED = "migrated"
    """Another version of the journey has them now."""
    EXITED = "exited"
    COMPLETED = "completed"


class JourneyState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    """Nobody comes in and nobody moves; exits are still seen."""
    DRAINING = "draining"
    """Nobody comes in; who is in goes on to the end."""
    STOPPED = "stopped"


class Carrying(StrEnum):
    """What becomes of who is on an older version as a new one is published."""

    NEWCOMERS = "newcomers"
    """They go on to the end of theirs; only who comes in from now on is on the new one."""
    MOVE = "move"
    """They go over as soon as they stand on a step that the new one has too."""
    RESTART = "restart"
    """They begin the new one at its first step."""
    LEAVE = "leave"
    """They are let out, and what has not been handed over is taken back."""


class EnrolmentState(StrEnum):
    ACTIVE = "active"
    HELD_OUT = "held_out"
    EXITED = "exited"
    COMPLETED = "completed"


class TextIn(Value):
    """The same words in one language; English is said where the patient's is missing."""

    language: Annotated[str, StringConstraints(pattern="^(en|ru|it|zh)$")]
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=LINES, strip_whitespace=True)]
