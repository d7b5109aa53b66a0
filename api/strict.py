"""Reads requests strictly: one meaning per body, no unknown parameter, nothing said twice."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any

from fastapi import Request, Response, UploadFile
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from starlette.datastructures import UploadFile as StarletteFile

from api.caller import Bearer
from api.problems import Malformed, UnsupportedMediaType
from core.errors import Fault, Invalid, NotSignedIn

_URL_FORM = "application/x-www-form-urlencoded"
_FILE_FORM = "multipart/form-data"
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_TOKEN_NAMES = frozenset({"token", "access_token", "authorization"})


def _is_file(given: Any) -> Any:
    if not isinstance(given, StarletteFile):
        raise ValueError("not a file")
    return given


SentFile = Annotated[
    UploadFile,
    BeforeValidator(_is_file),
    Field(json_schema_extra={"format": "binary"}),  # the older spelling, which client generators understand
]
"""A file in a form; a field of plain text in its place is `not-a-file`."""


def _is_plain_number(given: Any) -> Any:
    if isinstance(given, str) and not _DIGITS.fullmatch(given):
        raise PydanticCustomError("int_parsing", "not a number")
    return given


PlainNumber = BeforeValidator(_is_plain_number)
"""For numbers in an address, which have one spelling: not `1.0`, `+1` or `01`."""


class TokenInUrl(NotSignedIn):
    """A token in an address ends in logs and Referer headers; the caller should throw it away."""

    slug = "token-in-url"


DEEPEST = 32
LARGE_BODY = 256 * 1024
MOST_CONTAINERS = 100_000
LARGEST_NUMBER_DIGITS = 20


class StrictRoute(APIRoute):
    """Every route of the API. Refuses what stock parsing lets through (see `strict_json`)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known, lists = _query_names(self.dependant)
        wants_json = self.body_field is not None and not _is_form(self)
        fields = {field.alias for field in self.dependant.body_params} if _is_url_form(self) else None
        types = _taken_types(self)
        takes_body = self.body_field is not None or types is not None
        bearer = next(_bearers(self.dependant), None) if takes_body else None

        async def strictly(request: Request) -> Response:
            _check_query(request, known, lists)
            if bearer is not None:
                await bearer(request)  # before the body: a stranger's megabytes are not even read
            if wants_json:
                await _check_body(request)
            if types is not None and _media_type(request) not in types:
                raise UnsupportedMediaType
            if fields is not None:
                await _check_form(request, fields)
            return await handle(request)

        return strictly


class DocumentRoute(StrictRoute):
    """A route of a read document: called with the bearer's claims and its own parameters, without FastAPI's solver.

    Its dependencies are declared for the contract all the same; solving them costs a tenth of a cabinet.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        bearer = next(_bearers(self.dependant))
        known, lists = _query_names(self.dependant)

        async def directly(request: Request) -> Response:
            _check_query(request, known, lists)
            claims, wrong = await bearer(request), list[Any]()
            arguments = _arguments(self.dependant, request, wrong)
            if wrong:
                raise RequestValidationError(wrong)
            answer: Response = await self.endpoint(request, claims, **arguments)
            return answer

        return directly


def _arguments(takes: Dependant, request: Request, wrong: list[Any]) -> dict[str, Any]:
    """Path and query parameters as FastAPI reads them; `wrong` hears what is wrong, also with what others need."""
    for needed in takes.dependencies:
        _arguments(needed, request, wrong)
    path, wrong_path = request_params_to_args(takes.path_params, request.path_params)
    query, wrong_query = request_params_to_args(takes.query_params, request.query_params)
    wrong += wrong_path + wrong_query
    return path | query


def _query_names(dependant: Dependant) -> tuple[set[str], set[str]]:
    """Every query parameter of a route and of what it depends on; and those that may be given many times."""
    parameters = dict(_query_parameters(dependant))
    return set(parameters), {name for name, annotation in parameters.items() if _takes_many(annotation)}


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    """Names and types of every query parameter of a route and of what it depends on."""
    for field in dependant.query_params:
        yield field.alias, field.field_info.annotation
    for needed in dependant.dependencies:
        yield from _query_parameters(needed)


def _bearers(dependant: Dependant) -> Iterator[Bearer]:
    for needed in dependant.dependencies:
        if isinstance(needed.call, Bearer):
            yield needed.call
        yield from _bearers(needed)


def _is_form(route: APIRoute) -> bool:
    field = route.body_field
    return field is not None and type(field.field_info).__name__ in ("Form", "File")


def _is_url_form(route: APIRoute) -> bool:
    """A form in the style of addresses; those with files (`multipart/form-data`) are checked where they are read."""
    info = route.body_field.field_info if route.body_field is not None else None
    return type(info).__name__ == "Form" and getattr(info, "media_type", "") == _URL_FORM


def _taken_types(route: APIRoute) -> frozenset[str] | None:
    """Media types of a body that is no JSON: of a form, or of bytes that the route reads itself. None: any, or JSON."""
    if _is_form(route):
        return frozenset({_URL_FORM if _is_url_form(route) else _FILE_FORM})
    told = (route.openapi_extra or {}).get("requestBody", {}).get("content")
    return None if told is None else frozenset(told)


def _takes_many(annotation: Any) -> bool:
    return "list" in str(annotation) or "tuple" in str(annotation)


def _check_query(request: Request, known: set[str], lists: set[str]) -> None:
    if not request.scope["query_string"]:
        return
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
    media_type = _media_type(request)
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType
    # Half a second for 8 MB: a large one goes to a thread, so that others are answered meanwhile.
    parsed = strict_json(raw) if len(raw) < LARGE_BODY else await asyncio.to_thread(strict_json, raw)
    request._json = parsed  # noqa: SLF001  Starlette's own cache of the parsed body: parsed once, strictly


async def _check_form(request: Request, fields: set[str]) -> None:
    """The form is read once, by Starlette; here only the names in it are looked at."""
    names = [name for name, _ in (await request.form()).multi_items()]
    unknown = [Fault(f"/{name[:80]}", "extra-forbidden") for name in dict.fromkeys(names) if name not in fields]
    twice = [Fault(f"/{name}", "given-twice") for name in sorted(fields) if names.count(name) > 1]
    if unknown or twice:
        raise Invalid(*unknown, *twice)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def strict_json(raw: bytes) -> Any:
    """JSON (RFC 8259) in UTF-8, without what parsers disagree about or PostgreSQL cannot keep.

    Refused with `Malformed`: NaN and Infinity, numbers beyond 20 digits, a member named twice, NUL,
    lone surrogates, nesting over 32, over 100,000 lists and objects, a byte-order mark, anything after the end.
    """
    try:
        text = raw.decode("utf-8")
        if text.count("[") + text.count("{") > MOST_CONTAINERS:
            raise Malformed(Fault("", "too-many-members"))
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


# A whole string (or what was begun of one), so that brackets inside it do not count; possessive: never tried twice.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)


def _too_deep(text: str) -> bool:
    """Nesting beyond the limit, seen before the parser recurses into it."""
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        sign = found.group()
        if sign in "[{":
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
