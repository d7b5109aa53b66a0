"""Every call that the pages of the documentation name is there: the path, the method, and what is asked in it."""

import re
from functools import cache
from typing import Any

import pytest

from api.app import bare_app
from api.documents import Door, document
from tests.architecture.house import ROOT

PAGES = (
    "chart", "plans", "visits", "documents", "loyalty", "money", "family", "privacy", "uploads", "pictures", "series",
    "dicomweb", "bot", "lines", "desk", "branches", "chat-attachments", "chat", "reaching", "wording", "receipts",
    "tasks", "surveys", "webhooks", "segments", "campaigns", "results", "journeys",
)  # fmt: skip
# Called by the provider of payments, in its own form: no client is generated for it.
IN_NO_DOCUMENT = {
    "/v1/hooks/payments",
    "/v1/hooks/{way}/{line_id}",
    "/v1/hooks/telephony/{exchange_id}",
    "/v1/stop/{token}",
    "/v1/stop/<token>",
}
_CALL = re.compile(r"(?:\b(GET|POST|PUT|DELETE|PATCH)\s+)?((?:/v1/|…/)(?:\{[^}]*\}|[^\s`\"|,;:)])*)")


@cache
def operations() -> list[tuple[str, list[str], set[str]]]:
    """Method, path in segments, and the names of what is asked behind the question mark."""
    app = bare_app(None)
    found: list[tuple[str, list[str], set[str]]] = []
    for door in Door:
        paths: dict[str, Any] = document(app, door)["paths"]
        for path, methods in paths.items():
            for method, told in methods.items():
                asked = {each["name"] for each in told.get("parameters", ()) if each["in"] == "query"}
                found.append((method.upper(), path.split("/")[1:], asked))
    return found


def fits(named: list[str], path: list[str]) -> bool:
    """`…` at an end stands for whatever is left out; a parameter for any value, under whatever name.

    Behind a `…` a parameter is named as one: any word would fit it otherwise.
    """
    whole = named[0] != "…"
    if not whole:
        named, path = named[1:], path[-len(named) + 1 :]
    if named[-1] == "…":
        named, path = named[:-1], path[: len(named) - 1]
    same = (
        told == part or (part[0] == "{" and (whole or told[0] == "{")) for told, part in zip(named, path, strict=False)
    )
    return len(named) == len(path) and all(same)


def calls(page: str) -> list[tuple[str | None, str]]:
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    return [(method or None, call.rstrip(".")) for method, call in _CALL.findall(text)]


@pytest.mark.parametrize("page", PAGES)
def test_every_call_of_the_page_is_there(page: str) -> None:
    named = calls(page)
    assert named
    for method, call in named:
        path, _, query = call.partition("?")
        asked = [each.partition("=") for each in query.split("&") if each]
        assert all(value for _, _, value in asked), f"{call}: an empty value is not what to send"
        found = [
            questions
            for known, parts, questions in operations()
            if method in (None, known) and fits(path.removeprefix("/").split("/"), parts)
        ]
        assert found or path in IN_NO_DOCUMENT, f"{page}.md names {method or ''} {call}"
        names = {name for name, _, _ in asked}
        assert not names or any(names <= questions for questions in found), f"{page}.md asks {call}"


@pytest.mark.parametrize("wrong", ["/v1/me/teeth", "…/chart.png", "/v1/me/chart/of/…"])
def test_a_path_that_is_nowhere_is_found_out(wrong: str) -> None:
    assert not any(fits(wrong.removeprefix("/").split("/"), parts) for _, parts, _ in operations())
