"""One-time codes on the real database: five tries, one use, one life, whoever tries at once."""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import now
from core.database import NOBODY
from core.ids import new_id
from identity.commands import CodeSent, CodeTooSoon, codes, send_code, spend_code
from identity.sign_in import CODE_LIFE, CODE_TRIES, CODES_AN_ADDRESS_AN_HOUR
from tests.world import World

PHONE = "+390255519999"
AT = now()
MINUTE = timedelta(minutes=1)


async def sent(
    world: World, phone: str = PHONE, after: timedelta = timedelta(0), address: str = "10.0.0.1"
) -> CodeSent:
    async with world.database.writing(NOBODY) as writing:
        return await send_code(writing, world.keys, phone, address, AT + after)


async def spent(world: World, challenge: UUID, code: str | None, after: timedelta = timedelta(0)) -> str | None:
    assert code is not None
    async with world.database.writing(NOBODY) as writing:
        return await spend_code(writing, world.keys, challenge, code, AT + after)


def wrong(code: str | None) -> str:
    assert code is not None
    return f"{(int(code) + 1) % 10**6:06d}"


async def number(world: World, question: str) -> int:
    async with world.database.reading(NOBODY) as reading:
        return int((await reading.execute(text(question))).scalar_one())


async def test_the_right_code_proves_the_phone_once(world: World) -> None:
    challenge = await sent(world)
    assert await spent(world, challenge.challenge_id, challenge.code) == PHONE
    assert await spent(world, challenge.challenge_id, challenge.code) is None


async def test_fifty_wrong_tries_at_once_take_five(world: World) -> None:
    challenge = await sent(world)
    bad = wrong(challenge.code)
    assert set(await asyncio.gather(*(spent(world, challenge.challenge_id, bad) for _ in range(50)))) == {None}
    assert await number(world, "select tries_left from code_challenge") == 0
    assert await number(world, "select failures from code_challenge") == CODE_TRIES
    assert await spent(world, challenge.challenge_id, challenge.code) is None, "the right one comes too late"


async def test_fifty_right_tries_at_once_are_one_proof(world: World) -> None:
    challenge = await sent(world)
    tries = [spent(world, challenge.challenge_id, challenge.code) for _ in range(50)]
    assert sorted(map(str, await asyncio.gather(*tries))) == [PHONE] + ["None"] * 49


async def test_fifty_right_tries_at_once_open_one_session(world: World) -> None:
    asked = await world.post("/v1/auth/otp", {}, {"phone": PHONE})
    proof = {
        "challenge_id": asked.json()["challenge_id"], "code": world.last_code(PHONE),
        "clinic_id": str(world.here.clinic_id), "device_key": "a-device-key-of-the-phone",
    }  # fmt: skip
    before = await number(world, "select count(*) from session")
    answers = await asyncio.gather(*(world.post("/v1/auth/sessions", {}, proof) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 49
    assert await number(world, "select count(*) from session") == before + 1


async def test_the_fifth_try_may_still_be_right(world: World) -> None:
    challenge = await sent(world)
    for _ in range(CODE_TRIES - 1):
        assert await spent(world, challenge.challenge_id, wrong(challenge.code)) is None
    assert await spent(world, challenge.challenge_id, challenge.code) == PHONE


async def test_a_code_lives_five_minutes(world: World) -> None:
    challenge = await sent(world)
    assert await spent(world, challenge.challenge_id, challenge.code, CODE_LIFE) is None
    assert await spent(world, challenge.challenge_id, challenge.code, CODE_LIFE - timedelta(milliseconds=1)) == PHONE


async def test_a_resend_ends_the_code_before_it(world: World) -> None:
    first = await sent(world)
    second = await sent(world, after=timedelta(seconds=30))
    assert await spent(world, first.challenge_id, first.code, timedelta(seconds=31)) is None
    assert await spent(world, second.challenge_id, second.code, timedelta(seconds=31)) == PHONE


async def test_a_code_is_good_for_its_own_challenge_only(world: World) -> None:
    mine = await sent(world)
    other = await sent(world, "+390255518888")
    for challenge in (other.challenge_id, new_id()):
        if mine.code != other.code:
            assert await spent(world, challenge, mine.code) is None


async def test_a_code_stands_nowhere_in_the_database(world: World) -> None:
    challenge = await sent(world)
    assert challenge.code is not None
    hexed = "select count(*) from code_challenge where position(cast(:code as bytea) in code_hash) > 0"
    # The challenge's moments and id hold digits too: they are not the code's doing.
    columns = "select code_hash::text || address || tries_left || failures from code_challenge"
    async with world.database.reading(NOBODY) as reading:
        assert challenge.code not in "".join((await reading.execute(text(columns))).scalars())
        assert (await reading.execute(text(hexed), {"code": challenge.code.encode()})).scalar_one() == 0


async def test_all_wrong_answers_are_alike(world: World) -> None:
    """Wrong, used, expired or made up: one answer, so that it is no oracle."""
    challenge = await sent(world)
    await spent(world, challenge.challenge_id, challenge.code)
    fresh = await sent(world, "+390255518888")
    answers = []
    for challenge_id, code in [
        (challenge.challenge_id, challenge.code), (fresh.challenge_id, wrong(fresh.code)), (new_id(), "000000"),
    ]:  # fmt: skip
        proof = {
            "challenge_id": str(challenge_id), "code": code,
            "clinic_id": str(world.here.clinic_id), "device_key": "a-device-key-of-the-phone",
        }  # fmt: skip
        answers.append(await world.post("/v1/auth/sessions", {}, proof))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] + answer.json()["code"] for answer in answers}) == 1


async def test_a_known_and_an_unknown_number_are_answered_alike(world: World) -> None:
    known = await world.post("/v1/auth/otp", {}, {"phone": world.here.phone})
    unknown = await world.post("/v1/auth/otp", {}, {"phone": PHONE})
    for answer in (known, unknown):
        assert answer.status_code == 202
    shapes = [{**answer.json(), "challenge_id": ""} for answer in (known, unknown)]
    assert shapes[0] == shapes[1]
    again = [await world.post("/v1/auth/otp", {}, {"phone": phone}) for phone in (world.here.phone, PHONE)]
    assert [(answer.status_code, answer.json()["code"]) for answer in again] == [(429, "code-too-soon")] * 2


async def test_twenty_requests_at_once_send_one_code(world: World) -> None:
    """Or a crowd of parallel requests would find every brake loose."""
    done = await asyncio.gather(*(sent(world) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(each, CodeSent) for each in done) == 1
    assert sum(isinstance(each, CodeTooSoon) for each in done) == 19


async def test_a_number_in_another_spelling_is_the_same_number(world: World) -> None:
    first = await world.post("/v1/auth/otp", {}, {"phone": "+39 02 5551 9999"})
    second = await world.post("/v1/auth/otp", {}, {"phone": "+39 (02) 5551-9999"})
    assert (first.status_code, second.status_code) == (202, 429)


async def pumped(world: World, count: int, after: timedelta = timedelta(0)) -> list[CodeSent]:
    """Codes asked for many numbers of one prefix, from as many addresses."""
    phones = [(f"+3902555199{tail:02d}", f"10.0.0.{tail}") for tail in range(count)]
    return [await sent(world, phone, after, address) for phone, address in phones]


async def test_a_pumped_prefix_is_answered_but_not_served_and_the_log_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "enamel.identity"):
        told = [challenge.code for challenge in await pumped(world, 25)]
    assert [code is not None for code in told] == [True] * 20 + [False] * 5
    assert [record.name for record in caplog.records] == ["enamel.identity"] * 5
    assert "5199" not in caplog.text


async def test_a_code_that_was_held_back_opens_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or whoever closes a brake may guess at a code that nobody was told."""
    monkeypatch.setattr(codes, "new_code", lambda: "042917")
    held = (await pumped(world, 21))[-1]
    assert held.code is None
    assert await spent(world, held.challenge_id, "042917") is None
    assert await number(world, "select sum(failures) from code_challenge") == 0, "nor does a guess close another brake"


async def test_what_was_held_back_keeps_no_brake_closed(world: World) -> None:
    """People who try again, and whoever pumps on, must not shut a number out for longer than the brake itself."""
    await pumped(world, 20)
    mine = [await sent(world, PHONE, minutes * MINUTE, f"10.0.1.{minutes}") for minutes in range(1, 8)]
    assert [challenge.code for challenge in mine] == [None] * 7
    assert (await sent(world, after=61 * MINUTE)).code is not None


async def test_an_address_that_was_held_back_is_counted_all_the_same(world: World) -> None:
    await pumped(world, 20)
    for tail in range(CODES_AN_ADDRESS_AN_HOUR):
        await sent(world, f"+3902555199{tail + 20:02d}", address="10.0.1.1")
    with pytest.raises(CodeTooSoon):
        await sent(world, "+390277719999", address="10.0.1.1")


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 345"])
async def test_what_is_no_code_costs_no_try(world: World, code: str) -> None:
    challenge = await sent(world)
    proof = {
        "challenge_id": str(challenge.challenge_id), "code": code,
        "clinic_id": str(world.here.clinic_id), "device_key": "a-device-key-of-the-phone",
    }  # fmt: skip
    assert (await world.post("/v1/auth/sessions", {}, proof)).status_code == 422
    assert await number(world, "select tries_left from code_challenge") == CODE_TRIES
