"""W-chat: messages a second from sender over database to peer, against ejabberd and a plain version, in one run.

Fifty pairs. A sender sends its next message when the last one is acked, which is durable everywhere, and was heard by
its peer; so nobody gains by an ack that runs ahead of the delivery. The server under test and PostgreSQL share one
core, the clients have the other. Then 300 messages a second, come what may. Then both again after 5,000 connections
came and went, for a heap that once was large costs a collected language on every message.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

import benchmarks.chat_ejabberd as peer
from benchmarks import chat_servers
from benchmarks.chat_cluster import Cluster, cluster
from benchmarks.chat_load import Count, Job
from benchmarks.chat_people import settled
from benchmarks.harness import Server, cores, pinned
from benchmarks.processes import most_sockets

MOST_FOREIGN = 0.08
PEER_BAR, PEER_AIM, PLAIN_BAR, CROWD_BAR = 1.3, 2.0, 2.5, 1.3
ROUNDS, SECONDS = int(os.environ.get("BENCH_ROUNDS", "5")), float(os.environ.get("BENCH_SECONDS", "5"))
PAIRS, RATE, CROWD = 50, 300.0, int(os.environ.get("BENCH_CROWD", "5000"))
_ENAMEL, _PEER, _PLAIN = "enamel", "ejabberd, archive in PostgreSQL", "plain: FastAPI, SQLModel"
# How long a load may take beside its window: the crowd's coming and going, the drain.
_LONGEST_BESIDE = 240.0


@dataclass(slots=True)
class Contender:
    """A server, who talks through it, and what came of each round: closed loop, open loop, after the crowd."""

    name: str
    wire: str
    server: Server
    pairs: list[tuple[str, str]]
    crowd: list[str]
    kept: Callable[[], Coroutine[Any, Any, int]]
    closed: list[Count] = field(default_factory=list)
    rated: list[Count] = field(default_factory=list)
    after: list[Count] = field(default_factory=list)
    sent: int = 0

    @property
    def rate(self) -> float:
        return _rate(self.closed)

    @property
    def cpu(self) -> float:
        """CPU seconds of the server and PostgreSQL for 1,000 messages."""
        return median((one.server_cpu + one.database_cpu) / one.heard * 1000 for one in self.closed)


def _rate(counts: Sequence[Count]) -> float:
    return median(one.heard / one.seconds for one in counts)


def main() -> int:
    app_core, load_core = cores()
    crowd = most_sockets(CROWD)
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        folder.chmod(0o711)  # as root another user runs PostgreSQL, who must get through
        shared = stack.enter_context(cluster(folder, app_core))
        contenders = [
            _enamel(stack, shared, folder, app_core, crowd),
            *_ejabberd(stack, shared, folder, app_core, crowd),
            _plain(stack, shared, app_core, crowd),
        ]
        _compare(contenders, load_core, shared.pid)
        for contender in contenders:
            _check_kept(contender)
    return _verdict(contenders)


def _enamel(stack: ExitStack, shared: Cluster, folder: Path, core: int, crowd: int) -> Contender:
    url = asyncio.run(shared.create("enamel"))
    people = asyncio.run(settled(url, PAIRS, crowd))
    server = stack.enter_context(chat_servers.enamel(url, folder / "enamel", core))
    kept = partial(_counted, url, "select count(*) from message")
    return Contender(_ENAMEL, "enamel", server, people.pairs, people.crowd, kept)


def _ejabberd(stack: ExitStack, shared: Cluster, folder: Path, core: int, crowd: int) -> list[Contender]:
    """ejabberd where it is installed, else nobody and the reason."""
    if why := peer.missing():
        print(f"chat: NO PEER, {why}: its bars are not measured")
        return []
    names = [f"{side}{number}" for number in range(PAIRS) for side in "ab"]
    idle = [f"idle{number}" for number in range(crowd)]
    server = peer.serve_ejabberd(shared, core, folder / "ejabberd", [*names, *idle])
    stack.enter_context(chat_servers.stopped(server))
    pairs = [(f"a{number}:b{number}", f"b{number}:a{number}") for number in range(PAIRS)]
    return [Contender(_PEER, "xmpp", server, pairs, [f"{one}:nobody" for one in idle], partial(peer.kept, shared))]


def _plain(stack: ExitStack, shared: Cluster, core: int, crowd: int) -> Contender:
    url = asyncio.run(shared.create("plain"))
    server = stack.enter_context(chat_servers.fastapi("plain", core, url))
    pairs = [(f"{number}/a", f"{number}/b") for number in range(PAIRS)]
    kept = partial(_counted, url, "select count(*) from said")
    return Contender(_PLAIN, "plain", server, pairs, [f"idle{number}/a" for number in range(crowd)], kept)


async def _counted(url: str, query: str) -> int:
    connection = await asyncpg.connect(url)
    rows: int = await connection.fetchval(query)
    await connection.close()
    return rows


def _compare(contenders: Sequence[Contender], core: int, database_pid: int) -> None:
    """Rounds in turn (A, B, C, A, B, C …), so that what else the machine does hits all alike. The first warms up."""
    for number in range(ROUNDS + 1):
        for one in contenders:
            seconds = SECONDS if number else 1.0
            closed, rated = (_load(one, core, database_pid, seconds, rate=rate) for rate in (0.0, RATE))
            if number:
                one.closed.append(closed)
                one.rated.append(rated)
    for number in range(ROUNDS):
        for one in contenders:
            one.after.append(_load(one, core, database_pid, SECONDS, crowd=[] if number else one.crowd))


def _load(
    contender: Contender, core: int, database_pid: int, seconds: float, *, rate: float = 0.0, crowd: Sequence[str] = ()
) -> Count:
    job = Job(
        contender.wire, contender.server.port, contender.pairs, seconds=seconds, rate=rate, crowd=list(crowd),
        watched=(contender.server.process.pid, database_pid), core=cores()[0],
    )  # fmt: skip
    with pinned(core):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.chat_load"], input=json.dumps(asdict(job)), stdout=subprocess.PIPE,
            text=True, check=True, timeout=seconds + _LONGEST_BESIDE,
        )  # fmt: skip
    count = Count(**json.loads(done.stdout))
    contender.sent += count.sent_in_all
    if count.wrong:
        raise RuntimeError(f"{contender.name}: {count.wrong} messages were lost, doubled or out of order")
    return count


def _check_kept(contender: Contender) -> None:
    kept = asyncio.run(contender.kept())
    if kept < contender.sent:
        raise RuntimeError(f"{contender.name}: {contender.sent} messages were acked, {kept} are kept")


def _verdict(contenders: Sequence[Contender]) -> int:
    print(_table(contenders))
    foreign = max(each.others_cpu / each.seconds for one in contenders for each in (*one.closed, *one.rated))
    if foreign > MOST_FOREIGN:
        print(
            f"chat: THE MACHINE WAS BUSY: others had up to {foreign:.0%} of the server's core, which favours whoever"
            " has more processes to run; only CPU a message can be trusted"
        )
    enamel = contenders[0]
    held = []
    for one in contenders[1:]:
        is_peer = one.name == _PEER
        name = "ejabberd" if is_peer else "plain"
        aim = f", aim {PEER_AIM:.1f}" if is_peer else ""
        held.append(_says(f"times {name}{aim}", enamel.rate / one.rate, PEER_BAR if is_peer else PLAIN_BAR))
        if is_peer:
            held += _against_peer(enamel, one)
    return 0 if all(held) else 1


def _against_peer(enamel: Contender, one: Contender) -> list[bool]:
    return [
        _says("times ejabberd after the crowd", _rate(enamel.after) / _rate(one.after), CROWD_BAR),
        _says("times ejabberd's CPU for 1,000 messages", enamel.cpu / one.cpu, 1.0, at_most=True),
        *(
            _says(
                f"times ejabberd's {name} at {RATE:.0f}/s",
                _middle(enamel.rated, field) / _middle(one.rated, field),
                1.0,
                at_most=True,
            )
            for name, field in (("p50", "heard_p50"), ("p99", "heard_p99"))
        ),
    ]


def _middle(counts: Sequence[Count], field: str) -> float:
    return float(median(getattr(one, field) for one in counts))


def _says(what: str, ratio: float, bar: float, *, at_most: bool = False) -> bool:
    holds = ratio <= bar if at_most else ratio >= bar
    sign = "<=" if at_most else ">="
    print(f"chat: {ratio:.2f} {what} (bar {sign} {bar:.2f}): {'holds' if holds else 'FAILS'}")
    return holds


_COLUMNS: tuple[tuple[str, Callable[[Contender], float], int], ...] = (
    ("msg/s", lambda one: one.rate, 0),
    ("p50", lambda one: _middle(one.closed, "heard_p50"), 1),
    ("p99", lambda one: _middle(one.closed, "heard_p99"), 1),
    ("app us", lambda one: 1e6 * median(each.server_cpu / each.heard for each in one.closed), 0),
    ("pg us", lambda one: 1e6 * median(each.database_cpu / each.heard for each in one.closed), 0),
    (f"{RATE:.0f}/s p50", lambda one: _middle(one.rated, "heard_p50"), 2),
    ("p99", lambda one: _middle(one.rated, "heard_p99"), 1),
    ("crowd in", lambda one: one.after[0].crowd_dial_seconds, 1),
    ("then", lambda one: _rate(one.after), 0),
)


def _table(contenders: Sequence[Contender]) -> str:
    """Milliseconds from send to receipt, microseconds of CPU a message, seconds until the crowd was in."""
    lines = [f"{'':34}" + "".join(f"{head:>10}" for head, _, _ in _COLUMNS)]
    lines += [
        f"{one.name:34}" + "".join(f"{figure(one):>10.{places}f}" for _, figure, places in _COLUMNS)
        for one in contenders
    ]
    return "\n".join(lines)
