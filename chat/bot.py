"""What a bot is asked and may answer.

A bot answers through the port `Bot`; who asks it decides whether its answer may still be said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID, uuid5

from chat.card import CardKind
from chat.log import Card, FilledForm
from clinic.hours import OpenPlace
from clinic.price import PriceLine

MOST_TIMES, MOST_VISITS = 4, 2
"""Of each, in `Facts`."""
URGENT = 3
"""The priority of a case in which somebody is in pain."""


class BotKind(StrEnum):
    NONE = "none"
    RULES = "rules"
    HTTP = "http"


class HandOver(StrEnum):
    """Why a person goes on."""

    ASKED = "asked"
    PAIN = "pain"
    NOT_UNDERSTOOD = "not-understood"
    NOT_KNOWN = "not-known"
    """Understood, but the clinic never said what to answer."""
    FAILED = "failed"
    """The bot gave no answer."""


@dataclass(frozen=True, slots=True)
class FreeTime:
    slot_id: UUID
    starts_at: datetime
    zone: str
    place: str
    practitioner: str


@dataclass(frozen=True, slots=True)
class NextVisit:
    appointment_id: UUID
    starts_at: datetime
    zone: str
    service: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the clinic says of itself, and of this patient's visits; `places` begin with the patient's own branch."""

    clinic_name: str = ""
    places: Sequence[OpenPlace] = ()
    prices: Sequence[PriceLine] = ()
    free: Sequence[FreeTime] = ()
    visits: Sequence[NextVisit] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the patient wrote since anybody answered, up to the message `seq`, as one text.

    `form`: the answers of the last starter among it; `urgent`: that starter is. `pictures`: whether there are any.
    """

    clinic_id: UUID
    conversation_id: UUID
    case_id: UUID
    patient_id: UUID
    seq: int
    text: str
    language: str
    at: datetime
    form: FilledForm | None = None
    pictures: bool = False
    urgent: bool = False
    facts: Facts = field(default_factory=Facts)

    def message_id(self, number: int) -> UUID:
        """The id of the answer's message of this number: the same however often it is asked."""
        return uuid5(self.case_id, f"bot {self.seq} {number}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of the bot."""

    text: str
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class CardAsked:
    """A card that a bot wants shown, by the id of a thing of this patient's; whether there is one is looked up."""

    kind: CardKind
    id: UUID | None
    stage: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, then the cards that are still to be looked up; and whether a person goes on."""

    said: tuple[Spoken, ...] = ()
    hand_over: HandOver | None = None
    cards: tuple[CardAsked, ...] = ()


class Bot(Protocol):
    async def answer(self, asked: Asked) -> Answer:
        """What is to be said. Raises nothing: a bot that cannot answer hands over."""
        ...
