"""Marks of files that are let go of: nobody waits to make one, and what is stored late is swept too."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from core.clock import now
from enamel.worker.files import sweep_files
from media.commands.files import PATIENCE
from tests.api.picturing import done
from tests.api.test_series import FRONT, SERIES, begun, send, staff, told
from tests.media.looking import look
from tests.world import World

LEAVE = text("insert into file_left (clinic_id, id, key, since) values (:clinic, gen_random_uuid(), :key, now())")
EARLIER = text("update file_left set since = since - cast('9 minutes' as interval)")


async def test_who_changes_pictures_of_a_series_waits_for_nobody_who_lets_its_sheets_go(world: World) -> None:
    """Or two pictures that stand in two series would wait for each other, in the order each came into them."""
    one, two = await send(world, "one"), await send(world, "two")
    series = [await begun(world), await begun(world)]
    for at, pictures in zip(series, ((one, two), (two, one)), strict=True):
        for view, picture in zip((FRONT, "arch-lower"), pictures, strict=True):
            await staff(world, "PUT", f"/{at}/views/{view}", {"picture_id": picture})
    await look(world)
    keys = [{"clinic": world.here.clinic_id, "key": f"{world.here.clinic_id}/sheets/{each}"} for each in series]
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("delete from file_left"))
    async with world.database.sweeping() as letting_go:
        await letting_go.execute(LEAVE, keys)
        async with asyncio.timeout(20):
            for act in ("release", "hide"):
                await asyncio.gather(*(done(world, "POST", f"pictures/{each}/{act}", {}) for each in (one, two)))
            await staff(world, "DELETE", f"/{series[0]}", status=204)


async def test_a_transaction_lets_go_of_a_sheet_once_whatever_it_changes_of_its_series(world: World) -> None:
    for name in ("one", "two", "three"):
        await send(world, name)
    await told(world, {FRONT: "one", "arch-lower": "two", "arch-upper": "three"})
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("delete from file_left"))
    await told(world, {FRONT: "three", "arch-lower": "one"}, released=True)
    async with world.database.sweeping() as sweeping:
        assert (await sweeping.execute(text("select count(*) from file_left"))).scalar_one() == 1


async def test_a_sheet_that_was_being_drawn_when_its_series_changed_again_is_swept_after_that(world: World) -> None:
    await send(world, "one")
    series = (await told(world, {FRONT: "one"}, released=True))["series_id"]
    storage, folder = world.ports.storage, f"{world.here.clinic_id}/sheets/{series}"
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(EARLIER)
    await told(world, {}, SERIES, released=True)
    await storage.put(f"{folder}/shown-before", b"a sheet", "image/webp")
    await sweep_files(world.database, storage, now() + timedelta(minutes=2))
    assert await storage.keys_under(folder) != [], "it may be read yet: the newest mark counts"
    await sweep_files(world.database, storage, now() + PATIENCE + timedelta(minutes=1))
    assert await storage.keys_under(folder) == []
    async with world.database.sweeping() as sweeping:
        assert (await sweeping.execute(text("select count(*) from file_left"))).scalar_one() == 0
