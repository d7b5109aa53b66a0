"""Every fault of a launcher that we know of, on real processes: what it must survive, and what it must never do."""

import asyncio
import ctypes
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from core.embedded_postgres import EmbeddedPostgres, NoPostgres, create_database

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")
PROGRAM = Path(__file__).with_name("postgres_program.py")
AS_ROOT = os.geteuid() == 0
LINUX = sys.platform == "linux"
PATIENCE = 30.0
_PR_SET_CHILD_SUBREAPER = 36

linux_only = pytest.mark.skipif(not LINUX, reason="parent-death signals and /proc are Linux's")
root_only = pytest.mark.skipif(not AS_ROOT, reason="needs root to become somebody else")


class Place:
    """A temp folder for clusters: what runs below it is found by its path, killed and reaped at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.homes: set[Path] = set()
        self.children: list[subprocess.Popen[Any]] = []

    def start(self, data: Path | None = None, *, binaries: str = "", durable: bool = False) -> EmbeddedPostgres:
        server = EmbeddedPostgres.start(data or self.folder / "data", binaries=binaries, durable=durable)
        self.homes.add(server.home)
        if server._process is not None:
            self.children.append(server._process)
        return server

    def program(self, data: Path | None = None, **options: Any) -> subprocess.Popen[str]:
        python = options.pop("python", sys.executable)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **options.pop("env", {})}
        program = subprocess.Popen(
            [python, str(PROGRAM), str(data or self.folder / "data")], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options,
        )  # fmt: skip
        self.children.append(program)
        return program

    def told(self, program: subprocess.Popen[str]) -> dict[str, Any]:
        assert program.stdout is not None
        assert program.stderr is not None
        line = program.stdout.readline()
        assert line, program.stderr.read()
        told: dict[str, Any] = json.loads(line)
        self.homes.add(Path(told["home"]))
        return told

    def servers(self) -> list[int]:
        """Live processes (no zombies) of PostgreSQL on a cluster of this place."""
        self.reap()
        return [pid for home in self.homes for pid in processes_of(home)]

    def reap(self) -> None:
        """Dead children, our own and the orphans that fall to us: a zombie would stay for ever."""
        for child in self.children:
            child.poll()
        with suppress(ChildProcessError):
            for pid in orphans():
                os.waitpid(pid, os.WNOHANG)

    def clear(self) -> None:
        for child in self.children:
            child.kill()
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()
        for pid in self.servers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert until(lambda: not self.servers())
        for child in self.children:
            child.wait()
        for folder in (self.folder, *self.homes):
            shutil.rmtree(folder, ignore_errors=True)


def processes_of(home: Path) -> list[int]:
    """Postmasters on this home and all they started."""
    if not LINUX:
        listed = subprocess.run(["/bin/ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if str(home) in line and "postgres" in line]
    state, parent, command = {}, {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            state[int(entry.name)], parent[int(entry.name)] = fields[0], int(fields[1])
            command[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    named = {pid for pid, line in command.items() if f"{home}/cluster" in line}
    children = {pid for pid in parent if parent[pid] in named and command[pid].startswith("postgres:")}
    return [pid for pid in named | children if state[pid] not in "ZX"]


def orphans() -> list[int]:
    """Dead children of ours that are PostgreSQL's: their command line is gone, their name is left."""
    if not LINUX:
        return []
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            if state == "Z" and int(parent) == os.getpid() and name.startswith("postgres"):
                found.append(int(entry.name))
    return found


def until(holds: Callable[[], bool], patience: float = PATIENCE) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def open_folder() -> Path:
    """A temp folder that others may pass through; pytest's own is closed to the user PostgreSQL runs as."""
    folder = Path(tempfile.mkdtemp(prefix="enamel-launcher-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def place() -> Iterator[Place]:
    libc = ctypes.CDLL(None)
    if LINUX:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    made = Place(open_folder())
    yield made
    made.clear()
    if LINUX:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


async def ask(server: EmbeddedPostgres | Path, *statements: str) -> Any:
    """The last statement's first value."""
    socket = server if isinstance(server, Path) else server.socket
    connection = await asyncpg.connect(user="enamel", host=str(socket), port=5432, database="postgres", timeout=5)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def postmaster_pid(home: Path) -> int:
    return int((home / "cluster" / "postmaster.pid").read_text().split()[0])


def end(program: subprocess.Popen[str]) -> int:
    out, errors = program.communicate("stop\n", timeout=30)
    assert not out, out
    assert program.returncode == 0, errors
    return program.returncode


def started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command)


def complaint_of(command: list[str], **options: Any) -> str:
    ended: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, check=False, **options
    )
    return ended.stderr


# --- It comes up, and keeps what it holds to itself ---


async def test_a_fresh_folder_answers_and_a_second_start_finds_the_rows(place: Place) -> None:
    server = place.start()
    assert server.owned
    assert await ask(server, "create table kept (id int)", "insert into kept values (7) returning id") == 7
    server.stop()
    assert not place.servers()
    again = place.start()
    assert await ask(again, "select id from kept") == 7
    again.stop()


async def test_there_is_no_network_and_no_password_and_the_socket_is_private(place: Place) -> None:
    server = place.start()
    assert await ask(server, "show listen_addresses") == ""
    assert (
        await ask(server, "select count(*) from pg_hba_file_rules where type <> 'local' or auth_method <> 'peer'") == 0
    )
    assert await ask(server, "select count(*) from pg_authid where rolpassword is not null") == 0
    assert mode(server.socket) == 0o700
    assert mode(server.home) == 0o700
    server.stop()


@root_only
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="no Python that an ordinary user may run")
async def test_another_system_user_gets_neither_to_the_socket_nor_past_peer(place: Place) -> None:
    server = place.start()
    knock = f"import socket; socket.socket(socket.AF_UNIX).connect({str(server.socket / '.s.PGSQL.5432')!r})"
    stranger: dict[str, Any] = {"user": "games", "group": "games", "extra_groups": []}
    assert "PermissionError" in complaint_of([str(SYSTEM_PYTHON), "-c", knock], **stranger)
    server.stop()


@pytest.mark.parametrize("name", ["with two spaces", "клиника Зубная фея", "牙科" * 3, 'it\'s "quoted"'])
async def test_any_folder_name_will_do(place: Place, name: str) -> None:
    server = place.start(place.folder / name)
    assert await ask(server, "select 1") == 1
    server.stop()


async def test_a_path_too_long_for_a_socket_gets_a_private_socket_folder(place: Place) -> None:
    data = place.folder.joinpath("long" * 12, "longer" * 10, "data")
    server = place.start(data)
    assert place.folder not in server.socket.parents
    assert len(os.fsencode(server.socket / ".s.PGSQL.5432")) <= 103
    assert mode(server.socket) == 0o700
    assert await ask(server, "select 1") == 1
    attached = place.start(data)
    assert (attached.owned, attached.socket) == (False, server.socket)
    server.stop()
    server.socket.rmdir()


async def test_a_planted_socket_folder_is_not_used(place: Place) -> None:
    """The temp folder is everybody's: a folder that is no longer private to us is left alone."""
    data = place.folder.joinpath("long" * 12, "longer" * 10, "data")
    first = place.start(data)
    first.stop()
    first.socket.chmod(0o777)
    second = place.start(data)
    assert second.socket != first.socket
    assert mode(second.socket) == 0o700
    second.stop()
    for folder in (first.socket, second.socket):
        shutil.rmtree(folder)


async def test_neither_statements_nor_values_of_a_failed_query_reach_the_log(place: Place) -> None:
    server = place.start()
    secret, twice = "Anna has caries on 36", "insert into t values ('Anna has caries'), ('Anna has caries')"
    with pytest.raises(asyncpg.PostgresError):
        await ask(server, f"select '{secret}'::int")
    with pytest.raises(asyncpg.PostgresError):
        await ask(server, "create table t (x text unique)", twice)
    with pytest.raises(asyncpg.PostgresError):
        await ask(server, f"do $$ begin raise exception '{secret}'; end $$")
    with pytest.raises(asyncpg.PostgresError):
        await ask(server, f"select pg_terminate_backend(pg_backend_pid()), '{secret}'")
    server.stop()
    log = (server.home / "postgres.log").read_text()
    assert "caries" not in log
    assert "ready to accept connections" in log, "the log must still say something"


@linux_only
async def test_a_backend_that_is_killed_leaves_no_statement_in_the_log(place: Place) -> None:
    server = place.start()
    connection = await asyncpg.connect(user="enamel", host=str(server.socket), port=5432, database="postgres")
    os.kill(await connection.fetchval("select pg_backend_pid()"), signal.SIGKILL)
    with pytest.raises((asyncpg.PostgresError, ConnectionError, asyncpg.InterfaceError)):
        await connection.fetchval("select pg_sleep(5), 'Anna has caries on 36'")
    connection.terminate()
    log = server.home / "postgres.log"
    assert until(lambda: log.read_text().count("ready to accept connections") == 2), "it restarts its sessions"
    assert "signal 9" in log.read_text()
    server.stop()
    assert "caries" not in log.read_text()


# --- Root's privileges ---


@root_only
async def test_a_private_home_above_the_data_keeps_its_mode_and_the_server_starts(place: Place) -> None:
    home = place.folder / "home of root"
    home.mkdir(mode=0o700)
    server = place.start(home / "clinic")
    assert mode(home) == 0o700
    assert server.home.parent == Path("/var/lib/enamel")
    assert await ask(server, "select 1") == 1
    server.stop()


@root_only
async def test_binaries_in_a_private_home_are_copied_and_run(place: Place) -> None:
    from core.embedded_postgres import find_binaries

    programs = find_binaries()
    private = place.folder / "private"
    private.mkdir(mode=0o700)
    # The whole package and its sibling ".libs": as if the virtual environment lay in root's home.
    package = programs.folder.parents[1]
    for folder in (package, package.with_name(package.name + ".libs")):
        if folder.is_dir():
            shutil.copytree(folder, private / folder.name, symlinks=True)
    complaint_of(["/bin/chmod", "-R", "go-rwx", str(private)])  # as installed under umask 077
    inside = private / package.name / programs.folder.relative_to(package)
    server = place.start(binaries=str(inside))
    assert await ask(server, "select 1") == 1
    assert mode(private) == 0o700
    server.stop()


@root_only
def test_a_strict_umask_is_no_hindrance(place: Place) -> None:
    program = place.program(place.folder / "not" / "yet" / "there", umask=0o077)
    assert place.told(program)["owned"]
    end(program)


@root_only
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="no Python that an ordinary user may run")
async def test_an_ordinary_user_runs_it_without_root(place: Place) -> None:
    place.folder.chmod(0o777)
    ordinary: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT), *(p for p in sys.path if "site-packages" in p)])}
    program = place.program(python=str(SYSTEM_PYTHON), env={**env, "PYTHONDONTWRITEBYTECODE": "1"}, **ordinary)
    told = place.told(program)
    assert told["owned"]
    assert Path(told["home"]).is_relative_to(place.folder)
    assert told["answer"] == 1
    end(program)


# --- What a crash leaves behind ---


@linux_only
async def test_a_bystander_with_a_reused_pid_is_left_alone(place: Place) -> None:
    server = place.start()
    server.stop()
    bystander = started(["/bin/sleep", "60"])
    try:
        lines = [str(bystander.pid), str(server.home / "cluster"), "1", "5432", str(server.socket), "", "", "ready"]
        (server.home / "cluster" / "postmaster.pid").write_text("\n".join(lines))
        again = place.start()
        assert again.owned
        assert await ask(again, "select 1") == 1
        assert bystander.poll() is None
        again.stop()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@linux_only
async def test_a_bystander_that_names_our_cluster_is_no_server(place: Place) -> None:
    """`less …/postgres/cluster/…` holds both words in its command line and is no postgres."""
    server = place.start()
    server.stop()
    cluster = server.home / "cluster"
    bystander = started([sys.executable, "-c", "import time; time.sleep(60)", f"{cluster}/postgresql.conf"])
    try:
        (cluster / "postmaster.pid").write_text(
            "\n".join([str(bystander.pid), str(cluster), "1", "5432", "", "", "", "ready"])
        )
        again = place.start()
        assert again.owned
        assert bystander.poll() is None
        again.stop()
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("left", ["", "12", "not a number\n", "\0\0\0\0", "999999999\n/nowhere\n"])
async def test_a_half_written_pid_file_is_no_obstacle(place: Place, left: str) -> None:
    server = place.start()
    server.stop()
    (server.home / "cluster" / "postmaster.pid").write_text(left)
    again = place.start()
    assert again.owned
    assert await ask(again, "select 1") == 1
    again.stop()


async def test_an_interrupted_initdb_is_begun_anew(place: Place) -> None:
    server = place.start()
    server.stop()
    cluster = server.home / "cluster"
    cluster.rename(cluster.with_name("cluster.unfinished"))
    (server.home / "cluster.unfinished" / "PG_VERSION").unlink()
    again = place.start()
    assert await ask(again, "select 1") == 1
    assert not (server.home / "cluster.unfinished").exists()
    again.stop()


@linux_only
async def test_committed_rows_survive_a_kill_of_every_process_at_once(place: Place) -> None:
    server = place.start(durable=True)
    await ask(server, "create table kept (id int)", "insert into kept select generate_series(1, 500)", "select 1")
    for pid in place.servers():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert until(lambda: not place.servers())
    again = place.start()
    assert again.owned
    assert await ask(again, "select count(*) from kept") == 500
    again.stop()


@linux_only
async def test_a_killed_postmaster_with_a_busy_session_is_replaced(place: Place) -> None:
    """The orphaned session does not look up from its work; the new server waits for the end of the old ones."""
    server = place.start(durable=True)
    await ask(server, "create table kept as select generate_series(1, 500) id", "select 1")
    busy = await asyncpg.connect(user="enamel", host=str(server.socket), port=5432, database="postgres")
    await busy.execute("insert into kept values (501)")
    running = asyncio.ensure_future(busy.fetchval("select count(*) from generate_series(1, 30000000)"))
    await asyncio.sleep(0.2)
    os.kill(postmaster_pid(server.home), signal.SIGKILL)
    place.children[-1].wait()  # the signal is on its way until the process is gone; before that it still counts as one
    again = place.start()
    assert await ask(again, "select count(*) from kept") == 501
    with suppress(asyncpg.PostgresError, ConnectionError, asyncpg.InterfaceError):
        await running
    busy.terminate()
    again.stop()


# --- Several processes ---


@linux_only
async def test_a_killed_owner_takes_its_server_along(place: Place) -> None:
    program = place.program()
    told = place.told(program)
    assert (
        await ask(Path(told["socket"]), "create table kept (id int)", "insert into kept values (1) returning id") == 1
    )
    program.kill()
    program.communicate()
    assert until(lambda: not place.servers())
    again = place.start()
    assert await ask(again, "select count(*) from kept") == 1
    again.stop()


@linux_only
async def test_a_start_right_after_the_owners_death_does_not_adopt_a_dying_server(place: Place) -> None:
    program = place.program()
    told = place.told(program)
    session = await asyncpg.connect(user="enamel", host=told["socket"], port=5432, database="postgres")
    slow = await session.fetchval("select pg_backend_pid()")
    os.kill(slow, signal.SIGSTOP)
    program.kill()
    program.communicate()
    pid_file = Path(told["home"], "cluster", "postmaster.pid")
    assert until(lambda: "stopping" in pid_file.read_text())
    waker = started(["/bin/sh", "-c", f"sleep 1; kill -CONT {slow}"])
    again = place.start()
    assert again.owned
    assert await ask(again, "select 1") == 1
    session.terminate()
    waker.wait()
    again.stop()


async def test_two_that_start_at_once_share_one_server(place: Place) -> None:
    first, second = place.program(), place.program()
    told = [place.told(first), place.told(second)]
    assert sorted(each["owned"] for each in told) == [False, True]
    assert told[0]["socket"] == told[1]["socket"]
    assert len(place.servers()) > 0
    owner, guest = (first, second) if told[0]["owned"] else (second, first)
    end(guest)
    assert await ask(Path(told[0]["socket"]), "select 1") == 1, "who attached does not stop the server"
    end(owner)
    assert until(lambda: not place.servers())


async def test_an_attached_server_is_not_stopped(place: Place) -> None:
    owner = place.start()
    guest = place.start()
    assert (owner.owned, guest.owned) == (True, False)
    guest.stop()
    assert await ask(owner, "select 1") == 1
    owner.stop()


async def test_a_database_is_made_once_whoever_comes_first(place: Place) -> None:
    server = place.start()
    await asyncio.gather(*(create_database(server, "clinic") for _ in range(4)))
    await create_database(server, "clinic")
    assert await ask(server, "select count(*) from pg_database where datname = 'clinic'") == 1
    server.stop()


def test_a_cluster_that_another_container_works_on_is_left_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server cannot be seen by pid from here, but holds the lock it inherited."""
    server = place.start()
    pid_file = server.home / "cluster" / "postmaster.pid"
    kept = pid_file.read_text()
    pid_file.write_text(kept.replace(kept.splitlines()[0], "1", 1))  # as another pid namespace shows it
    monkeypatch.setattr("core.embedded_postgres.server._START_SECONDS", 0.3)
    with pytest.raises(NoPostgres, match="another PostgreSQL works on"):
        place.start()
    pid_file.write_text(kept)
    server.stop()
