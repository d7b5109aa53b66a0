"""Journeys as people write them: YAML or JSON in, one plain JSON out.

YAML has many readers, and what one takes for a word another takes for a truth value, a number in sixties or a day.
Whatever two of them read differently is refused and has to stand in quotes; so are keys said twice, tags and aliases.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import ValidationError

from automation.journey.document import FORMAT, Journey
from core.errors import Fault, Invalid

MOST_BYTES = 256 * 1024
DEEPEST = 40

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is not in every wheel; both give the same events
_STRING = "tag:yaml.org,2002:str"
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,15})", re.ASCII)
_PLAIN = {"null": None, "~": None, "": None, "true": True, "false": False}
# Of YAML 1.1 (https://yaml.org/type/bool.html), which its 1.2 reads as words.
_ONCE_TRUTHS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false"})
_RESOLVER = yaml.resolver.Resolver()


class _Wrong(Exception):
    """Ends the reading at its first fault."""

    def __init__(self, pointer: str, code: str) -> None:
        super().__init__(code)
        self.fault = Fault(pointer, code)


def read_document(text: str) -> Journey:
    """The journey that `text` says, in YAML or JSON. Raises `Invalid` with pointers and codes."""
    try:
        said = _read(text)
    except _Wrong as wrong:
        raise Invalid(wrong.fault) from None
    try:
        return Journey.model_validate_json(json.dumps(said))
    except ValidationError as error:
        raise Invalid(*schema_faults(error)) from None


def written_document(journey: Journey) -> str:
    """The one plain spelling: equal journeys are equal texts."""
    return json.dumps(journey.definition(), ensure_ascii=False, indent=2) + "\n"


def journey_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the format, for editors of others. What hangs together, the checks alone know."""
    schema = Journey.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FORMAT, **_without_title(schema)}


def _without_title(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in schema.items() if name != "title"}


def schema_faults(error: ValidationError) -> list[Fault]:
    """For what the format itself refuses a document, in the words that the API uses, and never the value."""
    return [
        Fault("".join(f"/{_escaped(str(part)[:80])}" for part in each["loc"]), _code(each))
        for each in error.errors(include_url=False, include_input=False)
    ]


def _code(error: Any) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"]).replace(" ", "-").lower()[:100]
    return str(error["type"]).replace("_", "-")


def _read(text: str) -> Any:
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise _Wrong("", "too-large")
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
        except json.JSONDecodeError:
            pass  # YAML may begin so too
        except RecursionError:
            raise _Wrong("", "too-deep") from None
    try:
        events = yaml.parse(text, Loader=_LOADER)
        return _document(events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Wrong("", f"not-yaml-line-{mark.line + 1}" if mark else "not-yaml") from None
    except (yaml.YAMLError, UnicodeEncodeError):
        raise _Wrong("", "not-yaml") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Wrong("", "said-twice")
    return members


def _no_number(_: str) -> Any:
    raise _Wrong("", "not-a-number")


def _document(events: Iterator[Any]) -> Any:
    """The one document of the stream."""
    value: Any = None
    count = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            count += 1
            if count > 1:
                raise _Wrong("", "more-than-one-document")
            value = _value(events, next(events), "", 0)
    if count == 0:
        raise _Wrong("", "empty")
    return value


def _value(events: Iterator[Any], event: Any, at: str, depth: int) -> Any:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _Wrong(at, "no-aliases")
    if event.tag is not None:
        raise _Wrong(at, "no-tags")
    if depth > DEEPEST:
        raise _Wrong(at, "too-deep")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, at)
    if isinstance(event, yaml.SequenceStartEvent):
        return _list(events, at, depth)
    return _object(events, at, depth)


def _list(events: Iterator[Any], at: str, depth: int) -> list[Any]:
    items: list[Any] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        items.append(_value(events, event, f"{at}/{len(items)}", depth + 1))
    return items


def _object(events: Iterator[Any], at: str, depth: int) -> dict[str, Any]:
    members: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(events, event, at, depth + 1) if isinstance(event, yaml.ScalarEvent) else None
        if not isinstance(key, str):
            raise _Wrong(at, "not-a-key")
        place = f"{at}/{_escaped(key[:80])}"
        if key in members:
            raise _Wrong(place, "said-twice")
        members[key] = _value(events, next(events), place, depth + 1)
    return members


def _scalar(event: Any, at: str) -> Any:
    said: str = event.value
    if not event.implicit[0]:
        return said  # in quotes, or a block of text
    if said in _PLAIN:
        return _PLAIN[said]
    if _WHOLE.fullmatch(said):
        return int(said)
    if said.lower() in _ONCE_TRUTHS or _RESOLVER.resolve(yaml.ScalarNode, said, (True, False)) != _STRING:
        raise _Wrong(at, "quote-it")
    return said


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
