"""Link codes: one use, seven days, the last one only; and an account has one record of its own."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from clinic.commands import (
    LINK_CODE_LIFE,
    LinkCodeWrong,
    OwnRecordAlreadyLinked,
    grant_access,
    issue_link_code,
    redeem_link_code,
)
from core.clock import now
from core.database import NOBODY
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.ids import new_id
from identity.commands import account_of_phone
from tests.world import Party, World


def desk(party: Party) -> Actor:
    return Actor(ActorKind.STAFF, party.staff_id)


async def accounts(world: World, number: int) -> list[UUID]:
    async with world.database.writing(NOBODY) as writing:
        return [await account_of_phone(writing, f"+3933355500{each:02d}", now()) for each in range(number)]


async def issued(world: World, relation: str = "self", at: datetime | None = None, **of: Any) -> str:
    party: Party = of.get("party", world.here)
    patient_id = of.get("patient_id", party.other_patient_id)
    async with world.database.writing(party.scope) as writing:
        code, _ = await issue_link_code(
            writing, world.keys.secrets, party.clinic_id, patient_id, relation, desk(party), at or now()
        )
    return code


async def redeemed(
    world: World, account_id: UUID, code: str, at: datetime | None = None, party: Party | None = None
) -> UUID:
    party = party or world.here
    actor = Actor(ActorKind.PATIENT, account_id)
    async with world.database.writing(party.scope) as writing:
        return await redeem_link_code(
            writing, world.keys.secrets, party.clinic_id, account_id, code, actor, at or now()
        )


async def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    values = {"account": world.here.account_id, "patient": world.here.other_patient_id}
    async with world.database.reading(world.here.scope) as reading:
        return [tuple(row) for row in (await reading.execute(text(statement), values))]


async def opened(world: World) -> list[tuple[Any, ...]]:
    """(patient, relation) that the account of `here` may open."""
    found = "select patient_id, relation from access where account_id = :account order by granted_at, id"
    return await rows(world, found)


async def test_fifty_who_enter_one_code_at_once_open_it_once(world: World) -> None:
    people, code = await accounts(world, 50), await issued(world)
    answers = await asyncio.gather(*(redeemed(world, each, code) for each in people), return_exceptions=True)
    assert [each for each in answers if isinstance(each, UUID)] == [world.here.other_patient_id]
    assert sum(isinstance(each, LinkCodeWrong) for each in answers) == 49
    assert await rows(world, "select count(*) from access where patient_id = :patient") == [(1,)]


async def test_a_code_lives_seven_days(world: World) -> None:
    start, (late, early) = now(), await accounts(world, 2)
    code = await issued(world, at=start)
    assert timedelta(days=7) == LINK_CODE_LIFE
    with pytest.raises(LinkCodeWrong):
        await redeemed(world, late, code, start + LINK_CODE_LIFE)
    assert await redeemed(world, early, code, start + LINK_CODE_LIFE - timedelta(milliseconds=1))


async def test_a_code_is_taken_as_people_type_it(world: World) -> None:
    (person,) = await accounts(world, 1)
    code = await issued(world)
    while not {"0", "1"} <= set(code):
        code = await issued(world)
    for one in "iIlL":
        typed = f" {code[:5]}-{code[5:]} ".lower().replace("0", "o").replace("1", one)
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("update link_code set used_at = null"))
        assert await redeemed(world, person, typed) == world.here.other_patient_id


async def test_a_code_of_another_clinic_is_wrong_here(world: World) -> None:
    (person,) = await accounts(world, 1)
    code = await issued(world, party=world.there)
    with pytest.raises(LinkCodeWrong):
        await redeemed(world, person, code)
    assert await redeemed(world, person, code, party=world.there) == world.there.other_patient_id


@pytest.mark.parametrize("whose", ["foreign", "absent"])
async def test_nobody_is_invited_to_a_record_that_is_not_ours(world: World, whose: str) -> None:
    patient_id = world.there.patient_id if whose == "foreign" else new_id()
    with pytest.raises(NotFound):
        await issued(world, patient_id=patient_id)


async def test_a_new_code_makes_the_one_before_it_void_but_not_a_guardians(world: World) -> None:
    one, two, three = await accounts(world, 3)
    first, guardians, second = await issued(world), await issued(world, "carer"), await issued(world)
    with pytest.raises(LinkCodeWrong):
        await redeemed(world, one, first)
    assert await redeemed(world, two, guardians)
    assert await redeemed(world, three, second)


async def test_who_invited_whom_is_on_record(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/link-codes"
    assert (await world.post(path, world.here.staff, {"relation": "carer"})).status_code == 201
    found = await rows(world, "select patient_id, actor_kind, actor_id, facts from event where kind = 'record.invited'")
    actor = (world.here.patient_id, "staff", world.here.staff_id, {"relation": "carer"})
    assert found == [actor]


async def test_the_desk_says_whose_code_it_is(world: World) -> None:
    answer = await world.post(f"/v1/staff/patients/{world.here.patient_id}/link-codes", world.here.staff, {})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "/relation", "code": "missing"}])


async def test_a_second_record_of_ones_own_is_refused_and_the_code_stays_good(world: World) -> None:
    (person,) = await accounts(world, 1)
    code = await issued(world)
    answer = await world.post("/v1/me/link", world.here.patient, {"code": code})
    assert (answer.status_code, answer.json()["code"]) == (409, "own-record-already-linked")
    assert await opened(world) == [(world.here.patient_id, "self")]
    assert await redeemed(world, person, code) == world.here.other_patient_id


async def test_a_guardian_of_a_record_does_not_make_it_a_second_of_ones_own(world: World) -> None:
    await redeemed(world, world.here.account_id, await issued(world, "carer"))
    with pytest.raises(OwnRecordAlreadyLinked):
        await redeemed(world, world.here.account_id, await issued(world))
    assert await opened(world) == [(world.here.patient_id, "self"), (world.here.other_patient_id, "carer")]


async def test_two_codes_entered_at_once_make_one_own_record(world: World) -> None:
    (person,) = await accounts(world, 1)
    codes = [await issued(world), await issued(world, patient_id=world.here.patient_id)]
    answers = await asyncio.gather(*(redeemed(world, person, code) for code in codes), return_exceptions=True)
    assert sorted(type(each).__name__ for each in answers) == ["OwnRecordAlreadyLinked", "UUID"]


async def test_a_guardians_code_for_ones_own_record_leaves_it_ones_own(world: World) -> None:
    code = await issued(world, "carer", patient_id=world.here.patient_id)
    assert await redeemed(world, world.here.account_id, code) == world.here.patient_id
    assert await opened(world) == [(world.here.patient_id, "self")]
    assert (await world.get("/v1/me/cabinet", world.here.patient)).status_code == 200


async def test_after_the_own_record_was_revoked_another_may_be_linked(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set revoked_at = now()"))
    assert await redeemed(world, world.here.account_id, await issued(world)) == world.here.other_patient_id
    async with world.database.writing(world.here.scope) as writing:
        with pytest.raises(OwnRecordAlreadyLinked):
            await grant_access(
                writing, world.here.clinic_id, world.here.account_id, world.here.patient_id, "self", now()
            )
