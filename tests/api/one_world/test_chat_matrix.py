"""Who may say what: every role by every frame a client has in the AsyncAPI document, and by its twin without a socket.

A frame that is added to the document and not to the table fails here; so does a role without an answer.
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chat.conversation import Side
from clinic.commands import take_patients
from clinic.household import AccessScope
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import end_session
from identity.permissions import PRESETS, Permission
from identity.sign_in import Audience
from tests.api.chat_cast import Person, a_carer, a_colleague, a_patient
from tests.api.household import aged
from tests.enamel.test_erasing import confirmed, erased
from tests.frames_seen import document, names
from tests.node import Phone, dialled, greeted
from tests.world import World, patient_fact

# What comes back to who sits there, by their role towards the conversation; `-`: nothing.
MATRIX = """
frame        own                guardian           of-teen            stranger    narrow            desk           branch     elsewhere
hello        welcome            welcome            welcome            welcome     welcome           welcome        welcome    welcome
auth         auth               auth               auth               auth        auth              auth           auth       auth
send/msg     ack                ack                ack                not-found   access-too-narrow ack            not-found  not-found
send/edit    ack                ack                ack                not-found   access-too-narrow ack            not-found  not-found
send/react   ack                ack                ack                not-found   access-too-narrow ack            not-found  not-found
send/form    ack                ack                ack                not-found   access-too-narrow invalid-input  not-found  not-found
send/del     ack                ack                ack                not-found   access-too-narrow ack            not-found  not-found
sync/s       page               page               page               not-found   access-too-narrow page           not-found  not-found
sync/back    page               page               page               not-found   access-too-narrow page           not-found  not-found
sync/p       not-found          not-found          not-found          not-found   not-found         page           not-found  not-found
mark         -                  -                  -                  not-found   access-too-narrow -              not-found  not-found
typing       -                  -                  -                  not-found   access-too-narrow -              not-found  not-found
focus        -                  -                  -                  -           -                 -              -          -
watch        not-allowed        not-allowed        not-allowed        not-allowed not-allowed       -              not-found  not-found
ping         pong               pong               pong               pong        pong              pong           pong       pong
pong         -                  -                  -                  -           -                 -              -          -
"""  # noqa: E501  a table
OF_STAFF = {"desk", "branch", "elsewhere"}
SEATLESS = {
    "may not reply": 403, "partner": 401, "signed out": 401, "staff signed out": 401, "left": 401, "erased": 401,
    "nobody": 401,
}  # fmt: skip
FRAMES: dict[str, dict[str, Any]] = {
    "hello": {}, "auth": {}, "focus": {"on": False}, "ping": {}, "pong": {}, "typing": {},
    "send/msg": {"op": "msg", "body": "Ciao"}, "send/edit": {"op": "edit", "body": "Ciao!"},
    "send/react": {"op": "react", "react": "👍"}, "send/del": {"op": "del"},
    "send/form": {"op": "form", "form": {"starter": "pain", "answers": [{"key": "where", "value": "a destra"}]}},
    "sync/s": {"log": "s", "after": 0}, "sync/back": {"log": "s", "before": 5}, "sync/p": {"log": "p", "after": 0},
    "mark": {"dlv": 1, "read": 1}, "watch": {"on": True},
}  # fmt: skip
_HEADER, *_ROWS = MATRIX.strip().splitlines()
ROLES = _HEADER.split()[1:]
TABLE = {line.split()[0]: dict(zip(ROLES, line.split()[1:], strict=True)) for line in _ROWS}


@dataclass(frozen=True, slots=True)
class Cast:
    """The conversation that all speak of, everybody by their role, and who has no seat at all by their token."""

    c: str
    patient: Person
    teens: str
    teen: UUID
    people: dict[str, Person]
    seatless: dict[str, str]
    about: UUID

    def named(self, role: str) -> str:
        return self.teens if role == "of-teen" else self.c


@pytest.fixture(scope="module")
async def cast(world: World, nord: UUID) -> Cast:
    party, talks = world.here, {AccessScope.CHAT}
    async with world.database.writing(party.scope) as writing:
        fact = patient_fact("teen", "Emma", None, aged(15))
        ((teen,), _) = await take_patients(writing, party.clinic_id, "mis", [(0, fact)], SYSTEM, now())
    patient = await a_patient(world, born=aged(10))
    people = {
        "own": patient,
        "guardian": await a_carer(world, patient.id, talks),
        "of-teen": await a_carer(world, teen.id, talks),
        "stranger": await a_patient(world),
        "narrow": await a_carer(world, patient.id, {AccessScope.VIEW_DOCUMENTS}),
        "desk": await a_colleague(world, branch_ids=[party.branch_id]),
        "branch": await a_colleague(world, branch_ids=[nord]),
    }
    there = world.keys.tokens.verify(world.there.staff_token, Audience.STAFF, now())
    people["elsewhere"] = Person(world.there.staff_id, there.subject_id, there.session_id, world.there.staff_token)
    body = {"client_id": str(new_id()), "body": "Posso venire?"}
    c = (await world.post("/v1/me/conversation/messages", patient.headers, body)).json()["conversation_id"]
    teens = (await world.post(f"/v1/staff/patients/{teen.id}/messages", party.staff, body)).json()["conversation_id"]
    return Cast(c, patient, teens, teen.id, people, await _seatless(world), patient.id)


async def _seatless(world: World) -> dict[str, str]:
    """Everybody whose token opens nothing any more, or never did."""
    out, colleague, gone = await a_patient(world), await a_colleague(world), await a_colleague(world)
    async with world.database.writing(world.here.scope) as writing:
        for each in (out, colleague):
            await end_session(writing, each.account_id, each.session_id, now())
        await writing.execute(text("update staff set left_at = now() where id = :id"), {"id": gone.id})
    once = await a_patient(world)
    await confirmed(world, once.id)
    await erased(world)
    mute = await a_colleague(world, PRESETS["owner"] - {Permission.REPLY})
    return {
        "may not reply": mute.token, "partner": world.here.partner_token, "signed out": out.token,
        "staff signed out": colleague.token, "left": gone.token, "erased": once.token, "nobody": "",
    }  # fmt: skip


def test_the_table_has_every_frame_of_the_document_and_every_op() -> None:
    said = {kind for speaker, kind in names() if speaker == "client"}
    assert {frame.partition("/")[0] for frame in TABLE} == said
    ops = document()["components"]["messages"]["send"]["payload"]["properties"]["op"]["enum"]
    assert {frame.partition("/")[2] for frame in TABLE if frame.startswith("send/")} == set(ops)
    logs = document()["components"]["schemas"]["log"]["enum"]
    assert {frame.partition("/")[2] for frame in TABLE if frame.startswith("sync/")} == {*logs, "back"}
    assert TABLE.keys() == FRAMES.keys()


async def written(world: World, cast: Cast, role: str) -> int:
    """The number of a message that this role may change, if it may any; else of the first."""
    body, who = {"client_id": str(new_id()), "body": "Da cambiare"}, cast.people[role]
    if TABLE["send/edit"][role] != "ack":
        return 1
    path = {
        "own": "/v1/me/conversation/messages", "guardian": f"/v1/patients/{cast.about}/conversation/messages",
        "of-teen": f"/v1/patients/{cast.teen}/conversation/messages",
        "desk": f"/v1/staff/patients/{cast.about}/messages",
    }[role]  # fmt: skip
    seq: int = (await world.post(path, who.headers, body)).json()["seq"]
    return seq


def frame_of(frame: str, cast: Cast, role: str, seq: int) -> dict[str, Any]:
    kind, _, op = frame.partition("/")
    told: dict[str, Any] = {"t": kind, **FRAMES[frame]}
    if kind == "hello":
        return {**told, "tok": cast.people[role].token}
    if kind == "auth":
        return {**told, "tok": cast.people[role].token}
    if kind not in ("ping", "pong", "focus"):
        told["c"] = cast.named(role)
    if kind == "send":
        told["id"] = str(new_id())
    return {**told, "seq": seq} if op in ("edit", "react", "del") else told


async def answer_of(phone: Phone, told: dict[str, Any]) -> str:
    """The kind of what comes back, or the code of the refusal; `-` where nothing comes."""
    await phone.raw(json.dumps(told))
    if told["t"] == "ping":
        return str((await phone.hear("pong"))["t"])
    await phone.say("ping")
    found = "-"
    while (heard := await phone.hear())["t"] != "pong":
        if heard["t"] in ("ack", "page", "auth", "nak"):
            found = heard.get("code", heard["t"])
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_every_frame_of_a_role_over_the_socket(world: World, here: str, cast: Cast, role: str) -> None:
    seq, found = await written(world, cast, role), {}
    for frame in TABLE:
        if frame == "hello":
            async with greeted(here, cast.people[role].token) as (_, welcome):
                found[frame] = str(welcome["t"])
            continue
        async with greeted(here, cast.people[role].token) as (phone, _):  # a pace of its own
            found[frame] = await answer_of(phone, frame_of(frame, cast, role, seq))
    assert found == {frame: answers[role] for frame, answers in TABLE.items()}


async def twin(world: World, cast: Cast, role: str, frame: str, seq: int, headers: dict[str, str]) -> httpx.Response:
    """The same as a request."""
    kind, _, op = frame.partition("/")
    is_staff = role in OF_STAFF
    record = cast.teen if role == "of-teen" else cast.about
    own = "/v1/me/conversation" if role == "own" else f"/v1/patients/{record}/conversation"
    root = f"/v1/staff/conversations/{cast.c}" if is_staff else own
    name, what = str(new_id()), FRAMES[frame]
    message = f"{root}/messages/{seq}"
    requests: dict[str, tuple[str, str, Any]] = {
        "msg": ("POST", f"/v1/staff/patients/{cast.about}/messages" if is_staff else f"{root}/messages", {
            "client_id": name, "body": "Ciao"}),
        "form": ("POST", f"/v1/staff/patients/{cast.about}/messages" if is_staff else f"{root}/messages", {
            "client_id": name, "form": what.get("form")}),
        "edit": ("PATCH", message, {"client_id": name, "body": "Ciao!"}),
        "react": ("PUT", f"{message}/reaction", {"client_id": name, "emoji": "👍"}),
        "del": ("DELETE", f"{message}?client_id={name}", None), "s": ("GET", f"{root}/events?after=0", None),
        "back": ("GET", f"{root}/events?before=5", None), "p": ("GET", f"{root}/events?log=p", None),
        "mark": ("PUT", f"{root}/marks", {"delivered": 1, "read": 1}), "typing": ("POST", f"{root}/typing", None),
    }  # fmt: skip
    method, path, body = requests[op or kind]
    return await world.http.request(method, path, headers=headers, json=body)


WITH_A_TWIN = [frame for frame in TABLE if frame.partition("/")[0] in ("send", "sync", "mark", "typing")]
_DONE = {"ack": {200, 201}, "page": {200}, "-": {204}}


@pytest.mark.parametrize("role", ROLES)
async def test_every_frame_of_a_role_without_a_socket(world: World, cast: Cast, role: str) -> None:
    seq, wrong = await written(world, cast, role), {}
    for frame in WITH_A_TWIN:
        if frame == "sync/p" and role not in OF_STAFF:
            continue  # patients have no such parameter
        answer = await twin(world, cast, role, frame, seq, cast.people[role].headers)
        expected = TABLE[frame][role]
        is_right = answer.status_code in _DONE[expected] if expected in _DONE else answer.json().get("code") == expected
        if not is_right:
            wrong[frame] = (answer.status_code, answer.text[:200])
    assert wrong == {}


@pytest.mark.parametrize("who", SEATLESS)
async def test_who_has_no_seat_is_shown_out_whatever_they_say_and_refused_at_every_twin(
    world: World, here: str, cast: Cast, who: str
) -> None:
    token = cast.seatless[who]
    async with dialled(here) as phone:
        await phone.say("hello", tok=token)
        assert await phone.closed() == 4403
    side = Side.CLINIC if who in ("may not reply", "staff signed out", "left") else Side.PATIENT
    role = "desk" if side is Side.CLINIC else "own"
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answers = {frame: await twin(world, cast, role, frame, 1, headers) for frame in WITH_A_TWIN if frame != "sync/p"}
    refused = {answer.json()["code"] for answer in answers.values()}
    assert {answer.status_code for answer in answers.values()} == {SEATLESS[who]}, refused
    assert len(refused) == 1


@pytest.mark.parametrize("frame", [frame for frame in TABLE if frame != "hello"])
async def test_before_the_hello_nothing_is_heard(here: str, cast: Cast, frame: str) -> None:
    async with dialled(here) as phone:
        await phone.raw(json.dumps(frame_of(frame, cast, "own", 1)))
        assert await phone.closed() == 4400
