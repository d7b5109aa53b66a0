"""Cuts the three OpenAPI documents (patient, staff, partner) from the one application.

The style is the one that generates in every client generator tried: no `oneOf`, every integer with its
format, one shape for every error, `operationId` as a verb and a noun.
"""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import BaseModel

from api.partner.sync import ROW_MODELS
from api.problems import Problem, status_of
from core import errors

VERSION = "1.0.0"


class Door(StrEnum):
    """One document for each kind of caller; a partner never sees a staff operation."""

    PATIENT = "patient"
    STAFF = "staff"
    PARTNER = "partner"


_TITLES = {
    Door.PATIENT: ("Enamel for patients", "The personal cabinet: what a clinic's mobile app shows and does."),
    Door.STAFF: ("Enamel for staff", "The desk: one view of the patient, one inbox, journeys."),
    Door.PARTNER: ("Enamel for the clinic's own systems", "Facts go in: patients, visits, chart, plans, pictures."),
}

_REASONS = {
    400: "The request cannot be read.",
    401: "Nobody is signed in, or the token is not good here.",
    403: "The caller may not do this.",
    404: "Unknown, deleted or somebody else's.",
    408: "The body stopped coming.",
    409: "The present state does not allow it.",
    412: "Decided on an older version than the present one.",
    413: "Larger than allowed.",
    415: "A media type this operation does not accept.",
    422: "Some of the input cannot be used; `errors` says where.",
    429: "Too often; Retry-After says when again.",
    500: "Our fault; `request_id` finds it in the log.",
    503: "Something we depend on does not answer; look whether it was done, then try again.",
}
_EXAMPLES = {status_of(kind): kind.slug for kind in errors.Refusal.__subclasses__()}


def document(app: FastAPI, door: Door) -> dict[str, Any]:
    """The OpenAPI 3.1 document of one door."""
    title, description = _TITLES[door]
    contexts = [context for context in described_routes(app) if door in doors_of(str(context.path))]
    made = get_openapi(
        title=title,
        version=VERSION,
        description=description,
        routes=contexts,
        separate_input_output_schemas=False,
        servers=[{"url": "http://127.0.0.1:8000", "description": "The demo clinic of `make run`."}],
    )
    components = made.setdefault("components", {}).setdefault("schemas", {})
    if door is Door.PARTNER:
        _describe_rows(components)
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    components["Problem"] = _schema(Problem, components)
    made["components"]["responses"] = {f"Problem{status}": _problem(status) for status in _REASONS}
    for method, operation in _operations(made):
        _tidy(method, operation)
    _give_examples(made)
    return _plain_names(_without_noise(made))


def described_routes(app: FastAPI) -> Iterator[RouteContext]:
    """Every operation, through the framework's own iterator: `app.routes` hides what routers include."""
    for context in iter_route_contexts(app.routes):
        if getattr(context.original_route, "include_in_schema", False) and str(context.path).startswith("/v1/"):
            yield context


def doors_of(path: str) -> frozenset[Door]:
    """In which documents a path stands; patients and staff renew their tokens at the same place."""
    if path == "/v1/auth/refresh":
        return frozenset({Door.PATIENT, Door.STAFF})
    if path.startswith(("/v1/staff", "/v1/auth/staff")):
        return frozenset({Door.STAFF})
    if path.startswith(("/v1/partner", "/v1/auth/partner")):
        return frozenset({Door.PARTNER})
    return frozenset({Door.PATIENT})


def text_of(made: dict[str, Any]) -> str:
    """As it is committed: sorted where order means nothing, so that a diff shows a change and only that."""
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in made["paths"].values():
        for method in ("get", "put", "post", "delete", "patch", "head"):
            if method in path:
                yield method, path[method]


def _tidy(method: str, operation: dict[str, Any]) -> None:
    """The answers of every operation: its own, then one problem for each way to fail.

    401 and 413 stand everywhere: a token in the address and too many headers are refused everywhere.
    """
    statuses = set(_REASONS) - (set() if operation.get("security") else {403})
    names_something = any(parameter["in"] == "path" for parameter in operation.get("parameters", []))
    if "requestBody" not in operation:
        statuses -= {404, 408, 415}
    if names_something:
        statuses.add(404)
    if method != "put" and "412" not in operation["responses"]:
        statuses.discard(412)
    answers = {code: answer for code, answer in operation["responses"].items() if code not in ("412", "422")}
    problems = {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(statuses)}
    operation["responses"] = {**answers, **{code: problem for code, problem in problems.items() if code not in answers}}


def _give_examples(made: dict[str, Any]) -> None:
    """An example body for every operation, put together from the examples of its members."""
    schemas = made["components"]["schemas"]
    for _, operation in _operations(made):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content["example"] = _example(content["schema"], schemas)


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """One value that fits: the schema's own example or default, or else the plainest thing of its type."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    said = [schema[name] for name in ("const", "default") if name in schema]
    given = [*schema.get("examples", []), *schema.get("enum", []), *said]
    if given:
        return given[0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    return _plain_example(schema, schemas)


def _plain_example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if schema.get("type") == "object":
        needed = schema.get("required", [])
        members = schema.get("properties", {}).items()
        return {name: _example(part, schemas) for name, part in members if name in needed or "examples" in part}
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)] if schema.get("minItems") else []
    return _PLAIN.get(schema.get("format", ""), _PLAIN.get(schema.get("type", ""), "text"))


_PLAIN: dict[str, Any] = {
    "uuid": "018f3a5c-7b1e-7c4d-9a2f-1d2e3f4a5b6c",
    "date": "2026-11-22",
    "date-time": "2026-11-22T09:30:00.000Z",
    "binary": "(bytes)",
    "integer": 1,
    "int32": 1,
    "int64": 1,
    "boolean": True,
    "string": "text",
}


def _plain_names(made: Any) -> dict[str, Any]:
    """Component names of letters and digits only: `Body_issuePartnerToken` breaks some generators."""
    text = json.dumps(made, ensure_ascii=False)
    for name in made["components"]["schemas"]:
        plain = "".join(part[:1].upper() + part[1:] for part in name.replace("-", "_").split("_"))
        if plain != name:
            text = text.replace(f'schemas/{name}"', f'schemas/{plain}"').replace(f'"{name}": {{', f'"{plain}": {{')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _problem(status: int) -> dict[str, Any]:
    slug = _EXAMPLES.get(
        status, {400: "malformed-request", 415: "unsupported-media-type"}.get(status, "internal-error")
    )
    example = {
        "type": f"https://enamel.dev/problems/{slug}", "title": slug.replace("-", " ").capitalize(), "status": status,
        "code": slug, "detail": _REASONS[status], "request_id": "5f2b8c1d9e3a4f60", "errors": [],
        "retry_after_seconds": None, "alternatives": [], "taken_by": None,
    }  # fmt: skip
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": _REASONS[status],
        "content": {"application/problem+json": {"schema": schema, "example": example}},
    }


def _describe_rows(components: dict[str, Any]) -> None:
    """The rows of batches: judged one by one, so FastAPI does not see their models; clients should."""
    for model in ROW_MODELS:
        components[model.__name__] = _schema(model, components)


def _schema(model: type[BaseModel], components: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    components.update(schema.pop("$defs", {}))
    return schema


# Where a check of ours stands before pydantic's, it says bounds under its own names, which nobody else reads.
_BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


def _bounds_named(node: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema knows no bounds of dates: they stand in no contract."""
    if node.get("type") not in ("integer", "number", "string"):
        return node
    is_number = node["type"] != "string"
    return {_BOUNDS.get(name, name): value for name, value in node.items() if is_number or name not in _BOUNDS}


def _without_noise(node: Any) -> Any:
    """Pydantic titles every member with its own name again; generators make types of such titles."""
    if isinstance(node, list):
        return [_without_noise(item) for item in node]
    if not isinstance(node, dict):
        return node
    is_schema = "title" in node and ({"type", "anyOf", "$ref", "allOf", "enum", "const"} & node.keys())
    return {
        name: value if name in ("example", "examples") else _without_noise(value)
        for name, value in _bounds_named(node).items()
        if not (name == "title" and is_schema and isinstance(value, str))
    }
