"""Rules of a starter's form: what may be answered, and how the answers read as a message."""

import re
from collections.abc import Sequence
from datetime import date

from chat.conversation import LONGEST_BODY
from chat.log import FilledField, FilledForm
from chat.starter import FieldKind, FormField, Starter, said
from core.errors import Fault, Invalid

_PHONE = re.compile(r"^\+?[0-9 ()./-]{5,30}$")
# What was kept may hold them, and is still read: they are refused here and not in `FilledField`.
_C1 = re.compile(r"[\x80-\x9f]")


def filled(starter: Starter, answers: Sequence[FilledField], today: date) -> FilledForm:
    """The answers as they are kept, in the form's order. Raises `Invalid`, pointing at the answer that is wrong.

    `today`: before it nothing is ahead.
    """
    places = {field.key: field for field in starter.form}
    given: dict[str, str] = {}
    faults: list[Fault] = []
    for number, answer in enumerate(answers):
        field = places.get(answer.key)
        code = "unknown-reference" if field is None or answer.key in given else _fault(field, answer.value, today)
        if code:
            faults.append(Fault(f"/form/answers/{number}", code))
        given[answer.key] = answer.value.strip()
    missing = [field.key for field in starter.form if field.required and not given.get(field.key)]
    faults += [Fault("/form/answers", "missing") for _ in missing[:1]]
    if faults:
        raise Invalid(*faults)
    kept = [FilledField(key=field.key, value=given[field.key]) for field in starter.form if given.get(field.key)]
    return FilledForm(starter=starter.key, answers=kept)


def form_text(starter: Starter, form: FilledForm, language: str) -> str:
    """What was answered as plain text, for whoever knows no forms: `Book a visit`, then a line for each answer."""
    places = {field.key: field for field in starter.form}
    lines = [said(starter.label, language)]
    for answer in form.answers:
        field = places[answer.key]
        lines.append(f"{said(field.label, language)}: {_shown(field, answer.value, language)}")
    text = "\n".join(lines)
    return text if len(text) <= LONGEST_BODY else f"{text[: LONGEST_BODY - 1]}…"


def _fault(field: FormField, value: str, today: date) -> str:
    """Why an answer cannot be taken; empty where it can. An empty answer is none."""
    value = value.strip()
    if not value:
        return ""
    if _C1.search(value):
        return "control-character"
    if field.kind is FieldKind.CHOICE and value not in {choice.key for choice in field.choices}:
        return "unknown-reference"
    if field.kind is FieldKind.DAY:
        return _fault_of_day(value, today if field.ahead else date.min)
    if field.kind is FieldKind.PHONE and not _PHONE.match(value):
        return "not-a-phone"
    return ""


def _fault_of_day(value: str, first: date) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return "not-a-date"
    if day.isoformat() != value:
        return "not-a-date"
    return "in-the-past" if day < first else ""


def _shown(field: FormField, value: str, language: str) -> str:
    chosen = [choice for choice in field.choices if choice.key == value]
    return said(chosen[0].label, language) if chosen else value
