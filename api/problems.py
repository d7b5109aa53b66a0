"""Turns refusals into RFC 9457 problems: the only place where a refusal meets a status and a language.

The answer never holds the offending value, a stack or a name of ours: `type` (stable URI), `title`,
`status`, `code`, `detail` (what to do, in the caller's language), `request_id`, `errors`.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from math import ceil
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chat.commands.cases import CaseTaken
from clinic.commands.booking import SlotTaken
from clinic.queries.slots import FreeSlot
from clinic.slot import MOST_ALTERNATIVES
from core.errors import (
    Conflict,
    Fault,
    Gone,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Refusal,
    Stale,
    TooLarge,
    TooMany,
    Unavailable,
)
from core.values import Int32, Int64
from media.upload import PartTooLong, PartTooShort

TYPE_ROOT = "https://enamel.dev/problems/"
LANGUAGES = ("en", "ru", "it", "zh")
_WORDING = Path(__file__).parent / "wording"
MOST_ERRORS = 100
LONGEST_POINTER = 500

_STATUS: dict[type[Refusal], int] = {
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    Stale: 412,
    TooLarge: 413,
    Invalid: 422,
    TooMany: 429,
    Unavailable: 503,
}


class Malformed(Refusal):
    """Not JSON, or JSON that two parsers would read differently."""

    slug = "malformed-request"


class UnsupportedMediaType(Refusal):
    slug = "unsupported-media-type"


class MethodNotAllowed(Refusal):
    slug = "method-not-allowed"


class BodyTooSlow(Refusal):
    """The body stopped coming: nothing came for half a minute, or not all of it within a quarter of an hour."""

    slug = "body-too-slow"


class RangeNotSatisfiable(Refusal):
    """The piece of a file that was asked for begins after its end."""

    slug = "range-not-satisfiable"


class InternalFault(Refusal):
    """Our own mistake; the log holds the request id."""

    slug = "internal-error"


_STATUS |= {
    Malformed: 400,
    UnsupportedMediaType: 415,
    MethodNotAllowed: 405,
    BodyTooSlow: 408,
    RangeNotSatisfiable: 416,
    InternalFault: 500,
}
_BY_STATUS: dict[int, type[Refusal]] = {status: kind for kind, status in _STATUS.items()}


class ProblemError(BaseModel):
    """One fault of the input: where (JSON pointer) and what (stable code), never the value."""

    model_config = ConfigDict(extra="forbid")

    pointer: str = Field(max_length=LONGEST_POINTER, examples=["/starts_at"])
    code: str = Field(max_length=100, examples=["missing"])


class TakenBy(BaseModel):
    """Who was faster."""

    model_config = ConfigDict(extra="forbid")

    staff_id: UUID
    name: str = Field(max_length=200)


class Problem(BaseModel):
    """RFC 9457 problem details, as `application/problem+json`."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(examples=[TYPE_ROOT + "not-found"], max_length=200)
    title: str = Field(max_length=200)
    status: Annotated[Int32, Field(ge=400, le=599)]
    code: str = Field(examples=["not-found"], max_length=100)
    detail: str = Field(description="What to do, in the language asked for.", max_length=500)
    request_id: str = Field(max_length=64)
    errors: list[ProblemError] = Field(default_factory=list, max_length=MOST_ERRORS)
    retry_after_seconds: Int32 | None = None
    expected_bytes: Int64 | None = Field(
        default=None, description="Of `part-too-short` and `part-too-long`: how many bytes the part has."
    )
    alternatives: list[FreeSlot] = Field(
        default_factory=list, max_length=MOST_ALTERNATIVES, description="Of `slot-taken`: the nearest times still free."
    )
    taken_by: TakenBy | None = Field(default=None, description="Of `case-taken`: the colleague who has it.")


@cache
def wordings() -> Mapping[str, Mapping[str, str]]:
    """slug -> language -> sentence, from every file of `api/wording`."""
    texts: dict[str, dict[str, str]] = {}
    for file in sorted(_WORDING.glob("*.toml")):
        texts |= tomllib.loads(file.read_text(encoding="utf-8"))
    return texts


def language_of(accept: str) -> str:
    """The best of our languages for an Accept-Language header (RFC 9110 §12.5.4), English otherwise."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept[:500].split(",")[:20]):
        tag, _, weight = part.replace(" ", "").replace("\t", "").partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        wanted.append((-quality, place, tag.split("-")[0].lower()))
    return next((tag for quality, _, tag in sorted(wanted) if tag in LANGUAGES and quality < 0), "en")


def status_of(refusal: type[Refusal]) -> int:
    return next(_STATUS[kind] for kind in refusal.__mro__ if kind in _STATUS)


def problem_response(request: Request, refusal: Refusal) -> Response:
    language = language_of(request.headers.get("accept-language", ""))
    status = status_of(type(refusal))
    text = wordings()[refusal.slug]
    after = None if refusal.retry_after_seconds is None else ceil(refusal.retry_after_seconds)
    problem = Problem(
        type=TYPE_ROOT + refusal.slug,
        title=text["title"],
        status=status,
        code=refusal.slug,
        detail=text[language],
        request_id=str(request.scope.get("enamel.request_id", "")),
        # Cut: a place may be as deep as the body that was sent, and a refusal must not fail.
        errors=[
            ProblemError(pointer=fault.pointer[:LONGEST_POINTER], code=fault.code)
            for fault in refusal.faults[:MOST_ERRORS]
        ],
        retry_after_seconds=after,
        expected_bytes=refusal.expected_bytes if isinstance(refusal, PartTooShort | PartTooLong) else None,
        alternatives=refusal.alternatives if isinstance(refusal, SlotTaken) else [],
        taken_by=TakenBy(staff_id=refusal.staff_id, name=refusal.name) if isinstance(refusal, CaseTaken) else None,
    )
    headers = {"content-language": language}
    if after is not None:
        headers["retry-after"] = str(after)
    if isinstance(refusal, NotSignedIn):
        headers["www-authenticate"] = "Bearer"
    return Response(problem.model_dump_json(), status, headers, "application/problem+json")


def faults_of(errors: list[Any]) -> list[Fault]:
    """Pydantic's errors as faults: pointers and codes, without the values they stumbled over."""
    return [Fault(_pointer(error["loc"]), _code(error)) for error in errors]


def _pointer(location: tuple[Any, ...]) -> str:
    return "".join("/" + str(part)[:80].replace("~", "~0").replace("/", "~1") for part in location)


def _code(error: Mapping[str, Any]) -> str:
    """`missing`, `extra-forbidden`, …; for rules of ours the words of the rule: `ends-before-it-starts`."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"]).replace(" ", "-").lower()[:100]
    return str(error["type"]).replace("_", "-")


def install(app: FastAPI) -> None:
    """Give every way to fail the one shape."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return problem_response(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # FastAPI puts "body", "query", "path" … first; what follows is the pointer or the parameter's name.
        inside = [{**each, "loc": each["loc"][1:]} for each in error.errors()]
        return problem_response(request, Invalid(*faults_of(inside)))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        answer = problem_response(request, _BY_STATUS.get(error.status_code, Malformed)())
        if error.status_code == _STATUS[MethodNotAllowed]:
            answer.headers["allow"] = ", ".join(sorted(_methods(app, request)))
        return answer

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _methods(app: FastAPI, request: Request) -> set[str]:
    """Every method of this path: the framework names only those of the first route it met."""
    routes = [route for route in iter_route_contexts(app.routes) if route.methods]
    return {
        method for route in routes if route.path_regex.match(request.scope["path"]) for method in route.methods or ()
    }
