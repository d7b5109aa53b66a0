"""A backup is put back, and the numbers it forgot are given to other messages: no device goes on showing the first."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import asyncpg
import pytest

from chat.commands import OWN, Speaker, send
from chat.wakeups import MemoryWakeups
from core.clock import now
from core.database import Database
from core.embedded_postgres import EmbeddedPostgres, create_database, find_binaries
from core.ids import new_id
from core.schema import roles
from enamel.chat_client import Backoff, ChatClient
from enamel.restored import begin_anew
from tests.chaos.devices import FixedToken
from tests.chat.speaking import patient_of
from tests.conftest import make_schema
from tests.node import node
from tests.world import World, make_parties, make_world

BINARIES = os.environ.get("ENAMEL_POSTGRES_BIN", "")
PATIENCE = 300  # tenths of a second
LOST, OTHERS = 6, 9


@dataclass
class Place:
    """A server of this test's own, and where its database is."""

    folder: Path
    server: EmbeddedPostgres
    name: str = "enamel"

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    @property
    def cluster(self) -> Path:
        return self.server.home / "cluster"

    def start(self) -> None:
        self.server = EmbeddedPostgres.start(self.folder, binaries=BINARIES, durable=False)


@pytest.fixture
def place() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="enamel-restored-"))
    folder.chmod(0o711)
    found = Place(folder, EmbeddedPostgres.start(folder, binaries=BINARIES, durable=False))
    yield found
    found.server.stop()
    shutil.rmtree(folder)


def program(name: str, *arguments: str) -> None:
    subprocess.run([str(find_binaries(BINARIES).folder / name), *arguments], check=True, capture_output=True, cwd="/")


def dump(place: Place) -> None:
    program("pg_dump", "--format=custom", f"--file={place.folder / 'backup'}", place.url)


async def load_beside(place: Place) -> None:
    """The dump in a new database of the same cluster: the system identifier and the timeline stay as they were."""
    place.name = "beside"
    await create_database(place.server, place.name)
    await asyncio.to_thread(program, "pg_restore", f"--dbname={place.url}", str(place.folder / "backup"))


async def load_elsewhere(place: Place) -> None:
    """The dump in another cluster, that has counted far fewer transactions."""
    backup = place.folder.parent / f"{place.folder.name}.backup"
    (place.folder / "backup").rename(backup)
    place.server.stop()
    shutil.rmtree(place.server.home / "cluster")
    place.start()
    await create_database(place.server, place.name)
    owner = await asyncpg.connect(place.url)
    for statement in roles():
        await owner.execute(statement)
    await owner.close()
    await asyncio.to_thread(program, "pg_restore", f"--dbname={place.url}", str(backup))
    backup.unlink()


def copy(place: Place) -> None:
    place.server.stop()
    copied(place.cluster, place.cluster.with_name("copy"))
    place.start()


def copied(of: Path, to: Path) -> None:
    subprocess.run(
        ["/bin/cp", "-a", str(of), str(to)], check=True
    )  # with its owner: as root the server is somebody else


async def recover(place: Place) -> None:
    """The files, and PostgreSQL's own recovery: it begins another timeline."""
    await put_back(place, recovery=True)
    owner = await asyncpg.connect(place.url)
    for _ in range(PATIENCE):
        if not await owner.fetchval("select pg_is_in_recovery()"):
            break
        await asyncio.sleep(0.1)
    await owner.close()


async def put_back_and_say_so(place: Place) -> None:
    """The files alone, as a snapshot of a volume: only the operator can know."""
    await put_back(place, recovery=False)
    await begin_anew(place.url)


async def put_back(place: Place, *, recovery: bool) -> None:
    place.server.stop()
    shutil.rmtree(place.cluster)
    kept = place.cluster.with_name("copy")
    if recovery:
        signal = kept / "recovery.signal"
        signal.touch()
        shutil.chown(signal, kept.stat().st_uid, kept.stat().st_gid)
        with (kept / "postgresql.auto.conf").open("a") as settings:
            settings.write("restore_command = 'false'\n")
    kept.rename(place.cluster)
    place.start()


def device(world: World, address: str, side: str, watched: list[str]) -> ChatClient:
    chance = Random(1)  # noqa: S311  spreads, and keeps no secret
    token = world.here.patient_token if side == "patient" else world.here.staff_token
    return ChatClient(
        [f"ws://{address}"], FixedToken(token), side=side, device=side, watched=watched,
        backoff=Backoff(chance, longest=0.5),
    )  # fmt: skip


@asynccontextmanager
async def running(clients: Sequence[ChatClient]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def say(place: Place, anna: Speaker, word: str, times: int) -> str:
    """Said straight to the database, as on a third node that the others hear nothing of."""
    database = Database(place.url, pool=1)
    try:
        sent = [await send(database, anna, OWN, new_id(), f"{word} {number}", now()) for number in range(times)]
    finally:
        await database.close()
    return str(sent[-1].event.conversation_id)


Log = dict[int, tuple[str, str]]
"""By `rev`: of what kind, and the words of a message."""


async def log_of_table(place: Place) -> Log:
    owner = await asyncpg.connect(place.url)
    try:
        rows = await owner.fetch(
            "select e.rev, e.kind, coalesce(m.body, '') as body from chat_event e left join message m"
            " on m.conversation_id = e.conversation_id and m.rev = e.rev where e.log = 's'"
        )
        return {row["rev"]: (row["kind"], row["body"]) for row in rows}
    finally:
        await owner.close()


def log_of(client: ChatClient, conversation: str) -> Log:
    held = client.conversations.get(conversation)
    events = {} if held is None else held.logs["s"].events
    return {rev: (event["k"], event["d"].get("body", "")) for rev, event in events.items()}


async def agree(place: Place, clients: Sequence[ChatClient], conversation: str) -> list[str]:
    """Every device's log becomes the table's, and so do the messages it shows, which are given."""
    wanted = await log_of_table(place)
    for _ in range(PATIENCE):
        if all(log_of(client, conversation) == wanted for client in clients):
            break
        await asyncio.sleep(0.1)
        wanted = await log_of_table(place)
    said = [body for _, (kind, body) in sorted(wanted.items()) if kind == "msg"]
    for client in clients:
        assert log_of(client, conversation) == wanted
        shown = client.conversations[conversation].messages
        assert [shown[seq].body for seq in sorted(shown)] == said
    return said


@contextmanager
def two_nodes(world: World, place: Place, clients: Sequence[ChatClient]) -> Iterator[None]:
    """Each client at one of them, and without a bus between."""
    with node(world, place.url, MemoryWakeups()) as first, node(world, place.url, MemoryWakeups()) as second:
        for client, address in zip(clients, (first, second), strict=True):
            client._addresses = [f"ws://{address}"]
        yield


@pytest.mark.parametrize(
    ("back_up", "restore", "lives_through"),
    [
        (dump, load_beside, False),
        (dump, load_elsewhere, False),
        (copy, recover, True),
        (copy, put_back_and_say_so, True),
    ],
)
async def test_after_a_restore_every_device_holds_what_the_table_holds(
    place: Place, tmp_path: Path, back_up: Callable[[Place], None], restore: Callable[[Place], Awaitable[None]],
    *, lives_through: bool,
) -> None:  # fmt: skip
    """A phone at one node and a desk at another; what was lost is fewer than what is said after."""
    await create_database(place.server, place.name)
    await asyncio.to_thread(make_schema, place.url)
    building = Database(place.url, pool=2)
    world = make_world(building, tmp_path, *await make_parties(building))
    await world.http.aclose()
    await building.close()
    anna = patient_of(world, world.here)
    c = await say(place, anna, "kept", 5)
    back_up(place)
    clients = [device(world, "", "patient", []), device(world, "", "clinic", [c])]
    async with AsyncExitStack() as stack:
        with two_nodes(world, place, clients):
            await stack.enter_async_context(running(clients))
            await say(place, anna, "lost", LOST)
            assert len(await agree(place, clients, c)) == 5 + LOST
            if lives_through:
                await restore(place)
                await say(place, anna, "other", OTHERS)
                assert len(await agree(place, clients, c)) == 5 + OTHERS
                return
        await restore(place)
        await say(place, anna, "other", OTHERS)
        with two_nodes(world, place, clients):
            assert len(await agree(place, clients, c)) == 5 + OTHERS
