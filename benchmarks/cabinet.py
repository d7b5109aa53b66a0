"""`GET /v1/me/cabinet` against a hand-written floor, the usual way and PostGraphile, in one run.

Everything on one machine: the server under test alone on one core, PostgreSQL and the load on the other.
A ratio of 1.00 would mean that sign-in, policies, limits, problems and ETags cost nothing.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

import benchmarks.cabinet_postgraphile as peer
from benchmarks.cabinet_people import Person, settled
from benchmarks.harness import Contender, Server, compare, cores, pinned, postmaster, serve, table
from core.embedded_postgres import EmbeddedPostgres, create_database

BAR, USUAL_BAR, PEER_BAR = 0.70, 5.0, 1.2
ROUNDS, SECONDS = int(os.environ.get("BENCH_ROUNDS", "5")), float(os.environ.get("BENCH_SECONDS", "3"))
_LEAST_BYTES = 4_000


def main() -> int:
    app_core, other_core = cores()
    with ExitStack() as stack:
        # PostgreSQL's folder is removed last; as root another user runs it, who must get through.
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o711)
        database = stack.enter_context(database_on(folder, other_core))
        url = database.url("bench")
        people = asyncio.run(settled(url))
        environment = {"BENCH_URL": url, "BENCH_FOLDER": str(folder)}
        factories = ("cabinet_apps:enamel", "cabinet_apps:floor", "cabinet_usual:usual")
        servers = [stack.enter_context(running(factory, app_core, environment)) for factory in factories]
        contenders = [*_contenders(servers, people), *_peer(stack, database, app_core, folder)]
        compare(contenders, rounds=ROUNDS, seconds=SECONDS, core=other_core, database_pid=postmaster(database))
    return _verdict(contenders)


@contextmanager
def database_on(folder: Path, core: int) -> Iterator[EmbeddedPostgres]:
    with pinned(core):
        server = EmbeddedPostgres.start(folder, durable=False)
    try:
        asyncio.run(create_database(server, "bench"))
        yield server
    finally:
        server.stop()


def _peer(stack: ExitStack, database: EmbeddedPostgres, core: int, folder: Path) -> list[Contender]:
    """PostGraphile where node is installed, else nobody and the reason."""
    if why := peer.missing():
        print(f"cabinet: no peer, {why}")
        return []
    ids = asyncio.run(peer.seeded(database))
    server = peer.serve_peer(database, core, folder / "postgraphile")
    stack.callback(server.stop)
    return [Contender("PostGraphile 4 from npm", server, [peer.question(one) for one in ids], least_bytes=_LEAST_BYTES)]


@contextmanager
def running(factory: str, core: int, environment: dict[str, str]) -> Iterator[Server]:
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
    mine = [get("/v1/me/cabinet", f"authorization: Bearer {person.token}") for person in mixed]
    by_id = [get(f"/{person.clinic_id}/{person.patient_id}") for person in mixed]
    _check_same(enamel, floor, mixed[0])
    held = [
        get("/v1/me/cabinet", f"authorization: Bearer {person.token}", f"if-none-match: {_tag(enamel, person)}")
        for person in mixed
    ]
    return [
        Contender("enamel: GET /v1/me/cabinet", enamel, mine, least_bytes=_LEAST_BYTES),
        Contender("floor: one statement, by hand", floor, by_id, least_bytes=_LEAST_BYTES),
        Contender("usual: relationships, model", usual, by_id, least_bytes=_LEAST_BYTES),
        Contender("enamel: the same, 304", enamel, held, status=304, least_bytes=0),
    ]


def get(path: str, *headers: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", "host: 127.0.0.1", "accept-language: it", *headers, "", ""])


def _mine(server: Server, person: Person) -> httpx.Response:
    address = f"http://127.0.0.1:{server.port}/v1/me/cabinet"
    headers = {"authorization": f"Bearer {person.token}", "accept-language": "it"}
    return httpx.get(address, headers=headers).raise_for_status()


def _tag(server: Server, person: Person) -> str:
    tag: str = _mine(server, person).headers["etag"]
    return tag


def _check_same(enamel: Server, floor: Server, person: Person) -> None:
    """The floor must give what Enamel gives, or the ratio compares two different things."""
    bare = httpx.get(f"http://127.0.0.1:{floor.port}/{person.clinic_id}/{person.patient_id}").raise_for_status()
    if where := _difference(_mine(enamel, person).json(), bare.json(), ""):
        raise RuntimeError(f"the floor's document is another than Enamel's at {where}")


def _difference(one: Any, other: Any, place: str) -> str | None:
    """Where two documents differ first, as a JSON pointer with both values; None where they are equal."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return next(filter(None, (_difference(one[key], other[key], f"{place}/{key}") for key in one)), None)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next(filter(None, (_difference(left, right, f"{place}/{at}") for at, (left, right) in pairs)), None)
    return None if one == other else f"{place}: {one!r:.300}, {other!r:.300}"


def _verdict(contenders: list[Contender]) -> int:
    enamel, floor, usual, _, *peers = contenders
    print(table(contenders, floor))
    ratios = [("the floor", enamel.rate / floor.rate, BAR), ("the usual way", enamel.rate / usual.rate, USUAL_BAR)]
    ratios += [(one.name, enamel.rate / one.rate, PEER_BAR) for one in peers]
    for name, ratio, bar in reversed(ratios):
        print(f"cabinet: {ratio:.2f} times {name} (bar {bar:.2f})")
    return 0 if all(ratio >= bar for _, ratio, bar in ratios) else 1
