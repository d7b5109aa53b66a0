"""Staff passwords: argon2id at OWASP's floor, a pause after five, and no word about who is known."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import now
from core.database import NOBODY
from identity import passwords
from identity.commands import PasswordTooShort, PausedAfterFailures, check_password, make_staff_account
from identity.sign_in import PASSWORD_PAUSE, PASSWORD_TRIES
from tests.world import PASSWORD, World

AT = now()


async def tried(world: World, password: str, at: datetime = AT, email: str = "") -> UUID | None:
    async with world.database.writing(NOBODY) as writing:
        return await check_password(writing, email or world.here.email, password, at)


async def paused(world: World, at: datetime = AT) -> int | None:
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


async def test_an_unknown_address_is_answered_like_a_wrong_password(world: World) -> None:
    answers = []
    for email in (world.here.email, "nobody@rome.example"):
        body = {
            "email": email, "password": "wrong horse battery",
            "clinic_id": str(world.here.clinic_id), "device_key": "the-key-of-the-desk",
        }  # fmt: skip
        answer = await world.post("/v1/auth/staff", {}, body)
        answers.append({**answer.json(), "request_id": ""})
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "credentials-wrong"


async def test_an_unknown_address_costs_the_same_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    matches = passwords.matches

    async def counted(password: str, stored: str | None) -> bool:
        asked.append(stored)
        return await matches(password, stored)

    monkeypatch.setattr(passwords, "matches", counted)
    await tried(world, "wrong horse battery", email="nobody@rome.example")
    assert asked == [None]


async def test_staff_of_one_clinic_is_not_let_into_another(world: World) -> None:
    body = {
        "email": world.here.email, "password": PASSWORD,
        "clinic_id": str(world.there.clinic_id), "device_key": "the-key-of-the-desk",
    }  # fmt: skip
    answer = await world.post("/v1/auth/staff", {}, body)
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials-wrong")


async def test_a_password_has_twelve_characters(world: World) -> None:
    with pytest.raises(PasswordTooShort):
        async with world.database.writing(NOBODY) as writing:
            await make_staff_account(writing, "new@rome.example", "11character", AT)


async def test_no_password_stands_in_the_database(world: World) -> None:
    async with world.database.reading(NOBODY) as reading:
        rows = (await reading.execute(text("select account::text from account"))).scalars()
        assert PASSWORD not in "".join(rows)
