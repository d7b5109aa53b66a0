"""A worker stays bound to a message center: what it tells arrives in the patient's record though nothing is sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import smpp34
from sqlalchemy import text

from core.clock import now
from enamel.worker.centers import keeping, listen_to_centers
from enamel.worker.told import confirm_wishes, say
from push.channel import Way
from push.commands.lines import LineDraft
from push.line import Line, Provider
from push.queries.lines import line_figures
from push.switchboard import Switchboard
from tests.push.lines import SEAL, make
from tests.push.peers.smsc import SmscPeer
from tests.push.sent import consents, send, standing
from tests.world import World

RECEIPT = 0x04


@asynccontextmanager
async def bound(world: World, password: str = "s3cret") -> AsyncIterator[tuple[SmscPeer, Line, Switchboard]]:
    center = SmscPeer()
    await center.start()
    settings = {"host": "127.0.0.1", "port": center.port, "system_id": "clinic", "sender": "Studio"}
    draft = LineDraft("center", Provider.SMPP, 600, settings, {"password": password})
    line = await make(world.database, world.here, draft)
    board = Switchboard(SEAL.opened, {"127.0.0.1"}, {}, keep=keeping(world.database))
    try:
        yield center, line, board
    finally:
        await board.close()
        await center.stop()


def arrives(center: SmscPeer, body: bytes, sender: str, sequence: int, esm_class: int = 0) -> None:
    center.say(smpp34.DeliverSm(sender, "Studio", body, esm_class=esm_class, sequence_number=sequence).encode())


async def test_a_receipt_and_a_text_arrive_though_nothing_was_sent(world: World) -> None:
    async with bound(world) as (center, line, board):
        notice = await send(world, world.here, Way.SMS, line.line_id, "0A")
        await listen_to_centers(world.database, board, now())
        arrives(center, b"id:0A stat:DELIVRD err:000", world.here.phone[1:], 1, RECEIPT)
        arrives(center, b"I come later", world.here.phone[1:], 2)
        await center.answered(2)
        assert (await standing(world, notice))[2]
        async with world.database.sweeping() as sweeping:
            written = await sweeping.execute(text("select body, via from message"))
            assert [tuple(row) for row in written] == [("I come later", "sms")]
        await listen_to_centers(world.database, board, now())
        assert len(center.binds) == 1


async def test_a_stop_by_sms_counts_at_once_and_is_confirmed_by_the_same_line_once(world: World) -> None:
    async with bound(world) as (center, _, board):
        await listen_to_centers(world.database, board, now())
        for number in (1, 2):
            arrives(center, b"STOP", world.here.phone[1:], number)
        await center.answered(2)
        assert ("marketing", "sms", False, "stop-word") in await consents(world, world.here.patient_id)
        for _ in range(2):
            await confirm_wishes(world.database, lambda told, words: say(world.database, board, told, words), now())
        (submitted,) = center.submits
        assert b"START" in submitted.short_message


async def test_a_center_that_refuses_us_lets_the_line_rest(world: World) -> None:
    async with bound(world) as (center, _, board):
        center.bind_status = 0x0E
        for _ in range(3):
            await listen_to_centers(world.database, board, now())
        async with world.database.sweeping() as sweeping:
            (reason,) = (await sweeping.execute(text("select open_reason from line"))).scalars()
        assert reason == "config"


async def test_a_session_that_stands_is_counted_as_no_message(world: World) -> None:
    async with bound(world) as (center, line, board):
        for _ in range(3):
            await listen_to_centers(world.database, board, now())
        assert center.enquiries > 0
        async with world.database.reading(world.here.scope) as reading:
            figures = await line_figures(reading, line.line_id, 1, now())
        assert figures.accepted == 0
