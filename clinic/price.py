"""The clinic's price list: what a service costs before anybody has looked, and which line a question means."""

import re
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from clinic.facts import Language
from core.money import Money
from core.values import ShortText, Value

MOST_LINES, MOST_LANGUAGES = 300, 4
SHORTEST_STEM = 4
_WORD = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(r"[\u3400-\u9fff]+")


class ServiceName(Value):
    language: Language
    name: ShortText = Field(examples=["Professional cleaning"])


class PriceLine(Value):
    """A service and its price, or the span it lies in."""

    names: Annotated[list[ServiceName], Field(min_length=1, max_length=MOST_LANGUAGES)]
    price: Money
    up_to: Money | None = Field(default=None, description="Where it depends on what is found: the most it can be.")

    @model_validator(mode="after")
    def _is_a_price(self) -> Self:
        upper = self.up_to or self.price
        if upper.currency != self.price.currency or self.price.amount_minor < 0:
            raise ValueError("one currency, and nothing below zero")
        if upper.amount_minor < self.price.amount_minor:
            raise ValueError("a span ends above where it begins")
        if len({each.language for each in self.names}) < len(self.names):
            raise ValueError("one name in a language")
        return self

    def name_in(self, language: str) -> str:
        """The name in this language; else the first."""
        return next((each.name for each in self.names if each.language == language), self.names[0].name)


def lines_meant(question: str, lines: Sequence[PriceLine], most: int) -> list[PriceLine]:
    """The lines whose names share most with the question, in their order; empty where none does."""
    asked = _stems(question)
    scores = [max(len(asked & _stems(each.name)) for each in line.names) for line in lines]
    best = max(scores, default=0)
    return [line for line, score in zip(lines, scores, strict=True) if best and score == best][:most]


def _stems(text: str) -> set[str]:
    """Words by how they begin, so that `cleaning` is `cleanings` and `чистки` is `чистка`; Chinese by pairs."""
    text = text.casefold()
    pairs = {run[place : place + 2] for run in _UNSPACED.findall(text) for place in range(len(run) - 1)}
    words = {word for word in _WORD.findall(_UNSPACED.sub(" ", text)) if len(word) >= SHORTEST_STEM}
    return pairs | {word[: max(SHORTEST_STEM, len(word) - 2)][:6] for word in words}
