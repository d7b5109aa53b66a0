"""The values of a conversation's logs: what changed, in the one shape that REST and sockets both speak from."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import Field

from chat.case import MOST_LABELS, CaseState
from chat.conversation import LARGEST_PAGE, MOST_MEDIA, Resume, Side, Via
from core.moments import Moment
from core.values import Int32, MaybeText, ShortText, Value
from media.attached import AttachedPicture, AttachedVoice


class Log(StrEnum):
    """Which log of a conversation: each counts on its own, so that one who sees only one sees no hole."""

    SHARED = "s"
    """The one that patients and the clinic both see."""
    STAFF = "p"
    """What only staff sees."""


SHARED = Log.SHARED
STAFF = Log.STAFF


class Thread(NamedTuple):
    """A conversation by whose it is: there is one for each patient of a clinic, also before it has an id."""

    clinic_id: UUID
    patient_id: UUID


class EventKind(StrEnum):
    """What changed. `STATE` stands in both logs; what comes after it only in the staff's."""

    MESSAGE = "msg"
    EDIT = "edit"
    DELETE = "del"
    REACT = "react"
    MARK = "mark"
    FORM = "form"
    STATE = "state"
    ASSIGN = "assign"
    LABEL = "label"
    NOTE = "note"
    CSAT = "csat"


OF_CASE = frozenset({EventKind.STATE, EventKind.ASSIGN, EventKind.LABEL, EventKind.CSAT})
"""Kinds of the staff's log that tell of a case."""


class CardAction(Value):
    """How a card is acted upon: the operation of the REST contract and its path, filled in."""

    operation_id: ShortText
    path: str = Field(max_length=500)


class QuickReply(Value):
    """A ready answer under a card: it is sent as a message with this text or, where it has an `action`, is done."""

    label: ShortText
    action: CardAction | None = None


class Card(Value):
    """A thing of the clinic's in the thread, made by the server from its id; `fallback` is for apps that do not know
    its kind. `id` is the plan's for `plan` and `stage` (which `stage` of it), and a payment's plan, if it is of one.
    """

    kind: ShortText
    id: UUID | None = None
    stage: Int32 | None = None
    title: MaybeText
    fallback: str = Field(max_length=1000)
    action: CardAction | None = None
    replies: list[QuickReply] = Field(default=[], max_length=6)


class FilledField(Value):
    key: ShortText
    # Lines may end; there is no other control character.
    value: str = Field(max_length=500, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")


class FilledForm(Value):
    """What a patient answered to the small form of a starter."""

    starter: ShortText
    answers: list[FilledField] = Field(max_length=20)


class ReactionLine(Value):
    """What one person thinks of a message."""

    person_id: UUID
    side: Side
    emoji: str


class PostedMessage(Value):
    """A message as it reads now. `client_id` is the id its sender's device gave it; `author` is empty for patients.

    A deleted one has neither body nor media, card or form. `reactions` come with pages of earlier messages; one who
    follows the log hears of them there.
    """

    seq: Int32
    client_id: UUID
    side: Side
    author: str
    body: str
    via: Via = Via.APP
    media: list[UUID] = Field(default=[], max_length=MOST_MEDIA, description="What was sent with it.")
    pictures: list[AttachedPicture] = Field(
        default=[], max_length=MOST_MEDIA, description="Those of `media` that may be seen now."
    )
    voices: list[AttachedVoice] = Field(
        default=[], max_length=MOST_MEDIA,
        description="Those of `media` that may be heard now. What is neither here nor among the pictures is gone.",
    )  # fmt: skip
    card: Card | None = None
    form: FilledForm | None = None
    re: Int32 | None = Field(default=None, description="The `seq` this answers.")
    edited_at: Moment | None = None
    deleted: bool = False
    reactions: list[ReactionLine] = Field(default=[], max_length=100)


class EditedMessage(Value):
    """The text of a message as it reads now."""

    seq: Int32
    body: str


class DeletedMessage(Value):
    """Its number stays; nothing else does."""

    seq: Int32


class Reacted(Value):
    """What one person now thinks of a message; an empty `emoji` took it back."""

    seq: Int32
    person_id: UUID
    side: Side
    emoji: str


class MovedMark(Value):
    """How far somebody of one side got: delivered to a device, read on a screen."""

    side: Side
    delivered: Int32
    read: Int32


class CaseShown(Value):
    """What the patient's app hears of a case: that it is closed or open again, and whether to ask how it was."""

    case_id: UUID
    open: bool
    ask_score: bool = False


class CaseChange(Value):
    """What staff hears of a case: as it stands after the change, and who made it (none: time, or the patient)."""

    case_id: UUID
    state: CaseState
    assignee_id: UUID | None = None
    branch_id: UUID | None = None
    topic: MaybeText = ""
    labels: list[ShortText] = Field(default=[], max_length=MOST_LABELS)
    priority: Int32 = 0
    snoozed_until: Moment | None = None
    escalated: bool = False
    by_id: UUID | None = None
    score: Int32 | None = None


class StaffNote(Value):
    """What somebody noted for colleagues."""

    author: str
    body: str


class ConversationEvent(Value):
    """One change of a conversation. `rev` counts its `log` without holes; `kind` says which member is filled.

    A form's answers (`form`) are a message that has a `form`.
    """

    conversation_id: UUID
    log: Log = Log.SHARED
    rev: Int32
    kind: EventKind
    at: Moment
    message: PostedMessage | None = None
    edited: EditedMessage | None = None
    deleted: DeletedMessage | None = None
    reaction: Reacted | None = None
    mark: MovedMark | None = None
    state: CaseShown | None = None
    case: CaseChange | None = None
    note: StaffNote | None = None


class ConversationState(Value):
    """A conversation as one reader finds it. Before the first message it has no id and all zeros."""

    conversation_id: UUID | None
    patient_id: UUID
    rev: Int32 = 0
    last_seq: Int32 = 0
    unread: Int32 = Field(default=0, description="Messages of the other side past the reader's mark.")
    last_at: Moment | None = None
    marks: list[MovedMark] = Field(default=[], max_length=len(Side), description="How far each side got.")


class EventPage(Value):
    """Events in the order of `rev`, and whether there are more in the direction asked for.

    Where `reset` is set there are none: the reader starts over from the newest messages and follows from `rev`.
    """

    events: list[ConversationEvent] = Field(max_length=LARGEST_PAGE)
    more: bool
    rev: Int32 = Field(description="Where the log stands.")
    epoch: str = Field(default="", description="In which history of the database; to be said with `after`.")
    reset: Resume | None = None
