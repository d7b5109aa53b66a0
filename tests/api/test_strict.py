"""Bad input of every kind: a problem with a stable code and a pointer, no value said back, nothing half written."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, cast, get_args

import asyncpg
import httpx
import pytest
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from api.app import bare_app, create_app
from api.documents import described_routes
from api.guard import LARGEST_HEADERS, LONGEST_URL, MOST_HEADERS
from api.problems import LANGUAGES, Malformed, language_of, wordings
from api.strict import DEEPEST, strict_json
from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from tests.world import HOST, World

CANARY = "canary-7f3a"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
BOOK = "/v1/staff/patients/{patient}/appointments"
SYNC = "/v1/partner/sync/patients"
AHEAD = f"{now().year + 1}-01-11"
VISIT = {"starts_at": f"{AHEAD}T09:00:00Z", "ends_at": f"{AHEAD}T09:30:00Z"}


@dataclass(frozen=True)
class Bad:
    """One bad request, as `who` sends it, and the answer it must get."""

    status: int
    code: str
    pointers: list[tuple[str, str]] = field(default_factory=list)
    who: str = "staff"
    method: str = "POST"
    path: str = BOOK
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))


def visit(**changes: Any) -> bytes:
    return json.dumps({**VISIT, **changes}).encode()


def raw(old: str, new: str) -> bytes:
    return visit(service="PLACE").replace(old.encode(), new.encode())


def malformed(body: bytes, code: str = "not-json") -> Bad:
    return Bad(400, "malformed-request", [("", code)], body=body)


def invalid(pointer: str, code: str, body: bytes) -> Bad:
    return Bad(422, "invalid-input", [(pointer, code)], body=body)


def asked(query: str, pointer: str, code: str, path: str = "/v1/me/appointments") -> Bad:
    return Bad(422, "invalid-input", [(pointer, code)], "patient", "GET", f"{path}?{query}", headers={})


def got(status: int, code: str, path: str = "/v1/me", who: str = "patient", **headers: str) -> Bad:
    """Without a body; `headers` are written with _ for -."""
    return Bad(status, code, [], who, "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})


def token_form(body: str, pointer: str, code: str) -> Bad:
    path = "/v1/auth/partner/token"
    return Bad(422, "invalid-input", [(pointer, code)], "nobody", "POST", path, body.encode(), dict(FORM))


GRANT = "grant_type=client_credentials&client_id=0190a0a0-0000-7000-8000-000000000000&client_secret=s"

BAD: dict[str, Bad] = {
    # bodies that are no JSON, or not one JSON
    "no JSON at all": malformed(b"starts_at=now"),
    "half a JSON": malformed(visit()[:-3]),
    "two JSONs": malformed(visit() + visit()),
    "trailing bytes": malformed(visit() + b"\0"),
    "a byte-order mark": malformed(b"\xef\xbb\xbf" + visit()),
    "UTF-16": malformed(visit().decode().encode("utf-16")),
    "broken UTF-8": malformed(raw("PLACE", "X").replace(b"X", b"\xff\xfe")),
    "a raw lone surrogate": malformed(raw("PLACE", "X").replace(b"X", b"\xed\xa0\x80")),
    "a comment": malformed(b"/* */" + visit()),
    "compressed": malformed(b"\x1f\x8b\x08\x00" + bytes(20)),
    "an escaped lone surrogate": malformed(raw("PLACE", "\\ud800"), "unusable-character"),
    "a surrogate pair the wrong way round": malformed(raw("PLACE", "\\udc00\\ud800"), "unusable-character"),
    "a lone surrogate as a name": malformed(raw('"service"', '"\\udfff"'), "unusable-character"),
    "an escaped NUL": malformed(raw("PLACE", "\\u0000"), "unusable-character"),
    "a raw NUL": malformed(raw("PLACE", "\0")),
    "NaN": malformed(raw('"PLACE"', "NaN"), "not-a-number"),
    "Infinity": malformed(raw('"PLACE"', "Infinity"), "not-a-number"),
    "minus Infinity": malformed(raw('"PLACE"', "-Infinity"), "not-a-number"),
    "1e400": malformed(raw('"PLACE"', "1e400"), "number-too-large"),
    "a number of 5,000 digits": malformed(raw('"PLACE"', "9" * 5000), "number-too-long"),
    "a fraction of 5,000 digits": invalid("/service", "string-type", raw('"PLACE"', "0." + "9" * 5000)),
    "a member twice": malformed(raw('"PLACE"', '"a", "service": "b"'), "member-given-twice"),
    "a member twice, once escaped": malformed(raw('"PLACE"', '"a", "servic\\u0065": "b"'), "member-given-twice"),
    "too deep": malformed(raw('"PLACE"', "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)), "too-deep"),
    "nested without end": malformed(b"[" * 99_999, "too-deep"),
    "objects nested without end": malformed(b'{"a":' * 99_999, "too-deep"),
    "a hundred thousand lists": malformed(b"[" + b"[]," * 100_001 + b"1]", "too-many-members"),
    # bodies of another shape
    "a list": invalid("", "model-attributes-type", b"[]"),
    "null": invalid("", "model-attributes-type", b"null"),
    "a text": invalid("", "model-attributes-type", b'"text"'),
    "nothing": Bad(422, "invalid-input", [("", "missing")], body=b""),
    "an unknown member": invalid("/clinic_id", "extra-forbidden", visit(clinic_id=CANARY)),
    "an unknown member with a slash": invalid("/a~1b~0c", "extra-forbidden", visit(**{"a/b~c": CANARY})),
    "a missing member": invalid("/ends_at", "missing", b'{"starts_at": "2027-01-11T09:00:00Z"}'),
    "a number for a text": invalid("/service", "string-type", visit(service=7)),
    "a list for a text": invalid("/service", "string-type", visit(service=[CANARY])),
    "a control character": invalid("/service", "string-pattern-mismatch", visit(service=f"{CANARY}\x1b[2J")),
    "a line end": invalid("/service", "string-pattern-mismatch", visit(service=f"{CANARY}\r\nSet-Cookie: a")),
    "a text too long": invalid("/service", "string-too-long", visit(service=CANARY * 100)),
    "zero for a moment": invalid("/starts_at", "not-an-rfc-3339-moment", visit(starts_at=0)),
    "seconds for a moment": invalid("/starts_at", "not-an-rfc-3339-moment", visit(starts_at="1700000000")),
    "no zone": invalid("/starts_at", "not-an-rfc-3339-moment", visit(starts_at="2027-01-11T09:00:00")),
    "29 February of no leap year": invalid(
        "/starts_at", "datetime-from-date-parsing", visit(starts_at="2027-02-29T09:00:00Z")
    ),
    "the year 9999": invalid("/ends_at", "moment-lies-outside-1900-to-2200", visit(ends_at="9999-12-31T23:59:59Z")),
    "a visit that ends before it starts": Bad(
        422, "ends-before-start", [("/ends_at", "ends-before-start")], body=visit(ends_at="2027-01-11T08:00:00Z")
    ),
    "a visit that ends as it starts": Bad(
        422, "ends-before-start", [("/ends_at", "ends-before-start")], body=visit(ends_at=VISIT["starts_at"])
    ),
    "an unknown state": Bad(
        422, "invalid-input", [("/status", "enum")], path=f"/v1/staff/appointments/{new_id()}/status",
        body=json.dumps({"status": CANARY}).encode(),
    ),
    "a phone that is no phone": Bad(
        422, "invalid-input", [("/phone", "not-a-phone-number")], "nobody", path="/v1/auth/otp",
        body=b'{"phone": "+39 000 0000 000"}',
    ),
    "a phone of words": Bad(
        422, "invalid-input", [("/phone", "string-pattern-mismatch")], "nobody", path="/v1/auth/otp",
        body=json.dumps({"phone": CANARY}).encode(),
    ),
    # addresses
    "an unknown parameter": asked("patiend_id=1", "/patiend_id", "unknown-parameter"),
    "a parameter twice": asked("limit=1&limit=2", "/limit", "given-twice"),
    "limit=10^9": asked("limit=1000000000", "/limit", "less-than-equal"),
    "limit=0": asked("limit=0", "/limit", "greater-than-equal"),
    "limit=-1": asked("limit=-1", "/limit", "greater-than-equal"),
    "limit of 5,000 digits": asked("limit=" + "9" * 3500, "/limit", "less-than-equal"),
    "limit=NaN": asked("limit=NaN", "/limit", "int-parsing"),
    "a made-up cursor": asked("cursor=AAAA", "/cursor", "not-a-cursor"),
    "a cursor of foreign signs": asked("cursor=%00%0d%0a", "/cursor", "string-pattern-mismatch"),
    "an id that is none": Bad(
        422, "invalid-input", [("/patient_id", "uuid-parsing")], "staff", "GET", "/v1/staff/patients/1%20or%201=1",
        headers={},
    ),
    "the token in the address": got(401, "token-in-url", f"/v1/me?access_token={CANARY}"),
    "the token in the address, in capitals": got(401, "token-in-url", f"/v1/me?TOKEN={CANARY}"),
    "an unknown path": got(404, "not-found", f"/v1/{CANARY}", who="staff"),
    "a trailing slash": got(404, "not-found", "/v1/me/"),
    "a doubled slash": got(404, "not-found", "//v1/me"),
    "a path upwards": got(404, "not-found", "/v1/x/%2e%2e/me"),
    "the documents of other frameworks": got(404, "not-found", "/openapi.json", who="nobody"),
    "a wrong method": Bad(405, "method-not-allowed", [], "patient", "DELETE", "/v1/me", headers={}),
    "TRACE": Bad(405, "method-not-allowed", [], "patient", "TRACE", "/v1/me", headers={}),
    "an override of the method": Bad(
        405, "method-not-allowed", [], "patient", "POST", "/v1/me", headers={"x-http-method-override": "GET"},
    ),
    "an address too long": got(413, "too-large", f"/v1/me?a={'a' * LONGEST_URL}"),
    # media types
    "plain text": Bad(415, "unsupported-media-type", body=visit(), headers={"content-type": "text/plain"}),
    "no media type": Bad(415, "unsupported-media-type", body=visit(), headers={}),
    "a form": Bad(415, "unsupported-media-type", body=b"starts_at=a", headers=dict(FORM)),
    "a multipart": Bad(
        415, "unsupported-media-type", body=visit(), headers={"content-type": "multipart/form-data; boundary=a"},
    ),
    "JSON where a form is due": Bad(
        415, "unsupported-media-type", [], "nobody", "POST", "/v1/auth/partner/token", b"{}",
    ),
    "a multipart where a form is due": Bad(
        415, "unsupported-media-type", [], "nobody", "POST", "/v1/auth/partner/token", b"--a--",
        {"content-type": "multipart/form-data; boundary=a"},
    ),
    "a field twice": token_form(GRANT + "&client_secret=t", "/client_secret", "given-twice"),
    "an unknown field": token_form(GRANT + f"&scope={CANARY}", "/scope", "extra-forbidden"),
    "another grant": token_form(GRANT.replace("client_credentials", "password"), "/grant_type", "literal-error"),
    "a client that is no id": token_form(GRANT.replace("0190a0a0", CANARY), "/client_id", "uuid-parsing"),
    # headers
    "two Authorization headers": got(401, "not-signed-in", who="twice"),
    "a scheme we do not speak": got(401, "not-signed-in", who="nobody", authorization=f"Basic {CANARY}"),
    "a token with a blank": got(401, "not-signed-in", who="nobody", authorization="Bearer a b"),
    "no token": got(401, "not-signed-in", who="nobody", authorization="Bearer "),
    "a token forwarded by somebody": got(401, "not-signed-in", who="nobody", x_forwarded_authorization="Bearer a"),
    "a token in a cookie": got(401, "not-signed-in", who="nobody", cookie="access_token=a"),
    "a wrong Host": got(400, "malformed-request", host="evil.example"),
    "a Host that begins like ours": got(400, "malformed-request", host="127.0.0.1.evil.example"),
    "an empty Host": got(400, "malformed-request", host=""),
    "a huge header": got(413, "too-large", x_much="a" * LARGEST_HEADERS),
    "many headers": got(413, "too-large", **{f"x-{n}": "a" for n in range(MOST_HEADERS)}),
    # sync batches
    "no rows": Bad(422, "invalid-input", [("/items", "too-short")], "partner", path=SYNC, body=b'{"items": []}'),
    "rows that are no objects": Bad(
        422, "invalid-input", [("/items/0", "dict-type")], "partner", path=SYNC, body=b'{"items": [1]}',
    ),
    "too many rows": Bad(
        422, "invalid-input", [("/items", "too-long")], "partner", path=SYNC,
        body=b'{"items": [' + b"{}," * 1000 + b"{}]}",
    ),
}  # fmt: skip


async def state(world: World) -> list[int]:
    """How many rows each table that these requests could touch holds, over all clinics."""
    tables = ["patient", "appointment", "event", "session", "code_challenge", "link_code", "account"]
    async with world.database.sweeping() as sweeping:
        counts = [await sweeping.execute(text(f"select count(*) from {table}")) for table in tables]  # noqa: S608
    return [int(count.scalar_one()) for count in counts]


async def answered(world: World, bad: Bad) -> httpx.Response:
    tokens = {"staff": world.here.staff, "patient": world.here.patient, "partner": world.here.partner}
    headers = [*tokens.get(bad.who, {}).items(), *bad.headers.items()]
    if bad.who == "twice":
        headers += [*world.here.patient.items()] * 2
    path = bad.path.replace("{patient}", str(world.here.patient_id))
    return await world.http.request(bad.method, path, headers=headers, content=bad.body)


def wrong_with(bad: Bad, answer: httpx.Response) -> str:
    """What is not as it must be in the answer to a bad request; empty where all is."""
    if answer.headers["content-type"] != "application/problem+json":
        return f"{answer.status_code} is no problem: {answer.text[:200]}"
    problem = answer.json()
    if (answer.status_code, problem["code"]) != (bad.status, bad.code):
        return f"is {answer.status_code} {problem['code']} {problem['errors']}, not {bad.status} {bad.code}"
    pointers = [(fault["pointer"], fault["code"]) for fault in problem["errors"]]
    if bad.pointers and pointers != bad.pointers:
        return f"points at {pointers}, not at {bad.pointers}"
    if not problem["type"].endswith(f"/{bad.code}") or problem["request_id"] != answer.headers["x-request-id"]:
        return "its type or request id is wrong"
    return "says the value back" if CANARY in answer.text else ""


async def test_bad_input_gets_its_problem_and_changes_nothing(world: World) -> None:
    wrong, before = {}, await state(world)
    for name, bad in BAD.items():
        said = wrong_with(bad, await answered(world, bad))
        after = await state(world)
        if said or after != before:
            wrong[name] = said or f"changed the rows from {before} to {after}"
        before = after
    assert wrong == {}


def test_the_table_is_about_requests_that_would_pass_otherwise() -> None:
    assert {bad.status for bad in BAD.values()} == {400, 401, 404, 405, 413, 415, 422}


async def test_the_same_requests_without_the_fault_are_taken(world: World) -> None:
    good = Bad(201, "", body=visit(service="Hygiene (1e400, \\ud800) [[[["))
    assert (await answered(world, good)).status_code == 201
    page = await world.get("/v1/me/appointments?limit=1", world.here.patient)
    assert page.status_code == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_the_scheme_is_read_without_regard_to_case(world: World, scheme: str) -> None:
    answer = await world.get("/v1/me", {"authorization": f"{scheme} {world.here.patient_token}"})
    assert answer.status_code == 200


async def test_a_wrong_method_is_told_every_right_one(world: World) -> None:
    answer = await world.http.patch("/v1/me", headers=world.here.patient)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    several = await world.http.patch("/v1/me/devices/push", headers=world.here.patient)
    assert several.status_code == 405
    assert {"PUT", "DELETE"} <= set(several.headers["allow"].split(", "))


@pytest.mark.parametrize(("path", "who"), [(BOOK, "staff"), (SYNC, "partner"), ("/v1/auth/otp", "nobody")])
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
async def test_fifty_megabytes_are_refused_before_they_are_read(
    world: World, path: str, who: str, chunked: bool
) -> None:
    sent = 0

    async def much() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(50):
            sent += 1
            yield b" " * 2**20

    headers = {**({"staff": world.here.staff, "partner": world.here.partner}.get(who, {})), **JSON}
    if not chunked:
        headers["content-length"] = str(50 * 2**20)
    before = await state(world)
    answer = await world.http.post(path.format(patient=world.here.patient_id), headers=headers, content=much())
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert await state(world) == before


def numbers_in_addresses() -> list[tuple[str, ModelField]]:
    """Every whole number that stands in a path or a query, and whose it is."""
    return [
        (f"{context.path} {field.alias}", field)
        for context in described_routes(bare_app(None))
        for field in _in_address(cast("APIRoute", context.route).dependant)
        if int in (field.field_info.annotation, *get_args(field.field_info.annotation))
    ]


def _in_address(takes: Dependant) -> Iterator[ModelField]:
    yield from (*takes.path_params, *takes.query_params)
    for needed in takes.dependencies:
        yield from _in_address(needed)


def test_a_number_in_an_address_has_one_spelling() -> None:
    found = numbers_in_addresses()
    assert len(found) > 20
    for name, number in found:
        for spelling in ("1.0", "+1", "01", " 1", "1_0"):
            _, errors = number.validate(spelling, {}, loc=("query", number.alias))
            assert errors, f"{name} takes {spelling!r}"


async def test_a_cursor_is_good_for_its_owner_and_its_list_only(world: World) -> None:
    for party in (world.here, world.there):
        for hour in (8, 9, 10):
            path = f"/v1/staff/patients/{party.patient_id}/appointments"
            body = {"starts_at": f"{AHEAD}T{hour:02d}:00:00Z", "ends_at": f"{AHEAD}T{hour:02d}:30:00Z"}
            assert (await world.post(path, party.staff, body)).status_code == 201
    page = await world.get("/v1/me/appointments?limit=2", world.here.patient)
    cursor = page.json()["next_cursor"]
    rest = await world.get(f"/v1/me/appointments?limit=2&cursor={cursor}", world.here.patient)
    assert (len(page.json()["items"]), len(rest.json()["items"]), rest.json()["next_cursor"]) == (2, 1, None)
    stolen = await world.get(f"/v1/me/appointments?cursor={cursor}", world.there.patient)
    assert (stolen.status_code, stolen.json()["errors"]) == (422, [{"pointer": "/cursor", "code": "not-a-cursor"}])
    bent = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    assert (await world.get(f"/v1/me/appointments?cursor={bent}", world.here.patient)).status_code == 422
    for other in ("/v1/me/notices", "/v1/me/pictures"):
        strayed = await world.get(f"{other}?cursor={cursor}", world.here.patient)
        assert (strayed.status_code, strayed.json()["code"]) == (422, "invalid-input"), f"{other} of the same owner"


async def test_a_doubled_name_inside_a_batch_is_refused_for_both_rows(world: World) -> None:
    row = {"external_id": "twin", "version": 1, "branch": "Centro", "given_name": "Anna", "family_name": "Rossi",
           "birth_date": "1985-05-17"}  # fmt: skip
    before = await state(world)
    answer = await world.post(SYNC, world.here.partner, {"items": [row, {**row, "given_name": "Other"}]})
    assert answer.status_code == 200
    assert answer.json()["created"] == 0
    assert [(each["index"], each["errors"]) for each in answer.json()["refusals"]] == [
        (index, [{"pointer": "/external_id", "code": "given-twice"}]) for index in (0, 1)
    ]
    assert await state(world) == before


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_problem_is_told_in_the_language_asked_for(world: World, language: str) -> None:
    answer = await world.get("/v1/me", {"accept-language": f"{language}-XX, en;q=0.1"})
    assert answer.headers["content-language"] == language
    assert answer.json()["detail"] == wordings()["not-signed-in"][language]


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"), ("*", "en"), ("de", "en"), ("de, it", "it"), ("zh-Hans-CN", "zh"), ("IT", "it"), ("," * 400, "en"),
        ("it;q=0.2, ru;q=0.9", "ru"), ("it; q=0.2, ru ; q=0.9", "ru"), ("it;q=0", "en"), ("it;q=x, ru", "ru"),
        ("it;q=nan", "en"),
    ],
)  # fmt: skip
def test_a_language_is_chosen_by_weight(accept: str, language: str) -> None:
    assert language_of(accept) == language


@given(st.text())
def test_no_header_makes_the_choice_of_a_language_stumble(accept: str) -> None:
    assert language_of(accept) in LANGUAGES


async def test_every_answer_is_kept_out_of_caches_and_frames(world: World) -> None:
    for answer in (
        await world.get("/v1/me", world.here.patient),
        await world.get("/v1/me", {}),
        await world.get("/v1/me", {"host": "evil.example"}),
        await world.get("/health/live", {}),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "Authorization" in answer.headers["vary"]
        assert len(answer.headers["x-request-id"]) == 16


async def test_no_foreign_origin_is_let_in(world: World) -> None:
    answer = await world.get("/v1/me", {**world.here.patient, "origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_failure_of_ours_says_nothing_but_its_number(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise ValueError(CANARY)

    ports = type("PortsWithout", (), {"keys": Broken(), "database": Broken(), "texts": Broken()})()
    transport = httpx.ASGITransport(app=create_app(ports, {"127.0.0.1"}), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        answer = await client.get("/v1/me", headers=world.here.patient)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert CANARY not in answer.text + caplog.text
    assert answer.json()["request_id"] in caplog.text


async def test_a_lost_connection_is_a_passing_trouble(world: World, postgres: EmbeddedPostgres) -> None:
    owner = await asyncpg.connect(postgres.url("enamel_test"))
    ours = "from pg_stat_activity where application_name = 'enamel:enamel_app'"
    assert await owner.fetchval(f"select count(pg_terminate_backend(pid)) {ours}") > 0
    await owner.close()
    answers = [await world.get("/v1/me", world.here.patient) for _ in range(12)]
    assert answers[-1].status_code == 200
    troubled = [answer for answer in answers if answer.status_code != 200]
    assert troubled, "the connections were lost"
    for answer in troubled:
        assert (answer.status_code, answer.json()["code"]) == (503, "temporarily-unavailable")
        assert answer.headers["retry-after"] == "2"


signs = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**19) + 1, 10**19) | st.text(signs),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(signs), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_honest_json_is_read_as_the_standard_parser_reads_it(value: Any) -> None:
    for ascii_only in (True, False):
        assert strict_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary() | st.text().map(lambda given_: given_.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        strict_json(body)
    except Malformed:
        return
    json.loads(body)
