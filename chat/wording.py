"""Rules of what can be searched for: how a text in any of our languages becomes words that PostgreSQL can compare.

Chinese is written without spaces: a run of it becomes its pairs of characters, and its last character alone.
"""

import re
import unicodedata

LONGEST_QUERY = 200
# Han, with its extensions and compatibility forms, and kana.
_HAN = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(f"[{_HAN}]+")
_MEANT_BY_POSTGRES = re.compile(r"[^\w\s]|_")

CONFIGS = {"it": "italian", "ru": "russian", "en": "english", "zh": "simple"}
"""PostgreSQL's text search configuration of each language a clinic can have."""


def words(text: str) -> str:
    """A text as it is indexed: one form of each letter, small, without signs, Chinese in pairs."""
    plain = _MEANT_BY_POSTGRES.sub(" ", unicodedata.normalize("NFKC", text).lower())
    return " ".join(_RUN.sub(lambda run: f" {' '.join(_pairs(run.group()))} ", plain).split())


def asked(text: str) -> tuple[str, list[str]]:
    """What is searched for: words that must all be there, and single Chinese characters that words may begin with."""
    plain = _MEANT_BY_POSTGRES.sub(" ", unicodedata.normalize("NFKC", text).lower())
    whole: list[str] = []
    single: list[str] = []
    for run in _RUN.findall(plain):
        if len(run) == 1:
            single.append(run)
        else:
            whole += _pairs(run)[:-1]
    return " ".join([*_RUN.sub(" ", plain).split(), *whole]), single


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run))]
