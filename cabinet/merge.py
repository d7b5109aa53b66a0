"""Merge fields: which names a template may use, and what it says once they are filled in.

A field is `{{patient.given_name}}`: a name of the list below and nothing else. There are no expressions, and a value is
never read as a template again: whatever a patient is called stays what it is.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from core.errors import Fault
from core.values import Value

# Each name with what a preview shows in its place.
FIELDS: Mapping[str, str] = {
    "patient.given_name": "Anna",
    "patient.family_name": "Rossi",
    "patient.full_name": "Anna Rossi",
    "patient.birth_date": "17 May 1985",
    "patient.phone": "+39 02 5550 1234",
    "clinic.name": "Rome Dental",
    "branch.name": "Centro",
    "branch.address": "Via Roma 1, 00184 Roma",
    "branch.phone": "+39 02 5550 1000",
    "visit.starts_at": "22 November 2026, 10:30 (UTC+01:00)",
    "visit.service": "Extraction",
    "visit.practitioner": "Dr. Bianchi",
    "plan.title": "Implant 36",
    "plan.total": "€2,450.00",
    "plan.valid_until": "31 December 2026",
    "today": "22 November 2026",
}
NOTHING = "—"
"""Stands where the record has no such thing: no visit was named, no telephone is known."""

_FIELD = re.compile(r"\{\{ *([a-z_.]{1,40}) *\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


class PartKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    BULLET = "bullet"


class Part(Value):
    """A piece of a letter, as an app shows it and as it is printed."""

    kind: PartKind
    text: str


def fields_of(text: str) -> set[str]:
    return set(_FIELD.findall(text))


def field_faults(text: str, pointer: str) -> list[Fault]:
    """What is wrong with the fields of a template: names that are not on the list, braces that hold no name."""
    faults = [Fault(pointer, "unknown-field")] if fields_of(text) - set(FIELDS) else []
    return faults + ([Fault(pointer, "malformed-field")] if _BRACES.search(_FIELD.sub("", text)) else [])


def empty_fields(text: str, values: Mapping[str, str]) -> list[str]:
    """The fields of a text that nothing is known for, in the order of the list."""
    used = fields_of(text)
    return [name for name in FIELDS if name in used and not _one_line(values.get(name, ""))]


def merged(text: str, values: Mapping[str, str]) -> str:
    """`text` with its fields filled in, in one pass: what a value holds is not looked at again."""
    return _FIELD.sub(lambda found: _one_line(values.get(found.group(1), "")) or NOTHING, text)


def letter(body: str, values: Mapping[str, str]) -> list[Part]:
    """A template's body as parts: `# ` begins a heading, `- ` a bullet, an empty line a paragraph.

    The parts are told apart before the fields are filled in, so that no value can make one.
    """
    parts: list[Part] = []
    for block in re.split(r"\n[ ]*\n", body.strip()):
        parts += _parts(block, values)
    return parts


def _parts(block: str, values: Mapping[str, str]) -> list[Part]:
    parts: list[Part] = []
    flowing: list[str] = []
    for line in [*block.split("\n"), "# "]:
        kind = PartKind.HEADING if line.startswith("# ") else PartKind.BULLET if line.startswith("- ") else None
        if kind is None:
            flowing.append(merged(line, values))
            continue
        if flowing:
            parts.append(Part(kind=PartKind.PARAGRAPH, text="\n".join(flowing)))
            flowing = []
        if line[2:].strip():
            parts.append(Part(kind=kind, text=merged(line[2:].strip(), values)))
    return parts


def _one_line(value: str) -> str:
    return " ".join(value.split())
