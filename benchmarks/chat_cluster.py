"""A PostgreSQL that all chat contenders share: stock settings, durable, reached by TCP because ejabberd needs that."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.harness import free_port, pinned
from core.embedded_postgres import find_binaries
from core.embedded_postgres.account import ServerAccount, readable_binaries, server_account

_SETTINGS = ("max_connections=200", "shared_buffers=256MB")
_READY_SECONDS = 30.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server on loopback: everybody of this machine may come in as `enamel`."""

    port: int
    pid: int

    def url(self, database: str) -> str:
        return f"postgresql://enamel@127.0.0.1:{self.port}/{database}"

    async def create(self, database: str) -> str:
        """A new, empty database; its address."""
        connection = await asyncpg.connect(self.url("postgres"))
        await connection.execute(f"create database {database}")
        await connection.close()
        return self.url(database)


@contextmanager
def cluster(folder: Path, core: int) -> Iterator[Cluster]:
    """fsync and synchronous_commit are on: an ack is worth nothing else."""
    account = server_account()
    home = folder / "postgres"
    account.make_private(home)
    programs = readable_binaries(find_binaries(), home, account)
    as_user: dict[str, Any] = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.drops else {}
    initdb = [
        str(programs.initdb),
        "-D",
        str(home / "cluster"),
        "-U",
        "enamel",
        "--auth=trust",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **as_user)
    port = free_port()  # asked for late: who asks early may find it taken
    options = (f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={home}", *_SETTINGS)
    words = [word for option in options for word in ("-c", option)]
    log = _log(home, account)
    with log.open("ab") as out, pinned(core):
        process = subprocess.Popen(
            [programs.postgres, "-D", home / "cluster", *words], cwd="/", stdout=out, stderr=out, **as_user
        )
    try:
        _wait_for(process, home / "cluster" / "postmaster.pid", log)
        yield Cluster(port, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_STOP_SECONDS)
        shutil.rmtree(home, ignore_errors=True)


def _log(home: Path, account: ServerAccount) -> Path:
    log = home / "log"
    log.touch()
    account.own(log)
    return log


def _wait_for(process: subprocess.Popen[bytes], note: Path, log: Path) -> None:
    ends_at = time.monotonic() + _READY_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        if note.exists() and note.read_text(encoding="utf-8", errors="replace").rstrip().endswith("ready"):
            return
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"PostgreSQL did not come up: {log.read_text(errors='replace')[-800:]}")
