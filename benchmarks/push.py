"""W-push: messages a second from the outbox's row to the recorded outcome, against a bare client and other queues.

Everybody sends what a worker finds due on one core, with PostgreSQL or Redis on the same; the provider (a sink that
counts ids) and who enqueues have the other. The provider answers at once, and then after 50 ms. Enamel is the whole
worker: claim, gate, caps, turns of its line, words, FCM's adapter, outcome, events. Who compares: aiohttp under uvloop
posting the same ready bodies (the floor), firebase-admin's `send_each_async` over HTTP/2, graphile-worker, Celery.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import push_peers
from benchmarks.chat_cluster import cluster
from benchmarks.harness import cores, pinned
from benchmarks.push_enamel import Pushed, pushed, running_worker
from benchmarks.push_people import Crowd, crowded, made_schema, vacuumed
from benchmarks.push_raw import Done, Job
from benchmarks.push_seen import SinkClient, running_sink
from benchmarks.push_sink import Script
from core.database import Database
from push.fcm import CONNECTIONS
from push.notice import NoticeKind, Purpose

FLOOR_BAR, FIREBASE_BAR, GRAPHILE_BAR, CELERY_BAR = 0.5, 3.0, 1.0, 2.0
ROUNDS, NOTICES = int(os.environ.get("BENCH_ROUNDS", "5")), int(os.environ.get("BENCH_NOTICES", "6000"))
LATENCIES = (0.0, 0.05)
_ENAMEL, _RAW, _FIREBASE = "enamel", "aiohttp, uvloop: the floor", "firebase-admin, send_each_async"


@dataclass(slots=True)
class Contender:
    """Who sends, at which latencies, and the rates of each round. `run(n)` sends n messages; how many a second."""

    name: str
    run: Callable[[float], float]
    latencies: Sequence[float] = LATENCIES
    rates: dict[float, list[float]] = field(default_factory=dict)

    def rate(self, latency: float) -> float:
        return median(self.rates[latency])


@dataclass(slots=True)
class Costs:
    """CPU microseconds a message, by latency: the worker's and PostgreSQL's."""

    worker: dict[float, list[float]] = field(default_factory=dict)
    database: dict[float, list[float]] = field(default_factory=dict)

    def take(self, latency: float, one: Pushed) -> None:
        self.worker.setdefault(latency, []).append(one.worker_micros)
        self.database.setdefault(latency, []).append(one.database_micros)


def main() -> int:
    app_core, client_core = cores()
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        folder.chmod(0o711)  # as root another user runs PostgreSQL, who must get through
        shared = stack.enter_context(cluster(folder, app_core))
        sink = stack.enter_context(running_sink(client_core))
        costs, url = Costs(), asyncio.run(shared.create("enamel"))
        contenders = [
            _enamel(stack, costs, url, sink, shared.pid, folder / "enamel", app_core),
            Contender(_RAW, partial(_client, "raw", sink, app_core, NOTICES)),
            Contender(_FIREBASE, partial(_client, "firebase", sink, app_core, 2_000)),
            *_peers(sink, asyncio.run(shared.create("graphile")), folder, app_core, client_core),
        ]
        _compare(contenders, url, sink)
    return _verdict(contenders, costs)


def _enamel(
    stack: ExitStack, costs: Costs, url: str, sink: SinkClient, database_pid: int, folder: Path, core: int
) -> Contender:
    async def settled() -> Crowd:
        await made_schema(url)
        database = Database(url)
        crowd = await crowded(database, NOTICES)
        await database.close()
        await vacuumed(url)
        return crowd

    crowd = asyncio.run(settled())
    pid = stack.enter_context(running_worker(url, sink, folder, core))

    def run(latency: float) -> float:
        one = asyncio.run(pushed(url, sink, crowd, NOTICES, (pid, database_pid), NoticeKind.VISIT, Purpose.SERVICE))
        if one.seen.distinct != NOTICES or one.seen.doubled or one.seen.hits != NOTICES:
            raise RuntimeError(f"{NOTICES} notices became {one.seen}")
        costs.take(latency, one)
        return one.rate

    return Contender(_ENAMEL, run)


def _client(client: str, sink: SinkClient, core: int, count: int, latency: float) -> float:  # noqa: ARG001  all alike
    job = Job(client, sink.url, count, CONNECTIONS)
    with pinned(core):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.push_raw"], input=json.dumps(asdict(job)),
            stdout=subprocess.PIPE, text=True, check=True, timeout=180,
        )  # fmt: skip
    came = Done(**json.loads(done.stdout))
    if came.taken != count:
        print(f"push: {client}: of {count} messages {came.taken} were taken")
    return count / came.seconds


def _peers(sink: SinkClient, url: str, folder: Path, core: int, client_core: int) -> list[Contender]:
    """Queues that are installed, else nobody and the reason; each where the study of peers had it at its best."""
    wanted = [
        (push_peers.graphile(sink, url, core, folder / "graphile"), 0.0, 4_000, 20),
        (push_peers.celery(sink, core, client_core, folder / "celery"), 0.05, 2_500, 64),
    ]
    found = []
    for peer, latency, count, concurrency in wanted:
        if isinstance(peer, str):
            print(f"push: A PEER IS MISSING, {peer}: its bar is not measured")
        else:
            found.append(Contender(peer.name, _queue(peer, count, concurrency), (latency,)))
    return found


def _queue(peer: push_peers.Peer, count: int, concurrency: int) -> Callable[[float], float]:
    return lambda _: peer.run(count, concurrency)


def _compare(contenders: Sequence[Contender], url: str, sink: SinkClient) -> None:
    """Rounds in turn (A, B, C, A, B, C …), so that what else the machine does hits all alike. The first warms up."""
    for number in range(ROUNDS + 1):
        for latency in LATENCIES:
            for one in contenders:
                if latency in one.latencies:
                    sink.begin(Script(latency))
                    rate = one.run(latency)
                    if number:
                        one.rates.setdefault(latency, []).append(rate)
        asyncio.run(vacuumed(url))


def _verdict(contenders: Sequence[Contender], costs: Costs) -> int:
    enamel = contenders[0]
    print(
        f"{'messages a second':36}"
        + "".join(f"{latency * 1000:>9.0f} ms{'least':>8}{'most':>8}" for latency in LATENCIES)
    )
    for one in contenders:
        print(f"{one.name:36}" + "".join(map(partial(_column, one), LATENCIES)))
    for latency in LATENCIES:
        worker, database = median(costs.worker[latency][1:]), median(costs.database[latency][1:])
        print(f"enamel at {latency * 1000:.0f} ms, CPU a message: worker {worker:.0f} us, PostgreSQL {database:.0f} us")
    bars = {_RAW: FLOOR_BAR, _FIREBASE: FIREBASE_BAR, "graphile-worker": GRAPHILE_BAR}
    held = [
        _says(one.name, latency, enamel.rate(latency) / one.rate(latency), bars.get(one.name, CELERY_BAR))
        for one in contenders[1:]
        for latency in one.latencies
    ]
    return 0 if all(held) else 1


def _column(one: Contender, latency: float) -> str:
    if latency not in one.latencies:
        return f"{'-':>12}{'':16}"
    rates = one.rates[latency]
    return f"{median(rates):>12.0f}{min(rates):>8.0f}{max(rates):>8.0f}"


def _says(name: str, latency: float, ratio: float, bar: float) -> bool:
    holds = ratio >= bar
    print(
        f"push: {ratio:.2f} times {name} at {latency * 1000:.0f} ms (bar >= {bar:.2f}): {'holds' if holds else 'FAILS'}"
    )
    return holds
