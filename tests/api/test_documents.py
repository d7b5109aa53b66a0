"""The committed OpenAPI documents: true to the application, valid, and in the style that generates."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it gives no types
from openapi_spec_validator import validate

from api.app import bare_app
from api.documents import Door, described_routes, document, doors_of, text_of

FOLDER = Path(__file__).parents[2] / "openapi"
DOORS = list(Door)
LEAST_OPERATIONS = 40


@pytest.fixture(scope="module")
def documents() -> dict[Door, dict[str, Any]]:
    app = bare_app(None)
    return {door: document(app, door) for door in Door}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def operations(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


@pytest.mark.parametrize("door", DOORS)
def test_the_committed_document_is_what_the_application_does(documents: dict[Door, Any], door: Door) -> None:
    assert (FOLDER / f"{door.value}.json").read_text(encoding="utf-8") == text_of(documents[door])


@pytest.mark.parametrize("door", DOORS)
def test_the_document_is_valid_openapi(documents: dict[Door, Any], door: Door) -> None:
    validate(documents[door])


def test_every_operation_stands_in_one_document_under_a_name_of_its_own(documents: dict[Door, Any]) -> None:
    names = {operation["operationId"] for made in documents.values() for _, operation in operations(made)}
    routes = [route for route in described_routes(bare_app(None)) for _ in (route.methods or {"GET"}) - {"HEAD"}]
    assert len(names) == len(routes) >= LEAST_OPERATIONS


@pytest.mark.parametrize("door", DOORS)
def test_every_operation_tells_its_problems_in_one_shape(documents: dict[Door, Any], door: Door) -> None:
    for name, operation in operations(documents[door]):
        failures = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        assert {"400", "422", "500"} <= failures.keys(), name
        assert all("Problem" in json.dumps(answer) for answer in failures.values()), name
        assert operation["summary"], name
        assert operation["description"], name
        assert len(operation["tags"]) == 1, name


@pytest.mark.parametrize("door", DOORS)
def test_nothing_in_it_is_known_to_break_a_client_generator(documents: dict[Door, Any], door: Door) -> None:
    for node in nodes(documents[door]):
        assert not {"oneOf", "webhooks", "prefixItems"} & node.keys()
        if node.get("type") == "integer":
            assert node.get("format") in ("int32", "int64"), node
        if node.get("type") == "array" and "items" in node:
            assert "maxItems" in node, node
        choices = [choice for choice in node.get("anyOf", []) if choice.get("type") != "null"]
        assert len(choices) <= 1, node
    for name in documents[door]["components"]["schemas"]:
        assert name.isalnum(), name


def test_a_partner_sees_no_staff_operation_and_a_patient_neither(documents: dict[Door, Any]) -> None:
    for door, made in documents.items():
        assert all(door in doors_of(path) for path in made["paths"])
    assert not [path for path in documents[Door.PARTNER]["paths"] if "/staff" in path]


@pytest.mark.parametrize("door", DOORS)
def test_every_body_has_an_example(documents: dict[Door, Any], door: Door) -> None:
    for name, operation in operations(documents[door]):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert "example" in content or "examples" in content, name


def spoiled(made: dict[str, Any]) -> Iterator[str]:
    """Every example that its own schema does not take."""
    for node in nodes(made):
        schema = node.get("schema", node)
        examples = [*node["examples"]] if isinstance(node.get("examples"), list) else []
        examples += [node["example"]] if "example" in node else []
        if examples and {"type", "$ref", "anyOf", "allOf", "enum"} & set(schema):
            judge = Draft202012Validator({**schema, "components": made["components"]})
            yield from (error.message for example in examples for error in judge.iter_errors(example))


@pytest.mark.parametrize("door", DOORS)
def test_every_example_is_what_its_schema_takes(documents: dict[Door, Any], door: Door) -> None:
    assert list(spoiled(documents[door])) == []


@pytest.mark.parametrize("door", Door)
def test_bounds_stand_under_the_names_that_generators_read(door: Door) -> None:
    def misnamed(node: Any, place: str) -> list[str]:
        if isinstance(node, list):
            return [each for number, item in enumerate(node) for each in misnamed(item, f"{place}/{number}")]
        if not isinstance(node, dict):
            return []
        here = [f"{place}/{name}" for name in ("ge", "le", "gt", "lt") if isinstance(node.get(name), int | str)]
        return here + [each for name, value in node.items() for each in misnamed(value, f"{place}/{name}")]

    made = document(bare_app(None), door)
    assert misnamed(made, "") == []
    limits = [
        each["schema"]
        for path in made["paths"].values()
        for operation in path.values()
        for each in operation.get("parameters", [])
        if each["name"] == "limit"
    ]
    assert limits
    assert {(each["minimum"], each["maximum"]) for each in limits} <= {(1, 200), (1, 100), (1, 500)}
