"""ejabberd as the chat's peer: its archive in PostgreSQL, stream management, nothing throttled."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.chat_cluster import Cluster
from benchmarks.harness import Server, free_port, pinned, wait_for

_LIBRARIES = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin/ejabberd.app"))
_SCHEMA = Path("/usr/share/ejabberd/sql/pg.sql")
_DATABASE = "ejabberd"

# What a message passes through as Debian ships it, and the archive. Shapers are off: nobody is slowed down.
_CONFIGURATION = """
hosts: [localhost]
loglevel: error
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, backlog: 1024, max_stanza_size: 262144, shaper: none, access: all}}
auth_method: [sql]
auth_password_format: plain
sql_type: pgsql
sql_server: "127.0.0.1"
sql_port: {sql_port}
sql_database: {database}
sql_username: enamel
sql_password: ""
sql_pool_size: 10
default_db: sql
certfiles: []
modules:
  mod_admin_extra: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_disco: {{}}
  mod_last: {{}}
  mod_mam: {{default: always, db_type: sql}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_push: {{}}
  mod_roster: {{}}
  mod_stream_mgmt: {{}}
"""  # noqa: E501  a configuration's lines are as long as they are


@dataclass(slots=True)
class Ejabberd(Server):
    """Terminated by SIGTERM like any other, but never waits for its clients."""

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def missing() -> str:
    """Why there is no peer here; empty where there is one."""
    if shutil.which("erl") is None or not _LIBRARIES or not _SCHEMA.exists():
        return "ejabberd is not installed (make servers, on Debian as root)"
    return ""


def serve_ejabberd(cluster: Cluster, core: int, folder: Path, names: Sequence[str]) -> Server:
    """ejabberd with these users, each one's password its name; one scheduler, because it has one core."""
    asyncio.run(_founded(cluster, _SCHEMA.read_text(encoding="utf-8"), names))
    port = free_port()
    folder.mkdir()
    told = _CONFIGURATION.format(port=port, sql_port=cluster.port, database=_DATABASE)
    (folder / "ejabberd.yml").write_text(told)
    environment = {
        **os.environ,
        "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
        "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
        "ERL_LIBS": str(_LIBRARIES[-1].parents[2]),
        "ERL_CRASH_DUMP": str(folder / "crash.dump"),
        "HOME": str(folder),
    }
    command = ["erl", "+K", "true", "+P", "250000", "+S", "1:1", "-noinput", "-mnesia", "dir", f'"{folder}/mnesia"']
    with pinned(core), (folder / "out").open("wb") as out:
        process = subprocess.Popen([*command, "-s", "ejabberd"], env=environment, cwd=folder, stdout=out, stderr=out)
    return wait_for(Ejabberd(port, process), "ejabberd")


async def _founded(cluster: Cluster, schema: str, names: Sequence[str]) -> None:
    connection = await asyncpg.connect(await cluster.create(_DATABASE))
    await connection.execute(schema)
    await connection.executemany("insert into users (username, password) values ($1, $1)", [(name,) for name in names])
    await connection.execute("analyze")
    await connection.close()


async def kept(cluster: Cluster) -> int:
    """Messages in the archive; each stands there twice, for its sender and for its recipient."""
    connection = await asyncpg.connect(cluster.url(_DATABASE))
    rows: int = await connection.fetchval("select count(*) from archive")
    await connection.close()
    return rows // 2
