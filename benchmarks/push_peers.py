"""The queues that the push benchmark compares with: graphile-worker (npm) and Celery (a venv of its own, Redis).

Each is started on a full queue and measured at the sink: from the first request to the last.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.harness import Server, free_port, pinned, wait_for
from benchmarks.push_people import token_of
from benchmarks.push_seen import SinkClient
from core.ids import new_id

_GRAPHILE = Path(__file__).parent / "graphile"
_CELERY = Path(__file__).parent / "celery_peer"
_NODE, _NPM, _REDIS = (shutil.which(name) or "" for name in ("node", "npm", "redis-server"))
_CELERY_NEEDS = ("celery[redis]==5.7.0", "requests==2.34.2")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "enamel-bench"
_LONGEST = 120.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A queue: `run(n, concurrency)` fills it with n messages and lets its worker send them; the rate at the sink."""

    name: str
    run: Callable[[int, int], float]


@contextmanager
def _worker(command: Sequence[str], core: int, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with pinned(core):
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _sent(sink: SinkClient, count: int) -> float:
    """Messages a second, once all have come."""
    ends_at = time.monotonic() + _LONGEST
    while (seen := sink.seen()).hits < count:
        if time.monotonic() > ends_at:
            raise RuntimeError(f"of {count} messages {seen.hits} came")
        time.sleep(0.05)
    return (seen.hits - 1) / (seen.last - seen.first)


def graphile(sink: SinkClient, url: str, core: int, folder: Path) -> Peer | str:
    """The peer, or why there is none. `url`: an empty database of its own."""
    if not (_NODE and _NPM):
        return "node and npm are not installed"
    shutil.copytree(_GRAPHILE, folder)
    install = [_NPM, "ci", "--no-audit", "--no-fund", "--silent"]
    if subprocess.run(install, cwd=folder, check=False).returncode:
        return "npm could not install graphile-worker"
    schema = [_NODE, "node_modules/graphile-worker/dist/cli.js", "-c", url, "--schema-only"]
    subprocess.run(schema, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    def run(count: int, concurrency: int) -> float:
        import asyncio

        asyncio.run(_enqueued(url, count))
        command = [_NODE, "worker.mjs", url, sink.url, str(concurrency)]
        with _worker(command, core, folder, {"NODE_ENV": "production", "NO_LOG_SUCCESS": "1"}):
            return _sent(sink, count)

    return Peer("graphile-worker", run)


async def _enqueued(url: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    jobs = [json.dumps({"mid": str(new_id()), "token": token_of(place)}) for place in range(count)]
    await connection.execute(
        "select graphile_worker.add_job('push', each::json) from unnest($1::text[]) each", jobs
    )  # fmt: skip
    await connection.execute("analyze graphile_worker._private_jobs")
    await connection.close()


def celery(sink: SinkClient, core: int, client_core: int, folder: Path) -> Peer | str:
    """The peer, or why there is none."""
    if not _REDIS:
        return "redis-server is not installed"
    python = _celery_python()
    if python is None:
        return "its packages could not be installed"
    folder.mkdir()

    def run(count: int, concurrency: int) -> float:
        with _redis(core, folder) as port:
            environment = {"PUSH_BROKER": f"redis://127.0.0.1:{port}/0", "PUSH_SINK": sink.url}
            with pinned(client_core):
                subprocess.run(
                    [python, "push_task.py", str(count)], cwd=_CELERY, check=True, env={**os.environ, **environment}
                )
            quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "critical"]
            command = [python, "-m", "celery", "-A", "push_task", "worker", "-P", "threads", "-c", str(concurrency)]
            with _worker([*command, *quiet], core, _CELERY, environment):
                return _sent(sink, count)

    return Peer("celery, threads, redis", run)


def _celery_python() -> str | None:
    """Of a venv that is made once and kept."""
    venv = _CACHE / "celery-5.7.0"
    python = venv / "bin" / "python"
    if (venv / "ready").exists():
        return str(python)
    shutil.rmtree(venv, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        quiet = ["--quiet", "--disable-pip-version-check"]
        install = [str(python), "-m", "pip", "install", *quiet, *_CELERY_NEEDS]
        subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, OSError):
        return None
    (venv / "ready").touch()
    return str(python)


@contextmanager
def _redis(core: int, folder: Path) -> Iterator[int]:
    """With its stock persistence, as it is installed; empty each time."""
    port = free_port()
    for left in folder.glob("*.rdb"):
        left.unlink()
    with pinned(core):
        process = subprocess.Popen(
            [_REDIS, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)], stdout=subprocess.DEVNULL
        )
    server = wait_for(Server(port, process), "redis-server")
    try:
        yield port
    finally:
        server.stop()
