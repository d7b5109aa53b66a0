"""Rules of canned replies: which variables a text may have, and how their values are put in."""

import re
from collections.abc import Mapping
from enum import StrEnum

_PLACE = re.compile(r"\{\{\s*([^{}]{0,64}?)\s*\}\}")


class Variable(StrEnum):
    """All there are. They stand in the text as `{{patient_name}}`."""

    PATIENT_NAME = "patient_name"
    CLINIC_NAME = "clinic_name"
    BRANCH_NAME = "branch_name"
    STAFF_NAME = "staff_name"


def unknown_variables(text: str) -> list[str]:
    """What stands between double braces and is no variable of ours."""
    return sorted({name for name in _PLACE.findall(text) if name not in set(Variable)})


def is_left_open(text: str) -> bool:
    """Double braces that begin or end no place: a variable somebody meant to name, which nothing would fill."""
    rest = _PLACE.sub(" ", text)
    return "{{" in rest or "}}" in rest


def filled(text: str, values: Mapping[Variable, str]) -> str:
    """The text with every variable's value put in, once and as plain text: a value's own braces mean nothing."""

    def value(place: re.Match[str]) -> str:
        name = place.group(1)
        return values.get(Variable(name), "") if name in set(Variable) else place.group()

    return _PLACE.sub(value, text)
