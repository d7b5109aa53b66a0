"""Real processes, killed with SIGKILL in each phase of an upload: no half picture, no orphan, and it can go on."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from enamel.worker.files import give_up_strays, sweep_files
from media.commands.files import PATIENCE
from media.upload import UPLOAD_LIFE
from tests.enamel.test_erasing import folder
from tests.media.looking import look
from tests.media.samples import photo
from tests.world import World

PATIENCE_SECONDS = 40
Stalled = asyncio.subprocess.Process
Start = Callable[[str, str, str], Awaitable[Stalled]]


@pytest.fixture
async def start(world: World, postgres: EmbeddedPostgres) -> AsyncIterator[Start]:
    started: list[Stalled] = []

    async def start(role: str, method: str, when: str) -> Stalled:
        place = (postgres.url("enamel_test"), str(folder(world).parent))
        program = [sys.executable, "-m", "tests.enamel.stalling", role, *place, method, when]
        process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def heard(process: Stalled) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await process.stdout.readline()).decode().strip()


async def killed_when_stalled(process: Stalled) -> None:
    assert await heard(process) == "stalled"
    process.kill()
    await process.wait()


async def sent(http: httpx.AsyncClient, world: World, content: bytes) -> dict[str, Any]:
    """The whole way of an upload, from the announcement to the picture, whatever was done of it before."""
    said = {
        "kind": "photo", "media_type": "image/jpeg", "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    staff = world.here.staff
    begun = await http.post(f"/v1/staff/patients/{world.here.patient_id}/uploads", headers=staff, json=said)
    begun.raise_for_status()
    upload: dict[str, Any] = begun.json()
    path = f"/v1/staff/uploads/{upload['upload_id']}"
    for part in upload["parts"]:
        if not part["received"]:
            piece = content[part["first_byte"] : part["first_byte"] + part["size_bytes"]]
            headers = {**staff, "content-type": "application/octet-stream"}
            (await http.put(f"{path}/parts/{part['number']}", headers=headers, content=piece)).raise_for_status()
    done = await http.post(f"{path}/complete", headers=staff)
    done.raise_for_status()
    picture: dict[str, Any] = done.json()
    return picture


async def states(world: World) -> list[str]:
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(text("select state from picture"))).scalars())


async def swept(world: World) -> None:
    at = now() + UPLOAD_LIFE + timedelta(hours=2)
    for moment in (at, at + PATIENCE):
        await sweep_files(world.database, world.ports.storage, moment)
    await give_up_strays(world.ports.storage, at)


async def keys(world: World) -> list[str]:
    return await world.ports.storage.keys_under(str(world.here.clinic_id))


PHASES = [
    ("begin", "before"), ("begin", "after"), ("put_part", "before"), ("put_part", "after"), ("parts", "after"),
    ("finish", "before"), ("finish", "after"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "when"), PHASES)
async def test_an_api_killed_in_the_middle_shows_no_half_picture_and_the_upload_goes_on(
    world: World, start: Start, method: str, when: str
) -> None:
    content = photo(90, 60)
    server = await start("api", method, when)
    port = await heard(server)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as http:
        sending = asyncio.create_task(sent(http, world, content))
        await killed_when_stalled(server)
        with pytest.raises(httpx.HTTPError):
            await sending
    assert await states(world) == [], "nothing that could be seen"
    await sent(world.http, world, content)
    await look(world)
    assert await states(world) == ["ready"]
    await swept(world)
    [key] = [key for key in await keys(world) if key.endswith("/original")]
    assert await world.ports.storage.get(key) == content
    assert [key for key in await keys(world) if "/uploads/" in key] == []
    assert await world.ports.storage.unfinished() == []


@pytest.mark.parametrize(("method", "when"), [("begin", "after"), ("put_part", "after"), ("finish", "after")])
async def test_an_upload_whose_sender_never_comes_back_leaves_nothing(
    world: World, start: Start, method: str, when: str
) -> None:
    server = await start("api", method, when)
    port = await heard(server)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as http:
        sending = asyncio.create_task(sent(http, world, photo(90, 60)))
        await killed_when_stalled(server)
        with pytest.raises(httpx.HTTPError):
            await sending
    await swept(world)
    assert (await keys(world), await world.ports.storage.unfinished(), await states(world)) == ([], [], [])


@pytest.mark.parametrize(
    ("method", "when"),
    [
        ("get_file", "after"),
        ("copy", "before"),
        ("copy", "after"),
        ("put_all", "before"),
        ("put_all", "after"),
        ("erase_under", "before"),
    ],
)
async def test_a_worker_killed_while_it_looks_loses_nothing_and_another_brings_it_to_its_end(
    world: World, start: Start, method: str, when: str
) -> None:
    content = photo(90, 60)
    await sent(world.http, world, content)
    worker = await start("worker", method, when)
    await killed_when_stalled(worker)
    assert await states(world) == (["ready"] if method == "erase_under" else ["uploaded"])
    await look(world, now() + timedelta(minutes=11))
    assert await states(world) == ["ready"]
    await swept(world)
    kept = await keys(world)
    assert {key.rpartition("/")[2] for key in kept} >= {"original", "preview_1024", "preview_256"}
    assert [key for key in kept if "/uploads/" in key] == []
