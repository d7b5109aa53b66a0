"""Pictures a second through the whole pipeline, against bare library calls that make the same two previews.

The pipeline is the worker's own loops: claim rows, fetch from the folder, SHA-256, virus scanner (plain twin), look
into each in the darkroom, two previews, hash and the patient's copy, store, settle the rows in PostgreSQL. The floor is
one process that holds the bytes in memory and calls a library, for each kind of file the faster of Pillow and libvips.
Rounds in turn. One core: everything, PostgreSQL's processes too, on the core of the floor, because a clinic's server
has no other core that would do their work for nothing. Two cores: two processes of the darkroom, everything on both.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.cabinet import database_on
from benchmarks.harness import cores, postmaster
from benchmarks.previews_contender import settled
from benchmarks.previews_mix import DICOMS, PHOTOS, TIMES, XRAYS

BAR, TWO_CORES_BAR = 0.85, 1.7
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
_FILES = TIMES * (PHOTOS + XRAYS + DICOMS)


@dataclass(slots=True)
class Contender:
    """A process that does the whole mix when it is told to, and what its rounds took."""

    name: str
    process: subprocess.Popen[str]
    on: set[int]
    """Its cores, and those of PostgreSQL while it is its turn."""
    database_pid: int
    rounds: list[dict[str, float]] = field(default_factory=list)

    cpu: list[float] = field(default_factory=list)
    """Seconds of the processor in each round, of the process, of those it started and of PostgreSQL."""

    def go(self, *, counts: bool) -> None:
        assert self.process.stdin is not None
        _move(self.database_pid, self.on)
        before = self._cpu_seconds()
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        seconds: dict[str, float] = json.loads(self._line())
        if counts:
            self.rounds.append(seconds)
            self.cpu.append(self._cpu_seconds() - before)

    def _cpu_seconds(self) -> float:
        return _cpu_seconds(self.process.pid) + _cpu_seconds(self.database_pid)

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended")
        return line

    def wait_until_ready(self) -> None:
        assert self._line() == "ready\n"

    def seconds(self, kind: str) -> float:
        return median(each[kind] for each in self.rounds)

    @property
    def rate(self) -> float:
        """Pictures a second, of the median round."""
        return _FILES / median(sum(each.values()) for each in self.rounds)


def main() -> int:
    core, other = cores()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o711)
        server = stack.enter_context(database_on(folder, other))
        url = server.url("bench")
        asyncio.run(settled(url, folder))
        environment = {"BENCH_URL": url, "BENCH_FOLDER": str(folder)}
        contenders = [
            stack.enter_context(_running(name, kind, on, postmaster(server), environment))
            for name, kind, on in (
                ("Pillow alone, one core", "pillow", {core}),
                ("libvips alone, one core", "vips", {core}),
                ("enamel, one core", "enamel", {core}),
                ("enamel, two cores", "enamel", {core, other}),
            )
        ]
        for number in range(ROUNDS + 1):  # the first warms up
            for contender in contenders:
                contender.go(counts=number > 0)
    return _verdict(*contenders)


@contextmanager
def _running(name: str, kind: str, on: set[int], database_pid: int, environment: dict[str, str]) -> Iterator[Contender]:
    pinned = hasattr(os, "sched_setaffinity")
    before = os.sched_getaffinity(0) if pinned else set()
    if pinned:
        os.sched_setaffinity(0, on)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.previews_contender", kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **environment, "BENCH_CORES": str(len(on)), "VIPS_CONCURRENCY": "1",
                 "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
    finally:
        if pinned:
            os.sched_setaffinity(0, before)
    contender = Contender(name, process, on, database_pid)
    try:
        contender.wait_until_ready()
        yield contender
    finally:
        process.kill()
        process.wait(timeout=20)


def _move(database_pid: int, on: set[int]) -> None:
    """PostgreSQL and all its processes to these cores; where the system cannot pin, nothing happens."""
    if not hasattr(os, "sched_setaffinity"):
        return
    children = Path(f"/proc/{database_pid}/task/{database_pid}/children").read_text(encoding="ascii").split()
    for pid in (database_pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, on)


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its children, and of those children that ended; 0 without /proc."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return sum(_ticks(each) for each in (str(pid), *children)) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def _ticks(pid: str) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return sum(int(each) for each in stat[11:15])


def _verdict(pillow: Contender, vips: Contender, one: Contender, two: Contender) -> int:
    kinds = list(pillow.rounds[0])
    floor = _FILES / sum(min(pillow.seconds(kind), vips.seconds(kind)) for kind in kinds)
    for kind in kinds:
        print(f"{kind:20} Pillow {pillow.seconds(kind):7.3f} s   libvips {vips.seconds(kind):7.3f} s a round")
    print(f"{'':26}{'pictures/s':>11}{'ratio':>7}{'cpu ms':>8}  a picture")
    for contender in (pillow, vips, one, two):
        cpu = median(contender.cpu) / _FILES * 1000
        print(f"{contender.name:26}{contender.rate:>11.2f}{contender.rate / floor:>7.2f}{cpu:>8.1f}")
    ratio, gain = one.rate / floor, two.rate / one.rate
    holds = ratio >= BAR and (gain >= TWO_CORES_BAR or cores()[0] == cores()[1])
    print(
        f"previews: {ratio:.2f} of the faster library, kind by kind (bar {BAR}); two cores {gain:.2f} times one"
        f" (bar {TWO_CORES_BAR}): {'holds' if holds else 'FAILS'}"
    )
    return 0 if holds else 1
