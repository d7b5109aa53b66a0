"""Ten thousand idle sockets on one node: what one costs beside a bare echo, what all cost idle, and a node's return.

A second node with half as many is stopped; its people are sent away with a word when to come back, and come to the
first one while others talk there at 100 messages a second. Server and PostgreSQL share one core, clients the other.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import chat_servers
from benchmarks.chat_cluster import cluster
from benchmarks.chat_load import Count, Job
from benchmarks.chat_people import People, settled
from benchmarks.harness import Server, cores, pinned
from benchmarks.processes import family_cpu_seconds, family_memory, most_sockets

MEMORY_BAR, IDLE_BAR, ACK_BAR_MS = 1.35, 0.15, 100.0
SOCKETS = int(os.environ.get("BENCH_SOCKETS", "10000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "26"))  # a ping of each falls into it
PAIRS, RATE, TALK_SECONDS = 20, 100.0, 22.0
_SETTLE_SECONDS = 3.0


class Clients:
    """The clients' process: one command, one answer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, kind: str, **told: Any) -> dict[str, Any]:
        self.say(kind, **told)
        return self.hear()

    def say(self, kind: str, **told: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": kind, **told}) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the clients failed")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def clients(core: int) -> Iterator[Clients]:
    with pinned(core):
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sockets_load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        yield Clients(process)
    finally:
        process.kill()
        process.wait()


def main() -> int:
    many = most_sockets(SOCKETS)
    if many < SOCKETS:
        print(f"sockets: ONLY {many} of {SOCKETS}: the limit of open files (ulimit -n) allows no more")
    core, load_core = cores()
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        folder.chmod(0o711)  # as root another user runs PostgreSQL, who must get through
        shared = stack.enter_context(cluster(folder, core))
        url = asyncio.run(shared.create("enamel"))
        people = asyncio.run(settled(url, PAIRS, many))
        with chat_servers.fastapi("echo", core) as echo, clients(load_core) as them:
            bare = _memory_each(them, echo, "echo", ["" for _ in range(many)])
        node = stack.enter_context(chat_servers.enamel(url, folder / "node", core))
        them = stack.enter_context(clients(load_core))
        each = _memory_each(them, node, "enamel", people.crowd)
        idle = _cpu_idle(node, shared.pid)
        lost = them.do("gone")["gone"]
        them.do("leave")
        other = stack.enter_context(chat_servers.enamel(url, folder / "other", core))
        quiet, returned = _storm(them, node, other, people)
    return _verdict(bare, each, idle, lost, many // 2, Count(**quiet), returned)


def _memory_each(them: Clients, server: Server, wire: str, credentials: Sequence[str]) -> float:
    """Bytes of the server for one idle socket."""
    before = family_memory(server.process.pid)
    took = them.do("open", wire=wire, port=server.port, credentials=list(credentials))["seconds"]
    time.sleep(_SETTLE_SECONDS)
    each = (family_memory(server.process.pid) - before) / len(credentials)
    print(f"sockets: {wire}: {len(credentials)} in {took:.1f} s, {each / 1024:.1f} KiB each", flush=True)
    return each


def _cpu_idle(server: Server, database_pid: int) -> float:
    """The part of a core that server and PostgreSQL use for sockets that say nothing."""
    pids, began = (server.process.pid, database_pid), time.monotonic()
    before = sum(map(family_cpu_seconds, pids))
    time.sleep(SECONDS)
    return (sum(map(family_cpu_seconds, pids)) - before) / (time.monotonic() - began)


def _storm(them: Clients, node: Server, other: Server, people: People) -> tuple[dict[str, Any], dict[str, Any]]:
    """Half stay on the node, half are on the other one, which stops."""
    half = len(people.crowd) // 2
    them.do("open", wire="enamel", port=node.port, credentials=people.crowd[:half])
    them.do("open", wire="enamel", port=other.port, credentials=people.crowd[half:])
    time.sleep(_SETTLE_SECONDS)
    job = asdict(Job("enamel", node.port, people.pairs, seconds=TALK_SECONDS, rate=RATE))
    quiet = them.do("talk", job=job)
    them.say("follow", port=other.port, elsewhere=node.port, job=job)
    them.hear()
    time.sleep(2.0)  # the pairs talk by then
    other.process.terminate()
    return quiet, them.hear()


def _verdict(
    bare: float, each: float, idle: float, lost: int, half: int, quiet: Count, returned: dict[str, Any]
) -> int:
    during = Count(**returned["count"])
    print(
        f"sockets: {returned['returned']} came back in {returned['took']:.1f} s, at most"
        f" {returned['most_in_a_second']} in one second; {returned['told_to_wait']} were told how long to wait,"
        f" {returned['refused']} tries were refused"
    )
    print(
        f"sockets: others' ack p50 {quiet.ack_p50:.2f} -> {during.ack_p50:.2f} ms, p99 {quiet.ack_p99:.1f} ->"
        f" {during.ack_p99:.1f} ms: {during.ack_p99 / quiet.ack_p99:.2f} times"
    )
    held = [
        _says(f"{each / bare:.2f} times a bare echo's memory (bar <= {MEMORY_BAR})", each <= MEMORY_BAR * bare),
        _says(f"{idle:.1%} of a core when idle (bar < {IDLE_BAR:.0%})", idle < IDLE_BAR),
        _says(f"{lost} idle sockets were lost (bar 0)", lost == 0),
        _says(f"{returned['returned']} of {half} came back", returned["returned"] >= half),
        _says(
            f"{returned['most_in_a_second']} at most came in one second (bar <= a third of all)",
            returned["most_in_a_second"] * 3 <= half,
        ),
        _says(f"others' ack p99 {during.ack_p99:.1f} ms (bar < {ACK_BAR_MS:.0f})", during.ack_p99 < ACK_BAR_MS),
        _says(
            f"{quiet.wrong + during.wrong} messages lost, doubled or out of order (bar 0)",
            not quiet.wrong + during.wrong,
        ),
    ]
    return 0 if all(held) else 1


def _says(what: str, holds: bool) -> bool:
    print(f"sockets: {what}: {'holds' if holds else 'FAILS'}")
    return holds
