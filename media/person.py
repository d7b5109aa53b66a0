"""Whether a file names somebody else than the patient whose record it is put into.

Names are compared as they sound at best: a clinic writes «Юлия Щукина», its device "SHCHUKINA^YULIIA". So every name
is brought to a plain Latin skeleton, one for each way of spelling it. Chinese characters are compared with Chinese
characters alone: what they sound like is not written in them.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import chain, product

from media.kinds import NamedPerson
from media.name_sounds import spellings

_OLDEST = 1905
"""Nobody who was born earlier is alive; devices write 1900-01-01 for "not known"."""
_GROUPS, _COMPONENTS = "=", "^"
_NAMING = 3
"""Family, given and middle name; then come titles."""
_PARTICLES = frozenset({
    "al", "da", "de", "degli", "dei", "del", "della", "den", "der", "di", "dos", "el", "ibn", "la", "le", "van", "von",
    "zu", "mr", "mrs", "ms", "dr",
})  # fmt: skip
_NOBODY = frozenset({
    "anon", "anonym", "anonymous", "anonymized", "anonymised", "anonymus", "noname", "unknown", "unnamed", "nn", "test",
    "demo", "phantom", "patient", "none", "аноним", "неизвестно", "неизвестный", "тест", "пациент", "anonimo",
    "sconosciuto", "paziente", "prova",
})  # fmt: skip
_READ_AS = ("utf-8", "cp1251", "gb18030")
_HAN, _LETTERS = "HAN", "LETTERS"
_NOT_LETTERS = re.compile(r"[\W\d_]+")

Tokens = dict[str, list[str]]


def names_another(person: NamedPerson, given_name: str, family_name: str, birth_date: date | None) -> bool:
    """Whether `person`, as a file names them, is certainly not this patient.

    Another birth date is another person. Else a shared part of the name is enough to be the same; but where the birth
    dates are equal the given names have to agree, for twins share the rest. Where the two names are in scripts that
    cannot be compared, or there is no name, nothing speaks against the patient.
    """
    born = _day(person.birth_date)
    if born and birth_date and born != birth_date:
        return True
    patient, given = _tokens([family_name, given_name]), _tokens([given_name])
    differs, *otherwise = [
        _verdict(reading, patient, given if born and birth_date else {}) for reading in _readings(person.name or "")
    ]
    return bool(differs) and False not in otherwise


def _verdict(name: str, patient: Tokens, given: Tokens) -> bool | None:
    """`given`: empty where it need not agree."""
    differs = _differs(_named(name), patient)
    return _is_twin(name, given) if differs is False else differs


def _day(words: str | None) -> date | None:
    try:
        found = date.fromisoformat(words or "")
    except ValueError:
        return None
    return found if found.year >= _OLDEST else None


def _readings(name: str) -> list[str]:
    """The name, and what it may have been: devices write Cyrillic and Chinese without saying which bytes are which."""
    readings = [name]
    if not name.isascii():
        try:
            raw = name.encode("latin-1")
        except UnicodeEncodeError:
            return readings
        for charset in _READ_AS:
            try:
                readings.append(raw.decode(charset))
            except UnicodeDecodeError:
                continue
    return readings


def _named(name: str) -> Tokens:
    """All component groups of a PN (PS3.5 §6.2.1): Latin, ideographic, phonetic."""
    return _tokens(chain.from_iterable(group.split(_COMPONENTS)[:_NAMING] for group in name.split(_GROUPS)))


def _tokens(parts: Iterable[str]) -> Tokens:
    """The words of a name by their script, and those of one part drawn together, as "De Luca" may be one word.

    Initials are not; placeholders for "nobody" are no words.
    """
    found: Tokens = defaultdict(list)
    for part in parts:
        folded = unicodedata.normalize("NFKC", part).casefold().replace("'", "").replace("’", "")
        words = [word for word in _NOT_LETTERS.split(folded) if word and word not in _NOBODY]
        for word in words:
            found[_script(word)].append(word)
        if 1 < len(words) < len("".join(words)) and {_script(word) for word in words} == {_LETTERS}:
            found[_LETTERS].append("".join(words))
    return found


def _script(word: str) -> str:
    name = unicodedata.name(word[0], "")
    if name.startswith(("LATIN", "CYRILLIC")):
        return _LETTERS
    return _HAN if name.startswith("CJK") else name.split(" ")[0]


def _differs(file: Tokens, patient: Tokens) -> bool | None:
    """None where no script stands in both."""
    comparable = [script for script in file if script in patient]
    if not comparable:
        return None
    return not any(_share(script, file[script], patient[script]) for script in comparable)


def _is_twin(name: str, given: Tokens) -> bool:
    """Whether a name holds a given name, and the patient's own, long or short, is nowhere in it: the two may be turned.

    An initial tells nobody apart: J. is Юлия too.
    """
    told = _tokens(chain.from_iterable(group.split(_COMPONENTS)[1:_NAMING] for group in name.split(_GROUPS)))
    comparable = [script for script in told if script in given and _tells(script, told) and _tells(script, given)]
    every = _named(name)
    return bool(comparable) and not any(
        _share_given(script, every[script], told[script], given[script]) for script in comparable
    )


def _tells(script: str, tokens: Tokens) -> bool:
    return script != _LETTERS or any(len(word) > 1 and word not in _PARTICLES for word in tokens[script])


def _share_given(script: str, every: list[str], told: list[str], given: list[str]) -> bool:
    if script == _HAN:
        return any(one in other or other in one for one, other in product(every, given))
    if _share(script, every, given):
        return True
    some, others = (_heard(told), _heard(given)) if script == _LETTERS else (set(told), set(given))
    return any(one.startswith(other) or other.startswith(one) for one, other in product(some, others))


def _share(script: str, some: list[str], others: list[str]) -> bool:
    if script == _HAN:
        return _share_han(some, others)
    if script != _LETTERS:
        return bool(set(some) & set(others))
    return bool(_heard(some) & _heard(others))


def _heard(words: list[str]) -> set[str]:
    """All spellings of the words that tell people apart: no initials and no particles, unless there is nothing else."""
    telling = [word for word in words if len(word) > 1 and word not in _PARTICLES] or words
    return {spelling for word in telling for spelling in spellings(word)}


def _share_han(some: list[str], others: list[str]) -> bool:
    """A family name of one character is shared by millions: the whole name counts, in either order, or a long part."""
    whole = {"".join(others), "".join(reversed(others))}
    if {"".join(some), "".join(reversed(some))} & whole:
        return True
    return any(len(word) > 1 for word in set(some) & set(others)) or set(some) <= set(others)
