"""How a clinic sets its desk up, and what a patient is told of it: the shape of both."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chat.canned import unknown_variables
from chat.conversation import BODY_PATTERN, LONGEST_BODY
from chat.desk import Assigning, Replies
from clinic.facts import Language
from core.moments import Moment
from core.values import Int32, ShortText, Value

MOST_TOPICS = 50
MOST_KNOWN_LABELS = 100
MOST_MEMBERS = 200
MOST_CANNED = 500

Label = Annotated[str, StringConstraints(pattern=r"^[\w-]{1,40}$")]
"""One word, of the clinic's own list."""
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


def _known(text: str) -> str:
    if unknown_variables(text):
        raise ValueError("unknown variable")
    return text


CannedBody = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_BODY, pattern=BODY_PATTERN), AfterValidator(_known)
]


class Wording(Value):
    """A text in one language."""

    language: Language
    text: ShortText = Field(examples=["Pain now"])


class AwayText(Value):
    """What is sent while the branch is closed, once until it opens."""

    language: Language
    text: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=BODY_PATTERN)] = Field(
        examples=["We are closed. We answer from nine o'clock on; if it cannot wait, call 112."]
    )


class Topic(Value):
    """What a case can be about. `branch_id`: whose branch's it then is."""

    key: Key = Field(examples=["pain"])
    names: list[Wording] = Field(max_length=4)
    branch_id: UUID | None = None


class DeskSettings(Value):
    """How the desk works."""

    assigning: Assigning = Field(default=Assigning.BY_HAND, description="How an open case finds somebody.")
    weekdays: list[Annotated[Int32, Field(ge=0, le=6)]] = Field(
        default=list(range(7)), min_length=1, max_length=7,
        description="Working days, 0 is Monday; the hours of a day are its branch's.", examples=[[0, 1, 2, 3, 4]],
    )  # fmt: skip
    escalate_minutes: Annotated[Int32, Field(ge=1, le=7 * 24 * 60)] | None = Field(
        default=None, description="So long, in minutes of working time, may nobody answer.", examples=[30]
    )
    escalate_to: UUID | None = Field(
        default=None, description="Who then gets it; without one it is open to everybody again."
    )
    asks_score: bool = Field(default=True, description="Ask patients how it was when a case is closed.")
    labels: list[Label] = Field(default=[], max_length=MOST_KNOWN_LABELS, examples=[["callback", "vip"]])
    topics: list[Topic] = Field(default=[], max_length=MOST_TOPICS)
    away: list[AwayText] = Field(default=[], max_length=4, description="None: nothing is sent.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for names in ([each.key for each in self.topics], [each.language for each in self.away], self.labels):
            if len(set(names)) < len(names):
                raise ValueError("given twice")
        return self


class RotaMember(Value):
    """Somebody among whom cases go round. Empty lists mean all; `paused`: none for now."""

    staff_id: UUID
    branch_ids: list[UUID] = Field(default=[], max_length=100)
    topics: list[Key] = Field(default=[], max_length=MOST_TOPICS)
    paused: bool = False


class CannedText(Value):
    """A text the desk often sends. Variables: `{{patient_name}}`, `{{clinic_name}}`, `{{branch_name}}`,
    `{{staff_name}}`.
    """

    title: ShortText = Field(examples=["After an extraction"])
    language: Language = "en"
    body: CannedBody = Field(examples=["Dear {{patient_name}}, do not rinse today. {{staff_name}}"])


class DeskView(Value):
    """Whether somebody is there for a patient: by the hours of the patient's branch and the clinic's working days."""

    open: bool
    opens_at: Moment | None = Field(description="When it opens next; null while it is open.")
    online: bool = Field(default=False, description="Somebody of the desk has the chat before them.")
    replies: Replies = Field(description="How soon somebody usually answers while the desk is open.")
