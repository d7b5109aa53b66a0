"""Who may say what over the socket: every role, every frame; what is not one's own is as what is not there."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from chat.wakeups import MemoryWakeups
from clinic.commands import grant_access
from clinic.household import AccessScope
from core.clock import now
from core.ids import new_id
from identity.permissions import PRESETS, Permission
from tests.node import Phone, dialled, greeted, node
from tests.world import Party, World

# What each frame is answered with where it may be said; None: nothing comes back to who says it.
FRAMES: dict[str, tuple[dict[str, Any], str | None]] = {
    "msg": ({"t": "send", "op": "msg", "body": "Ciao"}, "ack"),
    "edit": ({"t": "send", "op": "edit", "seq": 1, "body": "Ciao!"}, "ack"),
    "react": ({"t": "send", "op": "react", "seq": 1, "react": "👍"}, "ack"),
    "del": ({"t": "send", "op": "del", "seq": 1}, "ack"),
    "mark": ({"t": "mark", "dlv": 1, "read": 1}, None),
    "sync": ({"t": "sync", "log": "s", "after": 0, "lim": 50}, "page"),
    "back": ({"t": "sync", "log": "s", "before": 5, "lim": 50}, "page"),
    "notes": ({"t": "sync", "log": "p", "after": 0, "lim": 50}, "page"),
    "typing": ({"t": "typing"}, None),
    "watch": ({"t": "watch", "on": True}, None),
}
OF_STAFF_ALONE = {"notes", "watch"}
# By somebody else than who wrote it: it is there, but it is not theirs to change.
OF_ITS_AUTHOR = {"edit", "del"}


@pytest.fixture
def here(world: World, migrated: str) -> Iterator[str]:
    with node(world, migrated, MemoryWakeups(), sweep_seconds=3600) as address:
        yield address


async def asked(phone: Phone, frame: str, c: object) -> tuple[str, str]:
    """The kind of the answer and its code; ("", "") where nothing comes."""
    members, _ = FRAMES[frame]
    members = {**members, "c": str(c)}
    name = str(new_id())
    if members["t"] == "send":
        members["id"] = name
    await phone.say(members.pop("t"), **members)
    await phone.say("ping")
    answer = ("", "")
    while (heard := await phone.hear())["t"] != "pong":
        if heard["t"] in ("ack", "page", "nak"):
            assert heard.get("id", name) == name
            answer = (heard["t"], heard.get("code", ""))
    return answer


async def begun(world: World, party: Party, patient_id: UUID) -> UUID:
    """A conversation of this patient that the clinic began."""
    body = {"client_id": str(new_id()), "body": "Buongiorno"}
    sent = await world.post(f"/v1/staff/patients/{patient_id}/messages", party.staff, body)
    return UUID(sent.json()["conversation_id"])


def expected(frame: str, *, staff: bool) -> tuple[str, str]:
    if not staff and frame in OF_STAFF_ALONE:
        return "nak", "not-allowed" if frame == "watch" else "not-found"
    if not staff and frame in OF_ITS_AUTHOR:
        return "nak", "message-not-yours"
    return FRAMES[frame][1] or "", ""


@pytest.mark.parametrize("frame", FRAMES)
async def test_a_patient_in_their_own_conversation_and_in_nobody_elses(world: World, here: str, frame: str) -> None:
    own = await begun(world, world.here, world.here.patient_id)
    others = [
        await begun(world, world.here, world.here.other_patient_id),
        await begun(world, world.there, world.there.patient_id),
        new_id(),
    ]
    async with greeted(here, world.here.patient_token) as (phone, welcome):
        assert [line["c"] for line in welcome["changed"]] == [str(own)]
        assert await asked(phone, frame, own) == expected(frame, staff=False)
    answers = []
    for c in others:  # a socket each: what a pace keeps back would be another answer
        async with greeted(here, world.here.patient_token) as (phone, _):
            answers.append(await asked(phone, frame, c))
    if frame == "typing":  # at most one in three seconds, the others are dropped unseen
        answers = answers[:1]
        assert answers[0] in (("", ""), ("nak", "not-found"))
        return
    gone = "not-allowed" if frame == "watch" else "not-found"
    assert {code for _, code in answers} == {gone}
    assert len(set(answers)) == 1
    assert await untouched(world, others[:2])


@pytest.mark.parametrize("scopes", [{AccessScope.CHAT}, {AccessScope.VIEW_DOCUMENTS}], ids=["chat", "no chat"])
@pytest.mark.parametrize("frame", FRAMES)
async def test_a_guardian_may_what_the_access_covers(
    world: World, here: str, frame: str, scopes: set[AccessScope]
) -> None:
    party = world.here
    async with world.database.writing(party.scope) as writing:
        await grant_access(
            writing, party.clinic_id, party.account_id, party.other_patient_id, "carer", now(), scopes=scopes
        )
    own = await begun(world, party, party.patient_id)
    wards = await begun(world, party, party.other_patient_id)
    async with greeted(here, party.patient_token) as (phone, welcome):
        heard = {line["c"] for line in welcome["changed"]}
        answer = await asked(phone, frame, wards)
    if AccessScope.CHAT in scopes:
        assert heard == {str(own), str(wards)}
        assert answer == expected(frame, staff=False)
    else:
        assert heard == {str(own)}
        assert answer[0] == "nak"
        assert await untouched(world, [wards])


@pytest.mark.parametrize("role", sorted(PRESETS))
async def test_staff_of_every_role_either_has_the_desk_or_is_shown_out(world: World, here: str, role: str) -> None:
    async with world.database.writing(world.here.scope) as writing:
        held = sorted(PRESETS[role])
        await writing.execute(text("update staff set permissions = :held"), {"held": held})
    if Permission.REPLY not in PRESETS[role]:
        async with dialled(here) as phone:
            await phone.say("hello", tok=world.here.staff_token)
            assert await phone.closed() == 4403
        refused = await world.get("/v1/staff/conversations", world.here.staff)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
        return
    own = await begun(world, world.here, world.here.patient_id)
    foreign = await begun(world, world.there, world.there.patient_id)
    for frame in FRAMES:
        async with greeted(here, world.here.staff_token) as (phone, _):
            answers = [await asked(phone, frame, c) for c in (own, foreign, new_id())]
        if frame != "typing":
            assert answers == [expected(frame, staff=True), ("nak", "not-found"), ("nak", "not-found")], frame
    assert await untouched(world, [foreign])


async def untouched(world: World, conversations: list[UUID]) -> bool:
    """Nothing came to stand in them since the clinic's first message."""
    async with world.database.sweeping() as sweeping:
        statement = text("select distinct last_rev from conversation where id = any(:ids)")
        return list((await sweeping.execute(statement, {"ids": conversations})).scalars()) == [1]
