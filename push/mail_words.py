"""Words of mails: the few that are nobody's message, and what of a text is let through."""

from typing import NamedTuple


class Words(NamedTuple):
    stop: str
    open: str


_WORDS = {
    "en": Words("Unsubscribe", "Open"),
    "ru": Words("Отписаться", "Открыть"),
    "it": Words("Annulla l'iscrizione", "Apri"),
    "zh": Words("退订", "打开"),
}


def words_of(language: str) -> Words:
    """In `language` (BCP 47), English where we lack it."""
    return _WORDS.get(language.replace("_", "-").split("-", 1)[0].lower(), _WORDS["en"])


# What joins or parts letters within a word of some scripts (Persian, Hindi, emoji), and hints of direction.
_JOINERS = "\u200c\u200d\u200e\u200f"


def shown(text: str) -> str:
    """`text` without control signs and without marks that turn the direction of what comes after them; spaces stay."""
    return "".join(" " if each.isspace() else each for each in text if _is_shown(each))


def _is_shown(sign: str) -> bool:
    return sign.isprintable() or sign in _JOINERS or sign.isspace()
