"""Refresh tokens: rotated at every use, repeated only at once and to the same device, dead for ever after reuse."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from core.clock import now
from core.database import NOBODY
from identity.commands import Device, TokenPair, end_session, open_session, renew_session
from identity.secrets import parsed_refresh
from identity.sign_in import REFRESH_ABSOLUTE, REFRESH_GRACE, REFRESH_IDLE, Audience
from tests.world import World

KEY = "the-key-of-this-phone"
AT = now()
LATER = REFRESH_GRACE + timedelta(seconds=1)


async def opened(world: World, key: str = KEY) -> TokenPair:
    account, clinic = world.here.account_id, world.here.clinic_id
    async with world.database.writing(NOBODY) as writing:
        return await open_session(writing, world.keys, Audience.PATIENT, account, clinic, Device(key), AT)


async def renewed(world: World, refresh: str, after: timedelta = timedelta(0), key: str = KEY) -> TokenPair | None:
    async with world.database.writing(NOBODY) as writing:
        return await renew_session(writing, world.keys, refresh, key, AT + after)


async def the_pair(world: World, refresh: str, after: timedelta = timedelta(0)) -> TokenPair:
    pair = await renewed(world, refresh, after)
    assert pair is not None
    return pair


async def test_every_use_gives_a_new_token_of_the_same_session(world: World) -> None:
    first = await opened(world)
    second = await the_pair(world, first.refresh_token)
    third = await the_pair(world, second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    claims = [world.keys.tokens.verify(pair.access_token, Audience.PATIENT, AT) for pair in (first, second, third)]
    assert len({each.session_id for each in claims}) == 1


async def test_fifty_renewals_at_once_are_one_new_pair(world: World) -> None:
    first = await opened(world)
    pairs = await asyncio.gather(*(renewed(world, first.refresh_token) for _ in range(50)))
    assert len({pair.refresh_token for pair in pairs if pair}) == 1
    assert None not in pairs
    async with world.database.reading(NOBODY) as reading:
        session = parsed_refresh(first.refresh_token)
        assert session is not None
        found = await reading.execute(text("select generation from session where id = :id"), {"id": session.session_id})
        assert found.scalar_one() == 1


async def test_a_lost_answer_is_repeated_within_the_grace(world: World) -> None:
    first = await opened(world)
    second = await the_pair(world, first.refresh_token)
    assert (await the_pair(world, first.refresh_token, REFRESH_GRACE)).refresh_token == second.refresh_token
    assert await renewed(world, second.refresh_token) is not None


async def test_reuse_after_the_grace_kills_the_family_and_it_stays_dead(world: World) -> None:
    first = await opened(world)
    second = await the_pair(world, first.refresh_token)
    assert await renewed(world, first.refresh_token, LATER) is None
    for refresh in (second.refresh_token, first.refresh_token):
        assert await renewed(world, refresh, LATER) is None, "the thief's token and the patient's are both dead"
        assert await renewed(world, refresh) is None


async def test_a_grandparent_kills_the_family_even_within_the_grace(world: World) -> None:
    first = await opened(world)
    second = await the_pair(world, first.refresh_token)
    third = await the_pair(world, second.refresh_token)
    assert await renewed(world, first.refresh_token) is None
    assert await renewed(world, third.refresh_token) is None


async def test_a_token_on_another_device_kills_the_family(world: World) -> None:
    first = await opened(world)
    assert await renewed(world, first.refresh_token, key="the-key-of-the-thief") is None
    assert await renewed(world, first.refresh_token) is None


async def test_the_death_of_one_family_leaves_the_other_devices(world: World) -> None:
    phone, tablet = await opened(world), await opened(world, "the-key-of-the-tablet")
    await renewed(world, phone.refresh_token, key="the-key-of-the-thief")
    assert await renewed(world, tablet.refresh_token, key="the-key-of-the-tablet") is not None


async def test_signing_in_again_on_a_device_ends_its_earlier_session(world: World) -> None:
    first = await opened(world)
    await opened(world)
    assert await renewed(world, first.refresh_token) is None


async def test_an_idle_token_is_refused_and_a_used_one_lives_on(world: World) -> None:
    idle, used = await opened(world), await opened(world, "the-key-of-the-tablet")
    assert await renewed(world, idle.refresh_token, REFRESH_IDLE) is None
    pair, day = used, timedelta(0)
    while day + REFRESH_IDLE < REFRESH_ABSOLUTE:
        day += REFRESH_IDLE - timedelta(days=1)
        again = await renewed(world, pair.refresh_token, day, "the-key-of-the-tablet")
        assert again is not None
        pair = again
    assert await renewed(world, pair.refresh_token, REFRESH_ABSOLUTE, "the-key-of-the-tablet") is None


async def test_a_signed_out_device_gets_no_new_token(world: World) -> None:
    first = await opened(world)
    session = parsed_refresh(first.refresh_token)
    assert session is not None
    async with world.database.writing(NOBODY) as writing:
        assert await end_session(writing, world.here.account_id, session.session_id, AT)
        assert not await end_session(writing, world.here.account_id, session.session_id, AT)
    assert await renewed(world, first.refresh_token) is None


async def test_nobody_signs_another_accounts_device_out(world: World) -> None:
    first = await opened(world)
    session = parsed_refresh(first.refresh_token)
    assert session is not None
    async with world.database.writing(NOBODY) as writing:
        assert not await end_session(writing, world.there.account_id, session.session_id, AT)
    assert await renewed(world, first.refresh_token) is not None


@pytest.mark.parametrize("place", [0, 10, 20, 25, 40, 69])
async def test_a_changed_token_is_refused_and_kills_nothing(world: World, place: int) -> None:
    good = (await opened(world)).refresh_token
    changed = good[:place] + ("A" if good[place] != "A" else "Q") + good[place + 1 :]
    assert await renewed(world, changed) is None
    assert await renewed(world, good) is not None


async def test_an_access_token_is_no_refresh_token(world: World) -> None:
    assert await renewed(world, (await opened(world)).access_token) is None


async def test_neither_the_row_nor_the_key_holds_the_token(world: World) -> None:
    good = parsed_refresh((await opened(world)).refresh_token)
    assert good is not None
    held = text("select count(*) from session where position(cast(:proof as bytea) in refresh_seed) > 0")
    async with world.database.reading(NOBODY) as reading:
        assert (await reading.execute(held, {"proof": good.proof})).scalar_one() == 0


async def test_over_http_a_refused_token_says_so_and_the_reuse_stays_committed(world: World) -> None:
    first = (await opened(world)).refresh_token
    second = await world.post("/v1/auth/refresh", {}, {"refresh_token": first, "device_key": KEY})
    assert second.status_code == 200, second.text
    stolen = await world.post("/v1/auth/refresh", {}, {"refresh_token": first, "device_key": "the-key-of-the-thief"})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh-refused")
    body = {"refresh_token": second.json()["refresh_token"], "device_key": KEY}
    assert (await world.post("/v1/auth/refresh", {}, body)).status_code == 401


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_no_text_makes_the_parser_stumble(given_: str) -> None:
    parsed_refresh(given_)
