"""Journeys that come with Enamel: data in four languages, and what a clinic fills in before it takes one.

A file of `data/journeys` is a document of the journey's format with three words more: `{ parameter = … }` stands for a
value that is filled in (`below_zero`: with its sign turned), `{ text = … }` for words in the staff's language,
`{ texts = … }` for the same words in every language, and a step may exist only `with` or `without` a parameter.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError

from automation.criteria.said import CriterionKind
from automation.journey.document import FORMAT, Journey
from automation.journey.words import ClockTime
from automation.segment import Criterion
from cabinet.facts import ServiceKind
from clinic.facts import Language
from core.errors import Fault, Invalid
from core.values import ShortText, Value

_DATA = Path(__file__).parent / "data"
LANGUAGES: tuple[Language, ...] = ("en", "ru", "it", "zh")

OVERDUE_FOR_HYGIENE = Criterion(
    kind=CriterionKind.ALL,
    items=[
        Criterion(kind=CriterionKind.PROCEDURE_LAST, procedure=ServiceKind.HYGIENE, older_than_days=180),
        Criterion(kind=CriterionKind.NOT, items=[Criterion(kind=CriterionKind.APPOINTMENT_AHEAD)]),
    ],
)
"""The last cleaning was more than 180 days ago and no visit is ahead. Who never had one is no recall."""

Filled = int | str | UUID
"""What a parameter may be filled with."""


class JourneyTemplate(StrEnum):
    """Those that can be launched as they are, without anything being filled in."""

    HYGIENE_RECALL = "hygiene-recall"


class TemplateNotFilled(Invalid):
    """A parameter is unknown, missing, or filled with what it cannot be."""

    slug = "template-not-filled"


class ParameterKind(StrEnum):
    NUMBER = "number"
    TIME = "time"
    """`HH:MM` by the clock of the patient's branch."""
    TEXT = "text"
    PROMOTION = "promotion"
    SURVEY = "survey"
    TEAM = "team"
    TAG = "tag"
    """A tag of the library, by its id."""


_SHAPES: dict[ParameterKind, TypeAdapter[Any]] = {
    ParameterKind.TIME: TypeAdapter(ClockTime),
    ParameterKind.TEXT: TypeAdapter(ShortText),
}
_IDS = frozenset({ParameterKind.PROMOTION, ParameterKind.SURVEY, ParameterKind.TEAM, ParameterKind.TAG})


class Words(Value):
    """The same in every language."""

    en: str = Field(min_length=1)
    ru: str = Field(min_length=1)
    it: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    def said(self, language: str) -> str:
        """In English where the language is none of ours."""
        return str(getattr(self, language if language in LANGUAGES else "en"))


class Parameter(Value):
    """`required`: without it there is no journey. A number lies from `lowest` to `highest`."""

    key: str
    kind: ParameterKind
    title: Words
    required: bool
    default: int | str | None = None
    lowest: int = 1
    highest: int = 1_000_000

    def fault(self, given: Filled | None) -> str | None:
        """What is wrong with it; nothing given is right where it need not be."""
        if given is None:
            return "missing" if self.required else None
        return None if self._fits(given) else "does-not-fit"

    def _fits(self, given: Filled) -> bool:
        if self.kind is ParameterKind.NUMBER:
            return isinstance(given, int) and not isinstance(given, bool) and self.lowest <= given <= self.highest
        if self.kind in _IDS:
            return _is_id(given)
        try:
            _SHAPES[self.kind].validate_python(given)
        except ValidationError:
            return False
        return True


class Template:
    """One journey that comes with Enamel. `parameters` in the order in which they are asked for."""

    def __init__(self, key: str, data: Mapping[str, Any]) -> None:
        self.key = key
        self.name = Words.model_validate(data["name"])
        self.description = Words.model_validate(data["description"])
        self.parameters = tuple(_parameter(name, said) for name, said in data.get("parameters", {}).items())
        self._texts = {name: Words.model_validate(said) for name, said in data.get("texts", {}).items()}
        self._journey: Mapping[str, Any] = data["journey"]

    def draft(self, language: str, parameters: Mapping[str, Filled] | None = None) -> Journey:
        """The journey with everything filled in: names, titles and scripts in the staff's `language`, what is said in
        the conversation in all four. Raises `TemplateNotFilled`, with a pointer to each parameter."""
        filled = self._filled(parameters or {})
        said = {**self._journey, "steps": [step for step in self._journey["steps"] if _stands(step, filled)]}
        made = _Filling(filled, self._texts, language).of(said)
        return Journey.model_validate_json(
            json.dumps({"format": FORMAT, "key": self.key, "name": self.name.said(language), **made})
        )

    def _filled(self, given: Mapping[str, Filled]) -> dict[str, Filled]:
        known = {each.key: each for each in self.parameters}
        whole = {key: given.get(key, each.default) for key, each in known.items()}
        faults = [Fault(f"/parameters/{key}", "unknown") for key in sorted(given.keys() - known.keys())]
        faults += [
            Fault(f"/parameters/{key}", code)
            for key, value in whole.items()
            if (code := known[key].fault(value)) is not None
        ]
        if faults:
            raise TemplateNotFilled(*faults)
        return {key: value for key, value in whole.items() if value is not None}


_ABSENT = object()


class _Filling:
    """Puts values and words where the document only names them."""

    def __init__(self, filled: Mapping[str, Filled], texts: Mapping[str, Words], language: str) -> None:
        self._filled, self._texts, self._language = filled, texts, language

    def of(self, said: Any) -> Any:
        match said:
            case {"parameter": str(name)}:
                return self._value(name, below_zero="below_zero" in said)
            case {"text": str(name)}:
                return self._texts[name].said(self._language)
            case {"texts": str(name)}:
                return [{"language": each, "text": self._texts[name].said(each)} for each in LANGUAGES]
            case dict():
                return dict(self._members(said))
            case list():
                return [self.of(item) for item in said]
            case _:
                return said

    def _value(self, name: str, *, below_zero: bool) -> Any:
        value = self._filled.get(name, _ABSENT)
        if isinstance(value, int):
            return -value if below_zero else value
        return str(value) if value is not _ABSENT else _ABSENT

    def _members(self, said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        made = {name: self.of(value) for name, value in said.items() if name not in _CONDITIONS}
        if made.get("team_id", _ABSENT) is not _ABSENT:
            made.pop("preset", None)  # a task is for one of them
        return ((name, value) for name, value in made.items() if value is not _ABSENT)


_CONDITIONS = frozenset({"with", "without"})


def _stands(step: Mapping[str, Any], filled: Mapping[str, Filled]) -> bool:
    return step.get("with") in (None, *filled) and step.get("without") not in filled


def _is_id(given: Filled) -> bool:
    if isinstance(given, UUID):
        return True
    try:
        UUID(str(given))
    except ValueError:
        return False
    return True


def _parameter(name: str, said: Mapping[str, Any]) -> Parameter:
    usual = dict(_usual()[name])
    title = {language: usual.pop(language) for language in LANGUAGES}
    whole = {"key": name, "title": title, "required": "default" not in said, **usual, **said}
    return Parameter.model_validate_json(json.dumps(whole))


@cache
def _usual() -> Mapping[str, Any]:
    return tomllib.loads((_DATA / "parameters.toml").read_text(encoding="utf-8"))


def _templates() -> Iterator[tuple[str, Template]]:
    for file in sorted((_DATA / "journeys").glob("*.toml")):
        yield file.stem, Template(file.stem, tomllib.loads(file.read_text(encoding="utf-8")))


TEMPLATES: Mapping[str, Template] = MappingProxyType(dict(_templates()))
"""All there are, by their keys in order."""

HYGIENE_RECALL = TEMPLATES["hygiene-recall"].draft("en")
