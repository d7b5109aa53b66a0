"""Starts PostgreSQL on a data folder, or attaches to the one that already runs there.

The first process owns the server and stops it; later ones attach. There is no password and no network:
one unix socket in a folder of mode 0700, peer authentication, two operating-system users mapped to our
role. Killed at any line the next start mends it: the cluster is made beside its place and renamed when
whole; a stale pid file counts only if its process is a postgres on this very folder; on Linux the server
dies with its owner (parent-death signal), elsewhere the next start adopts it.
"""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from core.embedded_postgres.account import ServerAccount, cluster_home, own_name, readable_binaries, server_account
from core.embedded_postgres.binaries import Binaries, NoPostgres, find_binaries
from core.embedded_postgres.standing import READY, standing

OWNER_ROLE = "enamel"
_PORT = 5432
_LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
_START_SECONDS = 30.0
_LOOK_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1
_BUILTIN_FROM = 17
_PRIVATE = 0o700

# Statements, parameters and row values never reach the server's log: they may be health facts. Nor does
# the message of a failed statement, which quotes what it stumbled over; the API logs its own failures.
_QUIET_LOG = (
    "log_min_messages=log", "log_min_error_statement=panic", "log_error_verbosity=terse", "log_statement=none",
)  # fmt: skip
_TEST_SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedPostgres:
    """A running server. `owned` tells whether this process started it and will stop it."""

    def __init__(self, home: Path, socket: Path, process: subprocess.Popen[bytes] | None) -> None:
        self.home = home
        self.socket = socket
        self._process = process

    @property
    def owned(self) -> bool:
        return self._process is not None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The server's process where we started it: for whoever watches over it."""
        return self._process

    def url(self, database: str) -> str:
        return f"postgresql://{OWNER_ROLE}@/{database}?host={self.socket}&port={_PORT}"

    @classmethod
    def start(cls, data: Path, *, binaries: str = "", durable: bool = True) -> "EmbeddedPostgres":
        """Start or attach. Call it on the main thread: the parent-death signal is the thread's.

        Raises `NoPostgres` with what to do where there are no programs or the server does not come up.
        """
        account = server_account()
        home = cluster_home(data, account)
        account.make_private(home)
        with _lock(home):
            programs = readable_binaries(find_binaries(binaries), home, account)
            cluster = home / "cluster"
            if not cluster.exists():
                _make_cluster(programs, cluster, account, durable=durable)
            socket = _socket_folder(home, account)
            if _settled(cluster) == READY:
                return cls(home, socket, None)
            with _claim(home) as claim:
                _clear_stale(cluster, socket)
                return cls(home, socket, _brought_up(programs, cluster, socket, account, claim, durable=durable))

    def stop(self) -> None:
        """Fast shutdown of an owned server (open transactions roll back); an attached one runs on."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        self._process = None


async def create_database(server: EmbeddedPostgres, name: str) -> None:
    """Make the database unless it exists."""
    connection = await asyncpg.connect(user=OWNER_ROLE, host=str(server.socket), port=_PORT, database="postgres")
    try:
        if await connection.fetchval("select 1 from pg_database where datname = $1", name):
            return
        with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # another start was faster
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Two processes that start at once take turns: one makes the cluster, the other finds it."""
    with (home / "start.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _claim(home: Path) -> Iterator[int]:
    """The right to run a server on this cluster: a lock that the server and its sessions inherit and hold.

    A server in another container cannot be seen by its pid, and a session can outlive its killed server;
    both keep the lock, and a second server beside them would destroy the data. Waits for sessions to end.
    """
    deadline = time.monotonic() + _START_SECONDS
    with (home / "running.lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NoPostgres(
                        f"another PostgreSQL works on {home}, perhaps of another container:"
                        " a data folder is for one at a time"
                    ) from None
                time.sleep(_LOOK_SECONDS)
        yield file.fileno()


def _make_cluster(programs: Binaries, cluster: Path, account: ServerAccount, *, durable: bool) -> None:
    unfinished = cluster.with_name("cluster.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # The builtin provider sorts and folds the same on Linux and macOS; it exists from version 17 on.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    locale = builtin if programs.major >= _BUILTIN_FROM else ["--locale=C.UTF-8"]
    command = [str(programs.initdb), "-D", str(unfinished), "-U", OWNER_ROLE, "--auth=peer", "--encoding=UTF8", *locale]
    command += [] if durable else ["--no-sync"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **_as_user(account))
    if made.returncode:
        raise NoPostgres(f"initdb failed: {made.stderr.strip()}")
    names = {account.name, own_name()}
    (unfinished / "pg_hba.conf").write_text("local all all peer map=enamel\n")
    (unfinished / "pg_ident.conf").write_text("".join(f"enamel {name} {OWNER_ROLE}\n" for name in sorted(names)))
    unfinished.rename(cluster)


def _socket_folder(home: Path, account: ServerAccount) -> Path:
    """A 0700 folder whose path fits a socket address; where ours is too long, a private one in the temp folder."""
    inside = home / "socket"
    if len(os.fsencode(inside / f".s.PGSQL.{_PORT}")) <= _LONGEST_SOCKET:
        account.make_private(inside)
        return inside
    note = home / "socket.place"
    if note.exists() and _is_private(Path(note.read_text()), account):
        return Path(note.read_text())
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    folder = Path(tempfile.mkdtemp(prefix=f"enamel-{digest}-", dir="/tmp"))
    account.own(folder)
    note.write_text(str(folder))
    return folder


def _is_private(folder: Path, account: ServerAccount) -> bool:
    """Still the folder we made: not a link, ours, closed to others (the temp folder is everybody's)."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and stat.S_IMODE(found.st_mode) == _PRIVATE


def _clear_stale(cluster: Path, socket: Path) -> None:
    """A dead server's pid file and its socket's lock both block a start."""
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (socket / f".s.PGSQL.{_PORT}").unlink(missing_ok=True)
    (socket / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)


def _launch(
    programs: Binaries, cluster: Path, socket: Path, account: ServerAccount, claim: int, *, durable: bool
) -> subprocess.Popen[bytes]:
    options = [
        "listen_addresses=",
        f"unix_socket_directories={socket}",
        "unix_socket_permissions=0700",
        f"port={_PORT}",
        "max_connections=200",
        *_QUIET_LOG,
        *(() if durable else _TEST_SPEED),
    ]
    command = [str(programs.postgres), "-D", str(cluster), *(word for option in options for word in ("-c", option))]
    log = cluster.parent / "postgres.log"
    with log.open("ab") as out:
        account.own(log)
        # preexec_fn is one bare libc call made on the main thread: no lock of another thread can be held.
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
            start_new_session=True, pass_fds=(claim,), preexec_fn=_die_with_parent(), **_as_user(account),  # noqa: PLW1509
        )  # fmt: skip
    return process


def _die_with_parent() -> Callable[[], None] | None:
    """Linux: a fast shutdown when the owner is gone. Set after the change of user, which clears it."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) and None


def _settled(cluster: Path) -> str:
    """The standing once it is `ready` or empty: who attached to a server that stops would soon have none."""
    deadline = time.monotonic() + _START_SECONDS
    while (found := standing(cluster)) not in {READY, ""}:
        if time.monotonic() > deadline:
            raise NoPostgres(f"the PostgreSQL on {cluster} has been {found} for {_START_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
    return found


def _brought_up(
    programs: Binaries, cluster: Path, socket: Path, account: ServerAccount, claim: int, *, durable: bool
) -> subprocess.Popen[bytes]:
    """A server that answers, or `NoPostgres` with the end of its log."""
    log = cluster.with_name("postgres.log")
    before = log.stat().st_size if log.exists() else 0
    process = _launch(programs, cluster, socket, account, claim, durable=durable)
    if _came_up(process, cluster, time.monotonic() + _START_SECONDS):
        return process
    told = log.read_bytes()[before:].decode(errors="replace")
    raise NoPostgres(f"PostgreSQL did not come up; the end of {log}:\n{told[-800:]}")


def _came_up(process: subprocess.Popen[bytes], cluster: Path, deadline: float) -> bool:
    while process.poll() is None and time.monotonic() < deadline:
        if standing(cluster) == READY:
            return True
        time.sleep(_LOOK_SECONDS)
    process.kill()
    process.wait()
    return False


def _as_user(account: ServerAccount) -> dict[str, Any]:
    """Arguments that make subprocess drop root; nothing where there is no root to drop."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account.drops else {}
