"""A task: what somebody of the clinic is to do, for whom, until when, and what may come of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from identity.permissions import PRESETS, Permission

LONGEST_TEXT = 2_000


class TaskKind(StrEnum):
    CALL = "call"
    FOLLOW_UP = "follow_up"
    MESSAGE = "message"
    OTHER = "other"


class TaskState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    """Somebody is at it."""
    DONE = "done"
    CANCELLED = "cancelled"
    """Nobody need do it any more."""
    MISSED = "missed"
    """Nobody did it while it made sense."""


class TaskOrigin(StrEnum):
    """Who made it."""

    HAND = "hand"
    JOURNEY = "journey"
    LADDER = "ladder"
    """No message has reached the patient: a person is to call."""
    TELEPHONE = "telephone"
    SURVEY = "survey"
    CAMPAIGN = "campaign"
    """The patient responded to what was said to many."""


class TaskOutcome(StrEnum):
    REACHED = "reached"
    BOOKED = "booked"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    ASKED_LATER = "asked_later"
    """The patient asked to be called again."""
    WRONG_NUMBER = "wrong_number"
    NOT_WANTED = "not_wanted"
    DONE = "done"
    SENT = "sent"
    NOT_NEEDED = "not_needed"


def told_cause(origin: str, cause_id: UUID) -> UUID | None:
    """What events of a task say it was made for, so that a journey hears of its own. Nothing of a survey's: it would
    tell how the patient scored.
    """
    return cause_id if origin in (TaskOrigin.JOURNEY, TaskOrigin.LADDER, TaskOrigin.CAMPAIGN) else None


_O = TaskOutcome

OUTCOMES: dict[TaskKind, frozenset[TaskOutcome]] = {
    TaskKind.CALL: frozenset(
        {_O.REACHED, _O.BOOKED, _O.DECLINED, _O.NO_ANSWER, _O.BUSY, _O.ASKED_LATER, _O.WRONG_NUMBER, _O.NOT_WANTED}
    ),
    TaskKind.FOLLOW_UP: frozenset({_O.DONE, _O.BOOKED, _O.DECLINED, _O.NOT_NEEDED}),
    TaskKind.MESSAGE: frozenset({_O.SENT, _O.NOT_NEEDED}),
    TaskKind.OTHER: frozenset({_O.DONE, _O.NOT_NEEDED}),
}
"""What each kind may end with."""

AGAIN = frozenset({_O.NO_ANSWER, _O.BUSY, _O.ASKED_LATER})
"""After these the same task may be due again."""

MOST_TRIES = 100


def ends(kind: TaskKind, outcome: TaskOutcome) -> bool:
    return outcome in OUTCOMES[kind]


def comes_again(kind: TaskKind, outcome: TaskOutcome) -> bool:
    return kind is TaskKind.CALL and outcome in AGAIN


def presets_of(permissions: frozenset[Permission]) -> list[str]:
    """The starting sets whose work somebody with these rights can do: all that they cover."""
    return sorted(name for name, needed in PRESETS.items() if needed <= permissions)


@dataclass(frozen=True, slots=True)
class Whose:
    """For whom a task is: one colleague, whoever covers a starting set, or a team; all empty: everybody."""

    assignee_id: UUID | None = None
    preset: str | None = None
    team_id: UUID | None = None

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.assignee_id, self.preset, self.team_id)) > 1:
            raise ValueError("a task is for one of them")
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError("no such starting set")


EVERYBODY = Whose()


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """One task to make. The same (origin, cause, seq) in a clinic is the same task for ever.

    Without a branch it belongs to the patient's own. `about`: one live task of this origin for it at a time. After
    `expires_at` there is no point in it any more. Raises ValueError where the moments contradict each other.
    """

    kind: TaskKind
    title: str
    due_at: datetime
    origin: TaskOrigin
    cause_id: UUID
    seq: int = 0
    patient_id: UUID | None = None
    branch_id: UUID | None = None
    whose: Whose = EVERYBODY
    description: str = ""
    script: str = ""
    remind_at: datetime | None = None
    expires_at: datetime | None = None
    about: UUID | None = None
    calls_back: bool = False

    def __post_init__(self) -> None:
        if self.expires_at is not None and self.expires_at < self.due_at:
            raise ValueError("a task is due before it is over")


def completion_rate(done: int, left: int) -> int | None:
    """What was done of all, in basis points, rounded down: everything is done only where nothing is left."""
    return None if done + left == 0 else done * 10_000 // (done + left)
