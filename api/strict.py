"""Reads requests strictly: one meaning per body, no unknown parameter, nothing said twice."""

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.problems import Malformed, UnsupportedMediaType
from core.errors import Fault, Invalid, NotSignedIn

_TOKEN_NAMES = frozenset({"token", "access_token", "authorization"})


class TokenInUrl(NotSignedIn):
    """A token in an address ends in logs and Referer headers; the caller should throw it away."""

    slug = "token-in-url"


DEEPEST = 32
LARGEST_NUMBER_DIGITS = 20


class StrictRoute(APIRoute):
    """Every route of the API. Refuses what stock parsing lets through (see `strict_json`)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        parameters = dict(_query_parameters(self.dependant))
        known = set(parameters)
        lists = {name for name, annotation in parameters.items() if _takes_many(annotation)}
        wants_json = self.body_field is not None and not _is_form(self)

        async def strictly(request: Request) -> Response:
            _check_query(request, known, lists)
            if wants_json:
                await _check_body(request)
            return await handle(request)

        return strictly


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    """Names and types of every query parameter of a route and of what it depends on."""
    for field in dependant.query_params:
        yield field.alias, field.field_info.annotation
    for needed in dependant.dependencies:
        yield from _query_parameters(needed)


def _is_form(route: APIRoute) -> bool:
    field = route.body_field
    return field is not None and type(field.field_info).__name__ in ("Form", "File")


def _takes_many(annotation: Any) -> bool:
    return "list" in str(annotation) or "tuple" in str(annotation)


def _check_query(request: Request, known: set[str], lists: set[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    if any(name.lower() in _TOKEN_NAMES for name in names):
        raise TokenInUrl
    unknown = [Fault(f"/{name[:80]}", "unknown-parameter") for name in dict.fromkeys(names) if name not in known]
    twice = {name for name in names if names.count(name) > 1 and name in known - lists}
    faults = unknown + [Fault(f"/{name}", "given-twice") for name in sorted(twice)]
    if faults:
        raise Invalid(*faults)


async def _check_body(request: Request) -> None:
    raw = await request.body()
    if not raw:
        return
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType
    request._json = strict_json(raw)  # noqa: SLF001  Starlette's own cache of the parsed body: parsed once, strictly


def strict_json(raw: bytes) -> Any:
    """JSON (RFC 8259) in UTF-8, without what parsers disagree about or PostgreSQL cannot keep.

    Refused with `Malformed`: NaN and Infinity, numbers beyond 20 digits, a member named twice, NUL,
    lone surrogates, nesting over 32, a byte-order mark, anything after the end.
    """
    try:
        text = raw.decode("utf-8")
        if _too_deep(text):
            raise Malformed(Fault("", "too-deep"))
        value = json.loads(
            text, object_pairs_hook=_each_once, parse_constant=_no_constant, parse_int=_int, parse_float=_float
        )
    except (ValueError, RecursionError):
        raise Malformed(Fault("", "not-json")) from None
    # Only an escape can smuggle these in: a raw one is no UTF-8, or is refused by the parser.
    if "\\u" in text:
        _check_text(value)
    return value


def _too_deep(text: str) -> bool:
    """Nesting beyond the limit. Brackets inside strings count too, so a refusal needs a second, exact look."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth, in_string, escaped = 0, False, False
    for sign in text:
        if in_string:
            escaped, in_string = (sign == "\\" and not escaped), (sign != '"' or escaped)
        elif sign == '"':
            in_string = True
        elif sign in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif sign in "]}":
            depth -= 1
    return False


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed(Fault("", "member-given-twice"))
    return value


def _no_constant(_: str) -> None:
    raise Malformed(Fault("", "not-a-number"))


def _int(digits: str) -> int:
    if len(digits) > LARGEST_NUMBER_DIGITS:
        raise Malformed(Fault("", "number-too-long"))
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Malformed(Fault("", "number-too-large"))
    return number


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise Malformed(Fault("", "unusable-character"))
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
