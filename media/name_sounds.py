"""The plain Latin skeletons of a word in Latin or Cyrillic letters: two spellings of one name share one."""

import re
import unicodedata
from itertools import product

_CYRILLIC: dict[str, tuple[str, ...]] = {
    "а": ("a",), "б": ("b",), "в": ("v",), "г": ("g", "h"), "ґ": ("g",), "д": ("d",), "ђ": ("d",), "е": ("e",),
    "ё": ("e", "yo"), "є": ("ye",), "ж": ("zh",), "з": ("z",), "и": ("i",), "і": ("i",), "ї": ("yi",), "й": ("y",),
    "ј": ("y",), "к": ("k",), "л": ("l",), "љ": ("l",), "м": ("m",), "н": ("n",), "њ": ("n",), "о": ("o",),
    "п": ("p",), "р": ("r",), "с": ("s",), "т": ("t",), "ћ": ("ch",), "у": ("u",), "ў": ("u",), "ф": ("f",),
    "х": ("h", "ch"), "ц": ("ts", "c"), "ч": ("ch",), "џ": ("dzh",), "ш": ("sh",), "щ": ("sh",), "ъ": ("", "y"),
    "ы": ("y",), "ь": ("",), "э": ("e",), "ю": ("yu",), "я": ("ya",),
}  # fmt: skip
_MARKED: dict[str, tuple[str, ...]] = {
    "ä": ("a", "ae"), "ö": ("o", "oe"), "ü": ("u", "ue"), "å": ("a", "aa"), "š": ("s", "sh"), "ž": ("z", "zh"),
    "č": ("c", "ch"), "ć": ("c", "ch"), "ø": ("o", "oe"), "æ": ("ae",), "œ": ("oe",), "ł": ("l",), "đ": ("d", "dj"),
    "ı": ("i",), "ð": ("d",), "þ": ("th",), "ħ": ("h",),
}  # fmt: skip
_SOUNDS = (
    ("shch", "sh"), ("sch", "sh"), ("tch", "ch"), ("kh", "h"), ("ph", "f"), ("th", "t"), ("ck", "k"),
    ("tz", "ts"), ("x", "ks"), ("q", "k"), ("w", "v"), ("j", "y"), ("i", "y"),
)  # fmt: skip
_TWICE = re.compile(r"(.)\1+")
_GLIDE = re.compile(r"y(?=[aeou])")
_MOST = 32
"""Spellings of one word: a name of nothing but ambiguous letters shall not cost more than a name."""


def spellings(word: str) -> set[str]:
    """At most `_MOST` skeletons of a casefolded word."""
    letters = unicodedata.normalize("NFC", word)
    choices = [_CYRILLIC.get(letter) or _MARKED.get(letter) or (_bare(letter),) for letter in letters]
    kept, count = [], 1
    for ways in choices:
        count *= len(ways)
        kept.append(ways if count <= _MOST else ways[:1])
        count = min(count, _MOST)
    return {_skeleton("".join(way)) for way in product(*kept)}


def _bare(letter: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(mark))


def _skeleton(word: str) -> str:
    for written, heard in _SOUNDS:
        word = word.replace(written, heard)
    return _GLIDE.sub("", _TWICE.sub(r"\1", _hard(word)))


def _hard(word: str) -> str:
    """A c sounds as ch before e and i, else as k."""
    made = ""
    for at, letter in enumerate(word):
        after = word[at + 1 : at + 2]
        if letter != "c" or after == "h":
            made += letter
        elif after in ("e", "y"):
            made += "ch"
        else:
            made += "k"
    return made
