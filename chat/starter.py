"""Rules of starters: the few taps that begin a conversation, and the small form behind each, in four languages."""

import tomllib
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, TypeAdapter, model_validator

from clinic.facts import Language
from core.values import ShortText, Value

MOST_STARTERS, MOST_FIELDS, MOST_CHOICES, MOST_LANGUAGES = 8, 8, 12, 4
_FILE = Path(__file__).parent / "data" / "starters.toml"

Key = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,39}$")]


class Said(Value):
    """The same words in one language."""

    language: Language
    text: ShortText


Words = Annotated[list[Said], Field(min_length=1, max_length=MOST_LANGUAGES)]


class FieldKind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    DAY = "day"
    PHONE = "phone"


class Choice(Value):
    key: Key
    label: Words


class FormField(Value):
    """One question of a form. `choices` where its kind is `choice`, and only there; `ahead`: a day not before today."""

    key: Key
    label: Words
    kind: FieldKind = FieldKind.TEXT
    required: bool = False
    choices: list[Choice] = Field(default=[], max_length=MOST_CHOICES)
    ahead: bool = False

    @model_validator(mode="after")
    def _has_choices_where_it_needs_them(self) -> Self:
        if (self.kind is FieldKind.CHOICE) != bool(self.choices):
            raise ValueError("choices belong to a choice")
        if self.ahead and self.kind is not FieldKind.DAY:
            raise ValueError("only a day is ahead")
        _once([choice.key for choice in self.choices])
        return self


class Starter(Value):
    """A way to begin. `urgent`: a person answers, and soon; `picture`: the app opens the camera after the form."""

    key: Key
    label: Words
    form: list[FormField] = Field(default=[], max_length=MOST_FIELDS)
    urgent: bool = False
    picture: bool = False

    @model_validator(mode="after")
    def _asks_each_once(self) -> Self:
        _once([field.key for field in self.form])
        return self


class ChoiceView(Value):
    key: str
    label: str


class FieldView(Value):
    key: str
    label: str
    kind: FieldKind
    required: bool
    choices: list[ChoiceView] = Field(max_length=MOST_CHOICES)
    ahead: bool = Field(default=False, description="A day that must not be before today.")


class StarterView(Value):
    """A starter in one language."""

    key: str = Field(examples=["book"])
    label: str = Field(examples=["Book a visit"])
    form: list[FieldView] = Field(max_length=MOST_FIELDS)
    urgent: bool
    picture: bool


_STARTERS = TypeAdapter(list[Starter])


@cache
def default_starters() -> tuple[Starter, ...]:
    """What a clinic has that set none of its own: book, move, pain now, price, send a photo."""
    told = tomllib.loads(_FILE.read_text(encoding="utf-8"))["starter"]
    return tuple(_STARTERS.validate_python([_written_out(each) for each in told]))


def said(words: Sequence[Said], language: str) -> str:
    """The words in this language; else in English, else in whatever there is."""
    found = {each.language: each.text for each in words}
    return found.get(language) or found.get("en") or words[0].text  # type: ignore[call-overload]  # any text asks


def starter_view(starter: Starter, language: str) -> StarterView:
    form = [
        FieldView(
            key=field.key, label=said(field.label, language), kind=field.kind, required=field.required,
            choices=[ChoiceView(key=each.key, label=said(each.label, language)) for each in field.choices],
            ahead=field.ahead,
        )
        for field in starter.form
    ]  # fmt: skip
    label = said(starter.label, language)
    return StarterView(key=starter.key, label=label, form=form, urgent=starter.urgent, picture=starter.picture)


def starter_named(starters: Sequence[Starter], key: str) -> Starter | None:
    return next((each for each in starters if each.key == key), None)


def _once(keys: Sequence[str]) -> None:
    if len(set(keys)) < len(keys):
        raise ValueError("two of one key")


def _written_out(told: object) -> object:
    """`label = { en = "…" }` of the file as the list that a clinic would send."""
    if isinstance(told, list):
        return [_written_out(each) for each in told]
    if not isinstance(told, dict):
        return told
    return {
        name: [{"language": language, "text": text} for language, text in part.items()]
        if name == "label"
        else _written_out(part)
        for name, part in told.items()
    }
