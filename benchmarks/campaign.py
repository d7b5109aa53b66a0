"""A campaign beside the chat: what 20,000 offers going out do to how long a message of the chat takes.

The API's process, the worker's and PostgreSQL share one core, as on the smallest house there is; the clients and the
provider have the other. The clinic's line has its usual rate. A steady load of messages, each timed from the call that
sends it to its ack, is measured without a campaign and then with one under way, in turn. The provider refuses one
message in twenty for its rate (429) and knows one phone in fifty no more. No message may be accepted twice.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks import chat_servers
from benchmarks.chat_cluster import cluster
from benchmarks.chat_load import Count, Job
from benchmarks.chat_people import People, settled
from benchmarks.harness import Server, cores, pinned
from benchmarks.push_enamel import running_worker
from benchmarks.push_people import DEAD, Crowd, crowded, told, vacuumed
from benchmarks.push_seen import SinkClient, running_sink
from benchmarks.push_sink import Script
from core.database import Database
from push.line import USUAL_RATES, Provider
from push.notice import NoticeKind, Purpose

BAR = 1.2
ROUNDS, SECONDS = int(os.environ.get("BENCH_ROUNDS", "5")), float(os.environ.get("BENCH_SECONDS", "6"))
SIZE, RATE = int(os.environ.get("BENCH_NOTICES", "20000")), float(os.environ.get("BENCH_RATE", "100"))
PAIRS, LATENCY = 20, 0.05
_SCRIPT = Script(LATENCY, throttled=0.05, dead_suffix=DEAD)
_LEFT = "select count(*) from notice where next_at is not null and lane = 2 and tried = '{}'"
_LONGEST = 600.0


@dataclass(slots=True)
class House:
    """What runs, and where."""

    url: str
    server: Server
    database_pid: int
    people: People
    crowd: Crowd
    sink: SinkClient
    load_core: int


def main() -> int:
    app_core, load_core = cores()
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        folder.chmod(0o711)  # as root another user runs PostgreSQL, who must get through
        shared = stack.enter_context(cluster(folder, app_core))
        sink = stack.enter_context(running_sink(load_core))
        url = asyncio.run(shared.create("enamel"))
        people = asyncio.run(settled(url, PAIRS, 0))
        crowd = asyncio.run(_crowd(url))
        server = stack.enter_context(chat_servers.enamel(url, folder / "api", app_core))
        stack.enter_context(running_worker(url, sink, folder / "worker", app_core))
        house = House(url, server, shared.pid, people, crowd, sink, load_core)
        return _verdict(house, *_compare(house))


async def _crowd(url: str) -> Crowd:
    database = Database(url)
    crowd = await crowded(database, SIZE, USUAL_RATES[Provider.FCM])
    await database.close()
    await vacuumed(url)
    return crowd


def _compare(house: House) -> tuple[list[Count], list[Count]]:
    """Without and with, in turn. All offers are due at once, and the first window with a campaign begins as they are;
    where they are sent before the last window, as many are told again. The first windows warm up.
    """
    quiet, busy = [], []
    for number in range(ROUNDS + 1):
        alone = _load(house)
        asyncio.run(_begin_campaign(house))
        beside = _load(house)
        left = asyncio.run(_left(house.url))
        print(f"campaign: round {number}: ack p99 {alone.ack_p99:.1f} ms, beside it {beside.ack_p99:.1f}; {left} left")
        if number:
            quiet.append(alone)
            busy.append(beside)
        asyncio.run(_ended(house))
    return quiet, busy


async def _begin_campaign(house: House) -> None:
    house.sink.begin(_SCRIPT)
    database = Database(house.url, pool=1)
    await told(database, house.crowd, range(SIZE), NoticeKind.OFFER, Purpose.MARKETING)
    await database.close()
    await asyncio.sleep(1.5)  # until the worker has seen it


async def _left(url: str) -> int:
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval(_LEFT)
    await connection.close()
    return count


async def _ended(house: House) -> None:
    """What is left is taken back, as by whoever ends a campaign; what is under way comes to its end."""
    connection = await asyncpg.connect(house.url)
    await connection.execute("update notice set state = 'cancelled', next_at = null where lane = 2 and state = 'due'")
    await connection.execute("update delivery set state = 'suppressed' where lane = 2 and state = 'due'")
    ends_at = time.monotonic() + _LONGEST
    while await connection.fetchval("select exists (select from delivery where state = 'leased')"):
        if time.monotonic() > ends_at:
            raise RuntimeError("a send came to no end")
        await asyncio.sleep(0.2)
    await connection.execute("truncate contact_ring")
    # Who was found dead is alive again, and the line forgets it: each round is alike.
    await connection.execute("update device set dead_at = null")
    await connection.execute("delete from line_minute")
    await connection.close()
    seen = house.sink.seen()
    if seen.doubled:
        raise RuntimeError(f"{seen.doubled} messages were accepted twice")
    await vacuumed(house.url)


def _load(house: House) -> Count:
    job = Job(
        "enamel", house.server.port, house.people.pairs, seconds=SECONDS, rate=RATE,
        watched=(house.server.process.pid, house.database_pid), core=cores()[0],
    )  # fmt: skip
    with pinned(house.load_core):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.chat_load"], input=json.dumps(asdict(job)), stdout=subprocess.PIPE,
            text=True, check=True, timeout=SECONDS + 120,
        )  # fmt: skip
    count = Count(**json.loads(done.stdout))
    if count.wrong:
        raise RuntimeError(f"{count.wrong} messages of the chat were lost, doubled or out of order")
    return count


def _verdict(house: House, quiet: Sequence[Count], busy: Sequence[Count]) -> int:
    pairs: dict[str, tuple[float, float]] = {}
    for name in ("ack_p50", "ack_p99", "heard_p99"):
        middle = partial(_middle, name)
        pairs[name] = (middle(quiet), middle(busy))
        print(f"campaign: {name} {pairs[name][0]:.2f} ms alone, {pairs[name][1]:.2f} ms beside {SIZE} offers")
    seen = house.sink.seen()
    print(f"campaign: last round {seen.accepted} accepted, {seen.throttled} throttled, {seen.dead} dead, none twice")
    alone, beside = pairs["ack_p99"]
    holds = beside / alone <= BAR
    print(f"campaign: {beside / alone:.2f} times the ack's p99 (bar <= {BAR:.2f}): {'holds' if holds else 'FAILS'}")
    return 0 if holds else 1


def _middle(name: str, counts: Sequence[Count]) -> float:
    return float(median(getattr(one, name) for one in counts))
