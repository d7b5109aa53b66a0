"""What signing in leaves behind is deleted when nothing needs it any more, and not before."""

from datetime import timedelta

from sqlalchemy import text

from core.clock import now
from core.database import NOBODY
from enamel.worker.identity import forget
from identity.commands import Attempt, send_code, take_try
from identity.commands.forgetting import CODES_KEPT, ENDED_SESSIONS_KEPT, TRIES_KEPT
from identity.sign_in import STAFF_REFRESH_IDLE
from tests.world import World

MOMENT = timedelta(seconds=1)


async def counted(world: World, table: str) -> int:
    async with world.database.reading(NOBODY) as reading:
        return int((await reading.execute(text(f"select count(*) from {table}"))).scalar_one())  # noqa: S608


async def test_codes_and_tries_are_forgotten(world: World) -> None:
    at = now()
    async with world.database.writing(NOBODY) as writing:
        await send_code(writing, world.keys, "+390255519999", "10.0.0.1", at)
        await take_try(writing, world.keys, Attempt("nobody@rome.example", "10.0.0.1", "new"), at)
    assert await forget(world.database, at + TRIES_KEPT - MOMENT) == 0
    assert await forget(world.database, at + TRIES_KEPT + MOMENT) == 2
    assert await counted(world, "password_try") == 0
    assert await forget(world.database, at + CODES_KEPT - MOMENT) == 0
    assert await forget(world.database, at + CODES_KEPT + MOMENT) == 1
    assert await counted(world, "code_challenge") == 0


async def test_a_session_is_forgotten_a_month_after_it_ended_however_it_ended(world: World) -> None:
    """Two desks that fell idle, a phone that signed out, a phone that is still signed in."""
    before = now()
    me = (await world.get("/v1/me", world.here.patient)).json()
    out = await world.http.delete(f"/v1/me/devices/{me['devices'][0]['session_id']}", headers=world.here.patient)
    assert (out.status_code, await counted(world, "session")) == (204, 4)
    assert await forget(world.database, before + ENDED_SESSIONS_KEPT - MOMENT) == 0
    assert await forget(world.database, now() + ENDED_SESSIONS_KEPT + MOMENT) == 1
    assert await forget(world.database, now() + STAFF_REFRESH_IDLE + ENDED_SESSIONS_KEPT + MOMENT) == 2
    assert (await world.get("/v1/me", world.there.patient)).status_code == 200
