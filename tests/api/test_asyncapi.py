"""The AsyncAPI document itself: the shape AsyncAPI 3.0.0 asks for, every reference true, and the limits it names."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its types are a package of their own

from chat import frames
from chat.conversation import Resume, Side, Via
from chat.frames import KINDS, Close
from chat.log import EventKind, Log
from tests.frames_seen import document, names

TEXT = {"type": "string", "minLength": 1}
REFERENCE = {
    "type": "object",
    "required": ["$ref"],
    "properties": {"$ref": {"type": "string", "pattern": "^#/"}},
    "additionalProperties": False,
}
REFERENCES = {"type": "array", "minItems": 1, "items": REFERENCE}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    """An object of the specification: these members, and extensions (`x-…`), and no other."""
    return {
        "type": "object", "required": required, "properties": properties, "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }  # fmt: skip


def _map(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": {"pattern": "^[A-Za-z0-9_-]+$"}, "additionalProperties": of}


# What the specification (https://www.asyncapi.com/docs/reference/specification/v3.0.0) says of the parts we use.
SPECIFICATION = _object(
    ["asyncapi", "info"],
    asyncapi={"const": "3.0.0"},
    info=_object(["title", "version"], title=TEXT, version=TEXT, description=TEXT),
    defaultContentType=TEXT,
    servers=_map(
        _object(
            ["host", "protocol"],
            host=TEXT,
            protocol=TEXT,
            pathname={"type": "string", "pattern": "^/"},
            description=TEXT,
            security=REFERENCES,
        )
    ),
    channels=_map(_object([], address=TEXT, bindings={"type": "object"}, messages=_map(REFERENCE))),
    operations=_map(
        _object(
            ["action", "channel"],
            action={"enum": ["send", "receive"]},
            channel=REFERENCE,
            summary=TEXT,
            messages=REFERENCES,
            reply=_object([], channel=REFERENCE, messages=REFERENCES),
        )
    ),
    components=_object(
        [],
        securitySchemes=_map({"type": "object", "required": ["type"]}),
        schemas=_map({"type": "object"}),
        messages=_map(_object(["payload"], payload={"type": "object"}, summary=TEXT)),
    ),
)


def test_the_document_has_the_shape_of_asyncapi_3() -> None:
    Draft202012Validator.check_schema(SPECIFICATION)
    faults = [f"{'/'.join(map(str, each.path))}: {each.message}" for each in _faults()]
    assert faults == []


def _faults() -> Iterator[Any]:
    yield from Draft202012Validator(SPECIFICATION).iter_errors(document())


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def test_every_reference_leads_somewhere() -> None:
    for reference in _references(document()):
        place: Any = document()
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]


@pytest.mark.parametrize("name", sorted(document()["components"]["messages"]))
def test_every_message_is_a_schema_and_stands_in_the_channel_and_an_operation(name: str) -> None:
    payload = document()["components"]["messages"][name]["payload"]
    Draft202012Validator.check_schema(payload)
    assert payload["required"][0] == "t"
    assert name in document()["channels"]["socket"]["messages"]
    assert name in names().values()


def test_an_operations_messages_are_of_its_channel() -> None:
    for operation in document()["operations"].values():
        for reference in _references({"m": operation["messages"], "r": operation.get("reply", {})}):
            assert reference.startswith("#/channels/socket"), reference


def test_the_document_and_the_code_name_the_same_things() -> None:
    schemas = document()["components"]["schemas"]
    messages = {name: each["payload"]["properties"] for name, each in document()["components"]["messages"].items()}
    assert {kind for speaker, kind in names() if speaker == "client"} == KINDS
    assert set(schemas["kind"]["enum"]) == set(EventKind)
    assert set(schemas["log"]["enum"]) == set(Log)
    assert set(schemas["side"]["enum"]) == set(Side)
    assert set(schemas["data"]["properties"]["via"]["enum"]) == set(Via) - {Via.APP}
    assert set(messages["reset"]["why"]["enum"]) >= set(Resume)
    assert set(messages["bye"]["code"]["enum"]) == set(Close) - {Close.GONE}
    for side in Side:
        Draft202012Validator({**schemas["limits"], "components": {"schemas": schemas}}).validate(frames.limits(side))


def test_every_operation_of_the_client_names_its_rest_twin() -> None:
    for name, operation in document()["operations"].items():
        assert re.search(r"/v1/|token", operation.get("x-rest", "")) or name == "live"
