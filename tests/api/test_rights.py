"""Who may call what, for every operation there is: generated from the routes, so a new one joins by itself.

Three questions: is anything open that is not meant to be; does a token open another door than its own; and is
somebody else's id answered exactly like one that does not exist.
"""

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import text
from sqlmodel import SQLModel
from starlette.routing import WebSocketRoute

from api.app import bare_app
from chat.pace import Pace
from tests.api.foreign import IDS, Ids, patients
from tests.api.said_of_foreign import BODIES, FILE, FILES, FORMS, QUERIES, RAW_BODIES, WORDS
from tests.world import World

# No token needed: one proves who one is here, or the address itself is the proof (a signed link).
PUBLIC = {
    "requestCode", "openSession", "renewSession", "openStaffSession", "issuePartnerToken", "live", "ready",
    "fetchPicture", "lookAtPicture", "lookAtSeriesSheet", "fetchSeriesSheet",
    "showPayLink", "payByLink", "hearPayments", "payPrintedPage",
    "fetchCalendar", "confirmChatDelivered", "getAppStart",
    "hearTelephone", "showSurvey", "answerByLink", "hearLine", "askLine", "followLink", "showStop", "stopByLink",
}  # fmt: skip
DOORS = {"/v1/me": "patient", "/v1/patients": "patient", "/v1/staff": "staff", "/v1/partner": "partner"}


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    method: str
    path: str
    has_body: bool

    @property
    def door(self) -> str:
        return next(who for prefix, who in DOORS.items() if re.match(rf"{prefix}(/|$)", self.path))

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def ids(self) -> list[str]:
        return [name for name in self.parameters if name not in WORDS]


def operations() -> list[Operation]:
    found = []
    for route in iter_route_contexts(bare_app(None).routes):
        if isinstance(route.original_route, APIRoute):
            assert route.path is not None
            name = route.original_route.operation_id or str(route.name)
            has_body = route.original_route.body_field is not None
            found += [Operation(name, method, route.path, has_body) for method in sorted(route.methods or ())]
    return found


ALL = operations()
GUARDED = [operation for operation in ALL if operation.name not in PUBLIC]
WITH_IDS = [operation for operation in GUARDED if operation.ids]


def named(operation: Operation) -> str:
    return operation.name


async def called(
    world: World, operation: Operation, token: dict[str, str], values: dict[str, str], host: str = ""
) -> httpx.Response:
    world.ports.hub.pace = Pace()  # nobody is too fast here
    path = operation.path.format(**{**WORDS, **values})
    options: dict[str, Any] = {"headers": {**token, **({"host": host} if host else {})}}
    options["params"] = QUERIES.get(operation.name, {})
    if operation.name in RAW_BODIES:
        options["headers"] = {**options["headers"], "content-type": "application/octet-stream"}
        options["content"] = RAW_BODIES[operation.name]
    elif operation.name in FORMS:
        options |= {"data": FORMS[operation.name], "files": FILES.get(operation.name, FILE)}
    elif operation.has_body:
        options["json"] = BODIES.get(operation.name, {})
    return await world.http.request(operation.method, path, **options)


def token_of(world: World, who: str) -> dict[str, str]:
    return {"patient": world.here.patient, "staff": world.here.staff, "partner": world.here.partner}[who]


async def known_ids(world: World, operation: Operation) -> dict[str, Ids]:
    owners = {name: IDS.get(f"{operation.name} {name}", IDS[name]) for name in operation.ids}
    return {name: await owner(world, operation.door) for name, owner in owners.items()}


async def rows(world: World) -> dict[str, int]:
    """How many rows every table holds, over all clinics."""
    names = [table.name for table in SQLModel.metadata.sorted_tables]
    counts = " union all ".join(f"select '{name}', count(*) from {name}" for name in names)  # noqa: S608
    async with world.database.sweeping() as sweeping:
        return {row[0]: row[1] for row in await sweeping.execute(text(counts))}


def test_the_routes_are_found() -> None:
    assert len(ALL) >= 40
    assert len(WITH_IDS) >= 15
    assert {operation.name for operation in ALL if operation.name in PUBLIC} == PUBLIC
    sockets = [each.path for each in iter_route_contexts(bare_app(None).routes) if _is_socket(each.original_route)]
    assert sockets == [], "sockets are not spoken through the framework: see api.sockets, and tests of its own"


def _is_socket(route: object) -> bool:
    return isinstance(route, WebSocketRoute)


def test_every_operation_stands_behind_one_door() -> None:
    lost = [f"{each.method} {each.path}" for each in GUARDED if not any(each.path.startswith(door) for door in DOORS)]
    assert lost == [], f"neither public nor below one of {sorted(DOORS)}"


def test_every_path_parameter_has_somebody_who_owns_one() -> None:
    unknown = {name: each.path for each in GUARDED for name in each.ids if name not in IDS}
    assert unknown == {}, "add who owns such an id to tests/api/foreign.py: IDS, or WORDS if it names no row"


def test_every_body_of_an_operation_with_ids_is_known() -> None:
    unknown = [each.name for each in WITH_IDS if each.has_body and each.name not in {*BODIES, *FORMS, *RAW_BODIES}]
    assert unknown == [], "add a body that would be taken to tests/api/foreign.py: BODIES or FORMS"


async def test_nothing_is_open_without_a_token_or_with_the_token_of_another_door(world: World) -> None:
    wrong, before = {}, await rows(world)
    for operation in GUARDED:
        values = dict.fromkeys(operation.ids, str(world.here.patient_id))
        tokens = {who: token_of(world, who) for who in ("patient", "staff", "partner") if who != operation.door}
        for who, token in {"nobody": {}, "a liar": {"authorization": "Bearer a.b.c"}, **tokens}.items():
            answer = await called(world, operation, token, values)
            if answer.status_code != 401:
                wrong[f"{operation.name} as {who}"] = answer.status_code
    assert wrong == {}
    assert await rows(world) == before


async def test_nothing_is_open_with_the_token_of_somebody_who_left(world: World) -> None:
    """Signed out, dismissed, revoked: the token is in time, but nobody stands behind it any more."""
    values = {name: (await IDS[name](world, "staff")).own for name in IDS}
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update session set revoked_at = now()"))
        await sweeping.execute(text("update partner_app set revoked_at = now()"))
    wrong, before = {}, await rows(world)
    for operation in GUARDED:
        answer = await called(world, operation, token_of(world, operation.door), values)
        if answer.status_code != 401:
            wrong[operation.name] = f"{answer.status_code} {answer.text[:100]}"
    assert wrong == {}
    assert await rows(world) == before


@pytest.mark.parametrize("operation", WITH_IDS, ids=named)
async def test_somebody_elses_id_is_answered_like_one_that_does_not_exist(world: World, operation: Operation) -> None:
    known = await known_ids(world, operation)
    own = {name: each.own for name, each in known.items()}
    token = token_of(world, operation.door)
    before = await rows(world)
    for name, each in known.items():
        absent = _told(await called(world, operation, token, {**own, name: each.absent}), each.absent)
        assert absent[0] == 404, f"an id that nobody has was answered {absent}"
        for foreign in each.foreign:
            answer = await called(world, operation, token, {**own, name: foreign})
            assert _told(answer, foreign) == absent, f"{name} of somebody else"
    assert await rows(world) == before, "a refused call left something behind"
    mine = await called(world, operation, token, own)
    assert mine.status_code < 300, f"our own id was refused, so nothing was proved: {mine.text}"


def _told(answer: httpx.Response, asked: str) -> tuple[int, dict[str, str], str]:
    """All that can be learnt from an answer: status, headers and body, but for the request's own number."""
    request_id = answer.headers["x-request-id"]
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "content-length")}
    return answer.status_code, headers, answer.text.replace(request_id, "").replace(asked, "ASKED")


async def test_staff_without_permissions_is_refused_whatever_the_id(world: World) -> None:
    """A refusal does not tell whether the patient exists."""
    known = await patients(world, "staff")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array[]::text[]"))
    told: dict[str, set[int]] = {}
    for operation in (each for each in WITH_IDS if each.door == "staff" and each.ids == ["patient_id"]):
        for value in (known.own, *known.foreign, known.absent):
            answer = await called(world, operation, world.here.staff, {"patient_id": value})
            told.setdefault(operation.name, set()).add(answer.status_code)
    assert told
    assert {name: codes for name, codes in told.items() if codes not in ({403}, {404})} == {}


async def test_lists_and_searches_stop_at_the_clinics_door(world: World) -> None:
    """Two clinics hold the same phone number; each finds its own patient only."""
    shared = {
        "external_id": "both", "version": 1, "branch": "Centro", "given_name": "Both", "family_name": "Rossi",
        "birth_date": "1985-05-17", "phone": "+390255533333",
    }  # fmt: skip
    found = {}
    for party in (world.here, world.there):
        await world.post("/v1/partner/sync/patients", party.partner, {"items": [shared]})
    for party in (world.here, world.there):
        answer = await world.http.get("/v1/staff/patients", headers=party.staff, params={"phone": "+390255533333"})
        found[party.clinic_id] = [item["patient_id"] for item in answer.json()["items"]]
    assert [len(each) for each in found.values()] == [1, 1]
    assert found[world.here.clinic_id] != found[world.there.clinic_id]
