"""A real process, killed with SIGKILL at each point of a payment: whoever goes on finds one page and one charge."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from core.embedded_postgres import EmbeddedPostgres
from tests.api.paying import Till, a_till
from tests.enamel.test_worker_killed import Worker, killed, somebody_waits, until
from tests.world import World


@pytest.fixture
async def till(world: World) -> AsyncIterator[Till]:
    async with a_till(world) as made:
        await made.owe()
        yield made


async def tapping(till: Till, postgres: EmbeddedPostgres) -> Worker:
    settings = {
        "ENAMEL_DATABASE_URL": postgres.url("enamel_test"),
        "PEER_URL": till.peer.url,
        "TOKEN": till.world.here.patient_token,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.pay_program", env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE
    )


async def asked(till: Till, times: int) -> None:
    async def arrived() -> bool:
        return len(till.peer.calls) == times

    await until(arrived)


async def statuses(till: Till) -> list[tuple[str, str | None]]:
    async with till.world.database.reading(till.world.here.scope) as reading:
        return [tuple(row) for row in await reading.execute(text("select status, provider_id from payment_intent"))]


async def goes_on_to_one_charge(till: Till) -> None:
    payment = await till.started()
    assert len(till.peer.sessions) == 1
    await till.paid(payment)
    assert len(till.peer.charges) == 1
    assert (await till.balance())["pending"] == 10_000
    assert await till.events() == ["payment.opened", "payment.succeeded"]


async def test_killed_before_the_provider_has_heard_of_it(till: Till, postgres: EmbeddedPostgres) -> None:
    till.peer.arrivals_open.clear()
    process = await tapping(till, postgres)
    await asked(till, 1)
    await killed(process)
    assert (await statuses(till), till.peer.sessions) == ([("created", None)], {})
    till.peer.arrivals_open.set()
    await goes_on_to_one_charge(till)


async def test_killed_after_the_page_was_made_and_before_the_answer(till: Till, postgres: EmbeddedPostgres) -> None:
    till.peer.answers_open.clear()
    process = await tapping(till, postgres)

    async def made() -> bool:
        return len(till.peer.sessions) == 1

    await until(made)
    await killed(process)
    assert await statuses(till) == [("created", None)]
    till.peer.answers_open.set()
    await goes_on_to_one_charge(till)


async def test_killed_after_the_answer_and_before_it_is_written_down(till: Till, postgres: EmbeddedPostgres) -> None:
    till.peer.answers_open.clear()
    process = await tapping(till, postgres)

    async def made() -> bool:
        return len(till.peer.sessions) == 1

    await until(made)
    async with till.world.database.sweeping() as holding:
        await holding.execute(text("select id from payment_intent for update"))
        till.peer.answers_open.set()
        await somebody_waits(till.world.database)
        await killed(process)
    assert await statuses(till) == [("created", None)]
    await goes_on_to_one_charge(till)


async def test_left_alone_it_ends_with_the_page_written_down(till: Till, postgres: EmbeddedPostgres) -> None:
    process = await tapping(till, postgres)
    out, _ = await process.communicate()
    assert b'"status":"pending"' in out
    assert await statuses(till) == [("pending", "cs_test_1")]
    await goes_on_to_one_charge(till)
