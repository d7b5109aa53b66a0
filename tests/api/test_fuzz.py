"""Random input, drawn from the documents themselves: no operation ever fails by a fault of ours."""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from schemathesis import openapi
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

from api.app import bare_app
from api.documents import Door, document
from tests.world import World

CASES = 12
TOKENS = {Door.PATIENT: "patient", Door.STAFF: "staff", Door.PARTNER: "partner"}


@cache
def operations() -> list[tuple[Door, str, str]]:
    app = bare_app(None)
    return [
        (door, method, path)
        for door in Door
        for path, methods in document(app, door)["paths"].items()
        for method in methods
    ]


@cache
def schema(door: Door) -> Any:
    return openapi.from_dict(document(bare_app(None), door))


@pytest.mark.parametrize(("door", "method", "path"), operations(), ids=lambda each: str(getattr(each, "value", each)))
async def test_random_input_is_answered_and_never_fails(world: World, door: Door, method: str, path: str) -> None:
    for case in drawn(schema(door)[path][method]):
        answer = await world.http.request(
            method,
            address(path, case.path_parameters),
            params=case.query or {},
            headers={**plain(case.headers or {}), **kind(case), **getattr(world.here, TOKENS[door])},
            **body(case),
        )
        assert answer.status_code < 500, (answer.status_code, answer.text)


def address(path: str, parameters: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: quote(str(parameters[name.group(1)]), safe=""), path)


def drawn(operation: Any) -> list[Any]:
    """The same cases each time: some that fit the document, and some that break it in one place."""
    fitting, breaking = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    cases: list[Any] = []

    @hypothesis.settings(
        max_examples=CASES, phases=[Phase.generate], database=None, derandomize=True, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=fitting | breaking)
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


def kind(case: Any) -> dict[str, str]:
    return {"content-type": case.media_type} if case.media_type == "application/json" else {}


def plain(headers: dict[str, Any]) -> dict[str, str]:
    """Headers that a client can send at all: others never leave it."""
    return {name: str(value).encode("ascii", "ignore").decode() for name, value in headers.items()}


def raw(value: Any) -> bytes:
    """JSON, or the bytes that were drawn instead of it."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def body(case: Any) -> dict[str, Any]:
    if case.body is NOT_SET or case.body is None:
        return {}
    match case.media_type:
        case "application/json":
            return {"content": raw(case.body)}
        case "application/x-www-form-urlencoded":
            return {"data": {name: str(value) for name, value in dict(case.body).items()}}
        case _:
            return {"files": {"file": ("file", b"no picture")}, "data": {"kind": "xray"}}
