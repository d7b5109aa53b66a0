"""Rules of understanding: what a short question is about and in which language, by lists of words."""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "it", "ru", "zh")
LONGEST_QUESTION = 300
"""Who writes more has more to say than a question: a person reads it."""
_FOLDER = Path(__file__).parent / "data"
_SIGNS = re.compile(r"[^\w]+|_")
_HAN = re.compile(r"[\u3400-\u9fff]")


class Matter(StrEnum):
    """What a question is about; the first three are for people."""

    PAIN = "pain"
    HUMAN = "human"
    PEOPLE = "people"
    """Nobody asks for a person, but it is for one to answer."""
    MOVE = "move"
    BOOK = "book"
    PREPARE = "prepare"
    PRICE = "price"
    HOURS = "hours"
    ADDRESS = "address"
    THANKS = "thanks"
    GREETING = "greeting"


_CIVIL = (Matter.THANKS, Matter.GREETING)


@dataclass(frozen=True, slots=True)
class Understood:
    """The matters of a question in the order of `Matter`; none: not understood."""

    matters: tuple[Matter, ...]
    language: str


def understood(text: str, language: str) -> Understood:
    """What `text` asks. `language`: the reader's own, answered in unless the words are another one's."""
    plain = _plain(text)
    hits = {matter: _languages(matter, plain) for matter in Matter}
    told = [spoken for of_matter in hits.values() for spoken in of_matter]
    spoken = _of_script(text) or max(LANGUAGES, key=lambda each: (told.count(each), each == language))
    if not told and not _of_script(text):
        spoken = language
    matters = tuple(matter for matter in Matter if hits[matter])
    if Matter.PAIN in matters:
        return Understood((Matter.PAIN,), spoken)
    if len(text) > LONGEST_QUESTION:
        return Understood((), spoken)
    return Understood(_without_manners(matters), spoken)


def _without_manners(matters: tuple[Matter, ...]) -> tuple[Matter, ...]:
    """`Hello, are you open?` asks about hours; a visit that is to be moved need not be booked."""
    asked = tuple(matter for matter in matters if matter not in _CIVIL)
    for of_people in (Matter.HUMAN, Matter.PEOPLE):
        if of_people in asked:
            return (of_people,)
    if Matter.MOVE in asked:
        return tuple(matter for matter in asked if matter is not Matter.BOOK)
    if Matter.PREPARE in asked or Matter.PRICE in asked or Matter.HOURS in asked or Matter.ADDRESS in asked:
        # `What does a visit cost?` names a visit and asks a price.
        asked = tuple(each for each in asked if each is not Matter.BOOK or len(asked) == 1)
    return asked or matters[:1]


def _languages(matter: Matter, plain: str) -> list[str]:
    """The languages in whose words the matter is named, once for each that is found."""
    return [
        language for language in LANGUAGES for pattern in _patterns()[matter, language] if pattern.search(plain)
    ]  # fmt: skip


def _of_script(text: str) -> str | None:
    """The language that a script tells; Latin letters tell none."""
    if _HAN.search(text):
        return "zh"
    return "ru" if re.search(r"[а-яА-ЯёЁ]", text) else None


@cache
def _patterns() -> dict[tuple[Matter, str], list[re.Pattern[str]]]:
    told = tomllib.loads((_FOLDER / "bot_words.toml").read_text(encoding="utf-8"))
    return {
        (matter, language): [_pattern(entry, language) for entry in told[matter.value][language]]
        for matter in Matter
        for language in LANGUAGES
    }


def _pattern(entry: str, language: str) -> re.Pattern[str]:
    words = re.escape(_plain(entry.removesuffix("*")).strip())
    if language == "zh":
        return re.compile(words)
    return re.compile(rf" {words}{'' if entry.endswith('*') else ' '}")


def _plain(text: str) -> str:
    """Small letters without accents, words between single spaces, a space at each end."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return f" {_SIGNS.sub(' ', bare).strip()} "


# --- What is said ---


def bot_text(key: str, language: str, **parts: str) -> str:
    """What the bot says; `parts` are filled in as they are."""
    return _said(_texts()[key], language).format(**parts)


def tap_texts(keys: Sequence[Matter], language: str) -> list[str]:
    return [_said(_texts()["tap"][key.value], language) for key in keys]


def _said(words: dict[str, str], language: str) -> str:
    return words.get(language) or words["en"]


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((_FOLDER / "bot_texts.toml").read_text(encoding="utf-8"))
