"""`GET /v1/me/cabinet` against a hand-written floor and against the usual way, in one run.

Everything on one machine: the server under test alone on one core, PostgreSQL and the load on the other.
A ratio of 1.00 would mean that sign-in, policies, limits, problems and ETags cost nothing.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.cabinet_people import Person, settled
from benchmarks.harness import Contender, Server, compare, cores, pinned, serve, table
from core.embedded_postgres import EmbeddedPostgres, create_database

BAR, USUAL_BAR = 0.60, 5.0
ROUNDS, SECONDS = int(os.environ.get("BENCH_ROUNDS", "5")), float(os.environ.get("BENCH_SECONDS", "3"))
_LEAST_BYTES = 4_000


def main() -> int:
    app_core, other_core = cores()
    with ExitStack() as stack:
        # PostgreSQL's folder is removed last; as root another user runs it, who must get through.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True))
        Path(folder).chmod(0o711)
        url, pid = stack.enter_context(_database(Path(folder), other_core))
        people = asyncio.run(settled(url))
        environment = {"BENCH_URL": url, "BENCH_FOLDER": folder}
        factories = ("cabinet_apps:enamel", "cabinet_apps:floor", "cabinet_usual:usual")
        servers = [stack.enter_context(_running(factory, app_core, environment)) for factory in factories]
        contenders = _contenders(servers, people)
        compare(contenders, rounds=ROUNDS, seconds=SECONDS, core=other_core, database_pid=pid)
    return _verdict(contenders)


@contextmanager
def _database(folder: Path, core: int) -> Iterator[tuple[str, int]]:
    with pinned(core):
        server = EmbeddedPostgres.start(folder, durable=False)
    try:
        asyncio.run(create_database(server, "bench"))
        yield server.url("bench"), _postmaster(server)
    finally:
        server.stop()


def _postmaster(server: EmbeddedPostgres) -> int:
    return int((server.home / "cluster" / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])


@contextmanager
def _running(factory: str, core: int, environment: dict[str, str]) -> Iterator[Server]:
    server = serve(f"benchmarks.{factory}", core, environment)
    try:
        yield server
    finally:
        server.stop()


def _contenders(servers: list[Server], people: list[Person]) -> list[Contender]:
    """Neighbours in the list are of different clinics, so that every connection serves both in turn."""
    half = len(people) // 2
    mixed = [person for pair in zip(people[:half], people[half:], strict=True) for person in pair]
    enamel, floor, usual = servers
    mine = [f"{_get('/v1/me/cabinet')}\r\nauthorization: Bearer {person.token}" for person in mixed]
    by_id = [_get(f"/{person.clinic_id}/{person.patient_id}") for person in mixed]
    _check_same(enamel, floor, mixed[0])
    held = [f"{head}\r\nif-none-match: {_tag(enamel, person)}" for head, person in zip(mine, mixed, strict=True)]
    return [
        Contender("enamel: GET /v1/me/cabinet", enamel, mine, least_bytes=_LEAST_BYTES),
        Contender("floor: one statement, by hand", floor, by_id, least_bytes=_LEAST_BYTES),
        Contender("usual: relationships, model", usual, by_id, least_bytes=_LEAST_BYTES),
        Contender("enamel: the same, 304", enamel, held, status=304, least_bytes=0),
    ]


def _get(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept-language: it"


def _mine(server: Server, person: Person) -> httpx.Response:
    address = f"http://127.0.0.1:{server.port}/v1/me/cabinet"
    return httpx.get(address, headers={"authorization": f"Bearer {person.token}"}).raise_for_status()


def _tag(server: Server, person: Person) -> str:
    tag: str = _mine(server, person).headers["etag"]
    return tag


def _check_same(enamel: Server, floor: Server, person: Person) -> None:
    """The floor must give what Enamel gives, or the ratio compares two different things."""
    bare = httpx.get(f"http://127.0.0.1:{floor.port}/{person.clinic_id}/{person.patient_id}").raise_for_status()
    if _mine(enamel, person).json() != bare.json():
        raise RuntimeError("the floor's document is another than Enamel's")


def _verdict(contenders: list[Contender]) -> int:
    enamel, floor, usual, _ = contenders
    print(table(contenders, floor))
    ratio, against_usual = enamel.rate / floor.rate, enamel.rate / usual.rate
    print(f"cabinet: {against_usual:.1f} times the usual way (bar {USUAL_BAR:.0f})")
    print(f"cabinet: ratio {ratio:.2f} (bar {BAR:.2f})")
    return 0 if ratio >= BAR and against_usual >= USUAL_BAR else 1
