"""What the patient's copy of a DICOM file keeps (PS3.15 annex E): the lists of `media/data/dicom_*.toml`."""

import re
import tomllib
from pathlib import Path

_DATA = Path(__file__).parents[1] / "data"
_LIST = tomllib.loads((_DATA / "dicom_kept.toml").read_text("utf-8"))
_DEFINED = tomllib.loads((_DATA / "dicom_terms.toml").read_text("utf-8"))

KEPT = frozenset(keyword for keywords in _LIST["kept"].values() for keyword in keywords)
"""Keywords; a value is kept only where its kind leaves no room for a name: a number, a defined term, a public code."""

WORDS: frozenset[str] = frozenset(_LIST["kinds"]["words"])
TERMS: frozenset[str] = frozenset(_LIST["kinds"]["terms"])
LISTS: frozenset[str] = frozenset(_LIST["kinds"]["lists"])
MEASURED: frozenset[str] = frozenset(_LIST["kinds"]["measured"])
DEFINED = frozenset(term for terms in _DEFINED.values() for term in terms)
"""The terms themselves."""
RENAMED: frozenset[str] = frozenset(_LIST["kinds"]["renamed"])
VERBATIM: frozenset[str] = frozenset(_LIST["kinds"]["verbatim"])
CODE: frozenset[str] = frozenset(_LIST["kinds"]["code"])
SCHEMES = {scheme: re.compile(form) for scheme, form in _LIST["schemes"].items()}
"""Public schemes of codes, and the form of theirs."""
EMPTY: tuple[str, ...] = tuple(_LIST["kinds"]["empty"])


def is_defined(found: object) -> bool:
    """Whether it is a word that is no name."""
    return str(found).strip() in DEFINED
