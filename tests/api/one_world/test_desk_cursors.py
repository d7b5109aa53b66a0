"""Where a desk that is tied to branches goes on from: what never was its own, or another database's, is no reason to
begin anew.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from chat.wakeups import MemoryWakeups
from core.ids import new_id
from tests.api.chat_cast import Person, a_colleague, a_patient
from tests.node import greeted, node
from tests.world import World

INBOX = "/v1/staff/conversations"
SWEEP = 0.1
# A cluster that has counted that far is years old.
FAR = "update staff set tied_xid = cast('5000000000' as xid8) where id = :id"


@pytest.fixture(scope="module")
def address(world: World, migrated: str) -> Iterator[str]:
    with node(world, migrated, MemoryWakeups(), sweep_seconds=SWEEP) as here:
        yield here


async def synced(world: World, who: Person, cur: str | None = None) -> dict[str, Any]:
    asked = {"wait": "0"} if cur is None else {"wait": "0", "cur": cur}
    page: dict[str, Any] = (await world.get(f"{INBOX}/sync", who.headers, params=asked)).json()
    return page


async def resumed(world: World, address: str, who: Person, cur: str) -> tuple[bool, bool]:
    """Whether all that changed since is told, by a request and to a socket."""
    async with greeted(address, who.token, cur=cur) as (_, welcome):
        return (await synced(world, who, cur))["whole"], welcome["whole"]


async def said(world: World, path: str, who: dict[str, str]) -> str:
    answer = await world.post(path, who, {"client_id": str(new_id()), "body": "Posso venire?"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation_id"])


async def wrote(world: World, person: Person) -> str:
    return await said(world, "/v1/me/conversation/messages", person.headers)


async def sorted_into(world: World, c: str, branch_id: UUID, priority: int = 0) -> None:
    body = {"priority": priority, "branch_id": str(branch_id)}
    answer = await world.http.put(f"{INBOX}/{c}/sorting", headers=world.here.staff, json=body)
    assert answer.status_code == 200, answer.text


async def test_a_tie_of_a_database_that_counted_further_holds_nobody_up(world: World, address: str) -> None:
    """The row came with a dump."""
    who = await a_colleague(world, branch_ids=[world.here.branch_id])
    async with greeted(address, who.token) as (sits, _):
        async with world.database.sweeping() as sweeping:
            await sweeping.execute(text(FAR), {"id": who.id})
        assert await sits.closed() == 1012, "its branches were said in another transaction than it knows"
    cur = (await synced(world, who))["cur"]
    assert await resumed(world, address, who, cur) == (True, True)
    async with greeted(address, who.token, cur=cur) as (sits, _):
        for _ in range(5):
            c = await wrote(world, await a_patient(world))
            while (await sits.hear("inbox"))["c"] != c:  # only the sweep brings it
                pass


async def test_cases_of_another_branch_take_nothing_from_a_desk_that_never_had_them(
    world: World, address: str, nord: UUID
) -> None:
    of_nord, centro = await a_colleague(world, branch_ids=[nord]), world.here.branch_id
    cur = (await synced(world, of_nord))["cur"]
    c = await wrote(world, await a_patient(world))
    assert await resumed(world, address, of_nord, cur) == (True, True), "it began with a case of the other branch"
    cur = (await synced(world, of_nord))["cur"]
    await sorted_into(world, c, centro, priority=2)
    assert await resumed(world, address, of_nord, cur) == (True, True), "and went on there"


async def test_what_was_in_reach_for_a_while_is_lost_however_it_went_on(world: World, address: str, nord: UUID) -> None:
    of_nord, centro = await a_colleague(world, branch_ids=[nord]), world.here.branch_id
    c = await wrote(world, await a_patient(world))
    before = (await synced(world, of_nord))["cur"]
    await sorted_into(world, c, nord)
    between = (await synced(world, of_nord))["cur"]
    await sorted_into(world, c, centro)
    after = (await synced(world, of_nord))["cur"]
    await sorted_into(world, c, centro, priority=1)
    found = [await resumed(world, address, of_nord, cur) for cur in (before, between, after)]
    assert found == [(False, False), (False, False), (True, True)]
    given = {"staff_id": str(of_nord.id)}
    assert (await world.http.put(f"{INBOX}/{c}/assignment", headers=world.here.staff, json=given)).status_code == 200, (
        "theirs, in whatever branch"
    )
    theirs = (await synced(world, of_nord))["cur"]
    await world.http.put(f"{INBOX}/{c}/assignment", headers=world.here.staff, json={"staff_id": None})
    assert await resumed(world, address, of_nord, theirs) == (False, False)


async def test_what_had_no_case_was_in_everybodys_reach_until_its_first(world: World, address: str, nord: UUID) -> None:
    of_nord, pia = await a_colleague(world, branch_ids=[nord]), await a_patient(world)
    c = await said(world, f"/v1/staff/patients/{pia.id}/messages", world.here.staff)
    page = await synced(world, of_nord)
    assert c in [state["conversation_id"] for state in page["changed"]]
    await wrote(world, pia)
    assert await resumed(world, address, of_nord, page["cur"]) == (False, False)
