"""Holds every frame that the tests ever see against the AsyncAPI document, and remembers which it saw."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # the same

DOCUMENT = Path(__file__).parents[1] / "openapi" / "chat.asyncapi.yaml"
Speaker = Literal["client", "server"]

SEEN: set[str] = set()
"""Names of the document's messages that were seen in this process."""


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    return loaded


@cache
def names() -> dict[tuple[Speaker, str], str]:
    """Which message it is, by who says it and its member `t`."""
    told: dict[tuple[Speaker, str], str] = {}
    for operation in document()["operations"].values():
        client: Speaker = "client" if operation["action"] == "receive" else "server"
        said: list[tuple[Speaker, Any]] = [(client, operation), ("server", operation.get("reply", {"messages": []}))]
        for speaker, side in said:
            for reference in side["messages"]:
                name = reference["$ref"].rpartition("/")[2]
                kind = document()["components"]["messages"][name]["payload"]["properties"]["t"]["const"]
                told[speaker, kind] = name
    return told


@cache
def validator_of(name: str) -> Draft202012Validator:
    shared = {"components": {"schemas": document()["components"]["schemas"]}}
    return Draft202012Validator({**shared, **document()["components"]["messages"][name]["payload"]})


def check(speaker: Speaker, frame: dict[str, Any]) -> None:
    """A frame as the document has it, without a member that the document does not name."""
    name = names()[speaker, frame["t"]]
    validator = validator_of(name)
    validator.validate(frame)
    assert frame.keys() <= validator.schema["properties"].keys(), f"not in the document: {frame}"
    SEEN.add(name)


def unseen(seen: set[str]) -> list[str]:
    return sorted(document()["components"]["messages"].keys() - seen)
