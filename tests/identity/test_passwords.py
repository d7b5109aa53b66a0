"""Staff passwords: argon2id at OWASP's floor, a pause after five, and no word about who is known."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from core.clock import now
from core.database import NOBODY
from identity import passwords
from identity.commands import Attempt, PasswordTooShort, PausedAfterFailures, forgive, make_staff_account, take_try
from identity.sign_in import PASSWORD_PAUSE, PASSWORD_TRIES, PASSWORD_TRIES_IN_ALL
from tests.world import PASSWORD, World

AT = now()
POOL = 8
"""Connections of one process, as `core.database` has them."""


async def tried(
    world: World, password: str, at: datetime = AT, email: str = "", *, address: str = "10.0.0.1", device: str = "new"
) -> UUID | None:
    """As the door does: count, compare, forgive."""
    attempt = Attempt(email or world.here.email, address, device)
    async with world.database.writing(NOBODY) as writing:
        told = await take_try(writing, world.keys, attempt, at)
    if not await passwords.matches(password, told.password_hash):
        return None
    async with world.database.writing(NOBODY) as writing:
        await forgive(writing, told)
    return told.account_id


async def sign_in(world: World, email: str, password: str, device: str = "the-key-of-the-desk") -> httpx.Response:
    clinic_id = str(world.here.clinic_id)
    body = {"email": email, "password": password, "clinic_id": clinic_id, "device_key": device}
    return await world.post("/v1/auth/staff", {}, body)


async def paused(world: World, at: datetime = AT) -> float | None:
    """Seconds to wait that even the right password is told; None when it was let in."""
    try:
        assert await tried(world, PASSWORD, at) is not None
    except PausedAfterFailures as refusal:
        return refusal.retry_after_seconds
    return None


async def test_the_hash_is_argon2id_with_nineteen_mebibytes_and_its_own_salt() -> None:
    first, second = await passwords.hashed(PASSWORD), await passwords.hashed(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert await passwords.matches(PASSWORD, first)
    assert not await passwords.matches(PASSWORD + " ", first)
    assert not await passwords.matches(PASSWORD, None)


async def test_the_right_password_opens_under_any_spelling_of_the_address(world: World) -> None:
    assert await tried(world, PASSWORD) == await tried(world, PASSWORD, email=f"  {world.here.email.upper()} ")


async def test_after_five_wrong_ones_even_the_right_one_waits(world: World) -> None:
    for _ in range(PASSWORD_TRIES):
        assert await tried(world, "wrong horse battery") is None
    assert await paused(world) == PASSWORD_PAUSE.total_seconds() + 1
    assert await paused(world, AT + PASSWORD_PAUSE - timedelta(seconds=10)) == 11
    assert await paused(world, AT + PASSWORD_PAUSE) is None


async def test_four_wrong_ones_and_a_right_one_begin_anew(world: World) -> None:
    for _ in range(3):
        for _ in range(PASSWORD_TRIES - 1):
            assert await tried(world, "wrong horse battery") is None
        assert await tried(world, PASSWORD) is not None


async def test_after_the_pause_there_are_five_new_tries_and_not_more(world: World) -> None:
    for _ in range(PASSWORD_TRIES):
        await tried(world, "wrong horse battery")
    later = AT + PASSWORD_PAUSE
    for _ in range(PASSWORD_TRIES):
        assert await tried(world, "wrong horse battery", later) is None
    assert await paused(world, later) is not None


async def test_twenty_wrong_ones_at_once_are_counted_one_by_one(world: World) -> None:
    """Or a crowd of parallel tries would all start from the same count."""
    done = await asyncio.gather(*(tried(world, "wrong horse battery") for _ in range(20)), return_exceptions=True)
    assert sum(each is None for each in done) == PASSWORD_TRIES
    assert sum(isinstance(each, PausedAfterFailures) for each in done) == 20 - PASSWORD_TRIES


async def test_a_pause_is_of_one_account_only(world: World) -> None:
    for _ in range(PASSWORD_TRIES):
        await tried(world, "wrong horse battery")
    assert await tried(world, PASSWORD, email=world.there.email) is not None


async def test_five_wrong_tries_elsewhere_shut_nobody_out(world: World) -> None:
    for _ in range(PASSWORD_TRIES):
        await tried(world, "wrong horse battery", address="10.0.0.66")
    with pytest.raises(PausedAfterFailures):
        await tried(world, PASSWORD, address="10.0.0.66")
    assert await tried(world, PASSWORD) is not None


async def test_many_addresses_are_paused_together_and_the_known_device_passes(world: World) -> None:
    """Addresses are cheap: whoever has a thousand of them gets a hundred tries, and locks out no browser we know."""
    for place in range(PASSWORD_TRIES_IN_ALL):
        assert await tried(world, "wrong horse battery", address=f"10.0.1.{place}") is None
    with pytest.raises(PausedAfterFailures):
        await tried(world, PASSWORD, address="10.0.2.1")
    assert await tried(world, PASSWORD, device="desk-of-Rome") is not None


async def test_a_known_device_has_five_tries_too_and_is_known_for_its_own_account_only(world: World) -> None:
    for _ in range(PASSWORD_TRIES):
        assert await tried(world, "wrong horse battery", device="desk-of-Rome") is None
    with pytest.raises(PausedAfterFailures):
        await tried(world, PASSWORD, address="10.0.0.2", device="desk-of-Rome")
    for _ in range(PASSWORD_TRIES):
        await tried(world, "wrong horse battery", email=world.there.email)
    with pytest.raises(PausedAfterFailures):
        await tried(world, PASSWORD, email=world.there.email, device="desk-of-Rome")


async def test_a_known_and_an_unknown_address_are_answered_alike_to_the_end(world: World) -> None:
    answers: list[list[tuple[int, dict[str, object]]]] = []
    for email in (world.here.email, "nobody@rome.example"):
        told = [await sign_in(world, email, "wrong horse battery") for _ in range(PASSWORD_TRIES + 2)]
        answers.append(
            [(each.status_code, {**each.json(), "request_id": "", "retry_after_seconds": 0}) for each in told]
        )
    assert answers[0] == answers[1]
    assert [status for status, _ in answers[0]] == [401] * PASSWORD_TRIES + [429] * 2
    assert answers[0][0][1]["code"] == "credentials-wrong"


async def test_people_behind_one_address_may_sign_in_as_often_as_they_like(world: World) -> None:
    """Every try counts until it is forgiven: the door must forgive."""
    answers = [await sign_in(world, world.here.email, PASSWORD, f"a-new-browser-{n}-here") for n in range(6)]
    assert [answer.status_code for answer in answers] == [201] * 6


async def test_an_unknown_address_costs_the_same_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    matches = passwords.matches

    async def counted(password: str, stored: str | None) -> bool:
        asked.append(stored)
        return await matches(password, stored)

    monkeypatch.setattr(passwords, "matches", counted)
    await sign_in(world, "nobody@rome.example", "wrong horse battery")
    assert asked == [None]


async def test_sign_ins_that_wait_for_their_turn_hold_no_connection(world: World) -> None:
    """Or eight of them would hold the whole pool, and everybody else were told to come later."""
    crowd = 2 * POOL
    async with passwords._AT_ONCE, passwords._AT_ONCE:  # argon2 is busy with others
        waiting = [asyncio.create_task(sign_in(world, f"{n}@rome.example", "wrong horse")) for n in range(crowd)]
        while len(passwords._AT_ONCE._waiters or ()) < POOL:  # noqa: ASYNC110  a semaphore tells nobody who waits
            await asyncio.sleep(0.01)
        answer = await world.get("/v1/me", world.here.patient)
    assert answer.status_code == 200, answer.text
    assert {each.status_code for each in await asyncio.gather(*waiting)} == {401}


async def test_staff_of_one_clinic_is_not_let_into_another_and_the_try_is_counted(world: World) -> None:
    """Or a right password would be told from a wrong one by the pause that never comes."""
    body = {
        "email": world.here.email, "password": PASSWORD,
        "clinic_id": str(world.there.clinic_id), "device_key": "the-key-of-the-desk",
    }  # fmt: skip
    answers = [await world.post("/v1/auth/staff", {}, body) for _ in range(PASSWORD_TRIES + 1)]
    told = [(each.status_code, each.json()["code"]) for each in answers]
    assert told == [(401, "credentials-wrong")] * PASSWORD_TRIES + [(429, "sign-in-paused")]


async def test_a_password_has_twelve_characters(world: World) -> None:
    with pytest.raises(PasswordTooShort):
        async with world.database.writing(NOBODY) as writing:
            await make_staff_account(writing, "new@rome.example", "11character", AT)


async def test_no_password_stands_in_the_database(world: World) -> None:
    async with world.database.reading(NOBODY) as reading:
        rows = (await reading.execute(text("select account::text from account"))).scalars()
        assert PASSWORD not in "".join(rows)


async def test_what_was_tried_is_kept_without_a_word_of_whose_it_was(world: World) -> None:
    await tried(world, "wrong horse battery", email="nobody@rome.example")
    async with world.database.reading(NOBODY) as reading:
        kept = list((await reading.execute(text("select convert_from(bucket, 'latin1') from password_try"))).scalars())
    assert len(kept) == 2
    assert "rome" not in "".join(kept)
