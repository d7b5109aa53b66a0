"""A prepaid card: a number of sessions of one service that were paid ahead, to be used until a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

SOON = timedelta(days=30)
"""From when on the clinic reminds of what would be lost."""


class CardState(StrEnum):
    OPEN = "open"
    USED_UP = "used_up"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Card:
    """`used` of `sessions` are gone; the last day is `expires_on`, none means for ever."""

    sessions: int
    used: int
    expires_on: date | None = None

    @property
    def left(self) -> int:
        return max(0, self.sessions - self.used)


def state_of(card: Card, today: date) -> CardState:
    if card.left == 0:
        return CardState.USED_UP
    over = card.expires_on is not None and card.expires_on < today
    return CardState.EXPIRED if over else CardState.OPEN


def pays_for(card_service: str, service: str) -> bool:
    """Whether a card pays a bill for `service`: the same name, however it is spaced and capitalised."""
    return " ".join(card_service.split()).casefold() == " ".join(service.split()).casefold()


def expires_soon(card: Card, today: date) -> bool:
    """Whether something of it would be lost within `SOON`."""
    return state_of(card, today) is CardState.OPEN and card.expires_on is not None and card.expires_on <= today + SOON
