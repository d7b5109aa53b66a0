"""Enamel in the push benchmarks: its worker's process on a database of its own, and how fast it sends what is due."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.chat_people import SECRET
from benchmarks.harness import pinned
from benchmarks.processes import family_cpu_seconds
from benchmarks.push_people import Crowd, told
from benchmarks.push_seen import SinkClient
from benchmarks.push_sink import Seen
from core.database import Database
from push.notice import NoticeKind, Purpose

_LONGEST = 120.0
_PROBE_SECONDS = 0.02
_OPEN = "select exists (select from delivery where state in ('due', 'leased') and lane = any('{0,1,2}'))"
# When the claim began that took the first of them: before any statement of it ran.
_FIRST = "select extract(epoch from min(created_at))::float8 from delivery where created_at > $1"


@dataclass(frozen=True, slots=True)
class Pushed:
    """One round: messages a second from the first claim to the last recorded outcome; CPU microseconds a message."""

    rate: float
    worker_micros: float
    database_micros: float
    seen: Seen


@contextmanager
def running_worker(url: str, sink: SinkClient, folder: Path, core: int) -> Iterator[int]:
    """The worker's process id, until the block ends."""
    folder.mkdir(exist_ok=True)
    environment = {
        **os.environ, "ENAMEL_DATABASE_URL": url, "ENAMEL_SECRET": SECRET, "ENAMEL_DATA": str(folder),
        "ENAMEL_ENVIRONMENT": "development", "ENAMEL_FCM_URL": sink.url, "ENAMEL_DARKROOM_PROCESSES": "1",
    }  # fmt: skip
    with pinned(core):
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.push_worker"], env=environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def pushed(
    url: str, sink: SinkClient, crowd: Crowd, count: int, pids: tuple[int, int], kind: NoticeKind, purpose: Purpose
) -> Pushed:  # fmt: skip
    """One notice each for the first `count` patients; once every outcome is recorded, how fast that was."""
    database, connection = Database(url, pool=1), await asyncpg.connect(url)
    before = [family_cpu_seconds(pid) for pid in pids]
    began = await connection.fetchval("select clock_timestamp()")
    await told(database, crowd, range(count), kind, purpose)
    enqueued = [family_cpu_seconds(pid) for pid in pids]
    await _recorded(connection, sink, count)
    ended, after = time.time(), [family_cpu_seconds(pid) for pid in pids]
    first = await connection.fetchval(_FIRST, began)
    await connection.close()
    await database.close()
    worker = after[0] - before[0]  # it cannot begin before all are committed
    return Pushed(
        count / (ended - first), worker / count * 1e6, (after[1] - enqueued[1]) / count * 1e6, sink.seen()
    )  # fmt: skip


async def _recorded(connection: asyncpg.Connection, sink: SinkClient, count: int) -> None:
    """Asks the sink until all have come, and then PostgreSQL, by an index, until no outcome is missing."""
    ends_at = time.monotonic() + _LONGEST
    while sink.seen().hits < count or await connection.fetchval(_OPEN):
        if time.monotonic() > ends_at:
            raise RuntimeError(f"of {count} messages {sink.seen().hits} came")
        await asyncio.sleep(_PROBE_SECONDS)
