"""What every benchmark needs: servers pinned to one core, load from another, CPU per request, rounds in turn."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.load import Count, Job
from core.embedded_postgres import EmbeddedPostgres

_TICKS = os.sysconf("SC_CLK_TCK")
_READY_SECONDS = 30.0


def cores() -> tuple[int, int]:
    """The core of the server under test, and the one of PostgreSQL and the load (the same where there is one)."""
    if not hasattr(os, "sched_getaffinity"):
        return (0, 0)
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes started in here run on `core`; where the system cannot pin, nothing happens."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(slots=True)
class Server:
    """One application in one process."""

    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


def serve(factory: str, core: int, environment: dict[str, str]) -> Server:
    """Start `factory` (`module:function`, gives an ASGI application) and wait until it accepts."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port), "--loop", "uvloop",
        "--http", "httptools", "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip
    with pinned(core):
        process = subprocess.Popen(command, env={**os.environ, **environment})
    return wait_for(Server(port, process), factory)


def wait_for(server: Server, name: str) -> Server:
    """The server, once it accepts connections; killed where it does not."""
    ends_at = time.monotonic() + _READY_SECONDS
    while time.monotonic() < ends_at and server.process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                return server
        time.sleep(0.05)
    server.process.kill()
    raise RuntimeError(f"{name} did not come up")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(slots=True)
class Contender:
    """One thing to measure: a server, what is asked of it, and what came of every round."""

    name: str
    server: Server
    requests: list[str]
    status: int = 200
    least_bytes: int = 1
    rates: list[float] = field(default_factory=list)
    app_micros: list[float] = field(default_factory=list)
    database_micros: list[float] = field(default_factory=list)
    body_bytes: int = 0

    @property
    def rate(self) -> float:
        return median(self.rates)


def compare(
    contenders: Sequence[Contender], *, rounds: int, seconds: float, core: int, database_pid: int, connections: int = 32
) -> None:
    """Rounds in turn (A, B, C, A, B, C …), so that what else the machine does hits all alike. The first warms up."""
    for number in range(rounds + 1):
        for contender in contenders:
            app, database = _cpu_seconds(contender.server.process.pid), _family_cpu_seconds(database_pid)
            count = _load(contender, seconds if number else min(seconds, 1.0), core, connections)
            app_used = _cpu_seconds(contender.server.process.pid) - app
            database_used = _family_cpu_seconds(database_pid) - database
            if count.wrong:
                raise RuntimeError(f"{contender.name}: {count.wrong} of {count.answers} answers were wrong")
            if number:
                contender.rates.append(count.answers / count.seconds)
                contender.app_micros.append(app_used / count.answers * 1e6)
                contender.database_micros.append(database_used / count.answers * 1e6)
                contender.body_bytes = count.bytes_of_one


def _load(contender: Contender, seconds: float, core: int, connections: int) -> Count:
    job = Job(
        contender.server.port, contender.requests, contender.status, seconds, connections, contender.least_bytes
    )  # fmt: skip
    with pinned(core):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load"],
            input=json.dumps(asdict(job)), capture_output=True, text=True, check=True, timeout=seconds + 60,
        )  # fmt: skip
    return Count(**json.loads(done.stdout))


def postmaster(server: EmbeddedPostgres) -> int:
    """The process whose children are PostgreSQL's."""
    return int((server.home / "cluster" / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])


def _cpu_seconds(pid: int) -> float:
    """User and system time of one process; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _family_cpu_seconds(pid: int) -> float:
    """The same of a process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        children = []
    return _cpu_seconds(pid) + sum(_cpu_seconds(int(child)) for child in children)


def table(contenders: Sequence[Contender], floor: Contender) -> str:
    lines = [f"{'':34}{'req/s':>8}{'ratio':>8}{'app us':>9}{'pg us':>8}{'bytes':>8}"]
    lines += [
        f"{one.name:34}{one.rate:>8.0f}{one.rate / floor.rate:>8.2f}{median(one.app_micros):>9.0f}"
        f"{median(one.database_micros):>8.0f}{one.body_bytes:>8}"
        for one in contenders
    ]
    return "\n".join(lines)
