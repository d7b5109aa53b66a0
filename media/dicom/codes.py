"""What a code in a DICOM file means, by the public lists and never by the file: its own words may hold a name."""

from dataclasses import dataclass
from functools import cache
from typing import cast

from pydicom.dataset import Dataset

from media.dicom.kept import SCHEMES
from media.dicom.values import LONGEST, text

_SNOMED, _SNOMED_RT = "SCT", frozenset({"SRT", "SNM3", "99SDM"})


@dataclass(frozen=True, slots=True)
class PublicCode:
    """`meaning`: in the words of PS3.16; the code again where those lists lack it."""

    value: str
    scheme: str
    meaning: str


def public_code(found: Dataset) -> PublicCode | None:
    """The code that an item holds; None where it is of no public scheme, or not of that scheme's form."""
    code, scheme = text(found, "CodeValue"), text(found, "CodingSchemeDesignator")
    if code is None or scheme is None or scheme not in SCHEMES or not SCHEMES[scheme].fullmatch(code):
        return None
    return PublicCode(code, scheme, _meanings().get(_as_listed(scheme, code), code)[:LONGEST].strip())


def _as_listed(scheme: str, code: str) -> tuple[str, str]:
    from pydicom.sr._snomed_dict import mapping  # as heavy as the lists, and most files hold no code

    return (_SNOMED, mapping["SRT"].get(code, "")) if scheme in _SNOMED_RT else (scheme, code)


@cache
def _meanings() -> dict[tuple[str, str], str]:
    """By scheme and code. A code that has several names gets the one that DICOM's own lists use."""
    from pydicom.sr._concepts_dict import concepts

    listed = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", concepts)
    known = [
        (bool(lists), (scheme, code), meaning)
        for scheme in SCHEMES
        for named in listed.get(scheme, {}).values()
        for code, (meaning, lists) in named.items()
    ]
    return {code: meaning for _, code, meaning in sorted(known)}
