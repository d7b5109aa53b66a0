"""Every answer the tests ever see must stand in the OpenAPI documents: a status nobody told of fails the test."""

import re
from functools import cache
from typing import Any

import httpx

from api.app import bare_app
from api.documents import Door, document


@cache
def _operations() -> list[tuple[str, re.Pattern[str], frozenset[str]]]:
    app = bare_app(None)
    found: list[tuple[str, re.Pattern[str], frozenset[str]]] = []
    for door in Door:
        paths: dict[str, Any] = document(app, door)["paths"]
        for path, methods in paths.items():
            shape = re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)) + "$")
            found += [(method, shape, frozenset(told["responses"])) for method, told in methods.items()]
    # Fixed paths before those with a parameter, as the router does.
    return sorted(found, key=lambda each: each[1].pattern.count("[^/]+"))


async def check(answer: httpx.Response) -> None:
    """A hook of the tests' client. Refusals of the frame itself (no such route or method) are nobody's operation."""
    request = answer.request
    for method, shape, statuses in _operations():
        if method == request.method.lower() and shape.match(request.url.path):
            assert str(answer.status_code) in statuses, f"{method} {request.url.path} answered {answer.status_code}"
            return
