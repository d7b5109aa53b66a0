"""Runs the demo: database, API and sockets in this process, the worker in its own, until Ctrl-C."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from core.clock import now
from core.settings import DEVELOPMENT_SECRET, Settings
from enamel.api_ports import api_ports
from enamel.demo.cast import ROLES
from enamel.demo.founding import found, holds_a_clinic
from enamel.demo.people import BRANCHES
from enamel.migrate import upgrade
from enamel.problems import CannotStart
from enamel.serve import stops_on_sigterm, uvicorn_server
from enamel.start import Server, postgres, prepare_data_folder, printed_file
from enamel.watch import ends_with


def run_demo(settings: Settings) -> int:
    """Serve the demo clinic until Ctrl-C or SIGTERM. Raises `CannotStart`."""
    listening = _listen(settings)
    prepare_data_folder(settings)
    settings = _of_this_demo(settings, listening)
    with listening, _alone(settings), stops_on_sigterm(), postgres(settings) as server:
        upgrade(server.owner_url)
        _tell(asyncio.run(_demo(settings, server)))
        with _worker(settings, server) as worker:
            http = uvicorn_server(api_ports(settings, server.url), settings)
            with ends_with(http, {"PostgreSQL": server.process, "the worker": worker}) as watch:
                http.run(sockets=[listening])
            return 1 if watch.failed else 0
    return 0


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One demo for each data folder: the first would take its database along, and demo.json names one address."""
    with (settings.data / "demo.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"a demo already runs on {settings.data}; its address stands in {settings.data / 'demo.json'}"
            ) from None
        yield


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=512, reuse_port=False)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise CannotStart(
            f"cannot listen on {place} ({error.strerror}): set ENAMEL_PORT to another, 0 picks one"
        ) from None


def _of_this_demo(settings: Settings, listening: socket.socket) -> Settings:
    """The settings with the port that was really given and a secret of this data folder's own."""
    host, port = listening.getsockname()[:2]
    changes: dict[str, Any] = {"port": port, "public_url": settings.public_url or f"http://{host}:{port}"}
    if settings.secret.get_secret_value() == DEVELOPMENT_SECRET:
        changes["secret"] = SecretStr(_own_secret(settings.data / "secret"))
    return settings.model_copy(update=changes)


def _own_secret(file: Path) -> str:
    if not file.exists():
        _write_privately(file, secrets.token_urlsafe(32))
    return file.read_text()


def _write_privately(file: Path, text: str) -> None:
    """Whole or not at all, and for nobody else to read."""
    unfinished = file.with_name(file.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    unfinished.rename(file)


async def _demo(settings: Settings, server: Server) -> dict[str, Any]:
    """What demo.json says: of the demo that is here, or of a new one.

    A crash while founding leaves clinics and no demo.json; the next start refuses and says to begin anew,
    because such a folder looks like somebody's own data, and that is never touched.
    """
    file = settings.data / "demo.json"
    ports = api_ports(settings, server.url)
    try:
        if file.exists():
            told: dict[str, Any] = json.loads(file.read_text())
        elif await holds_a_clinic(ports.database):
            raise CannotStart(
                f"{settings.data} holds clinics and no demo.json, so they are not the demo's to touch:"
                " set ENAMEL_DATA to another folder, or remove this one if it was a demo"
            )
        else:
            founded = await found(ports, now())
            told = {"clinic_id": str(founded.clinic_id), "staff": founded.staff, "partner": founded.partner}
    finally:
        await ports.database.close()
    cast = [{"phone": role.phone, "who": role.external_id, "stands_for": role.stands_for} for role in ROLES]
    where = {"url": settings.public_url, "branches": BRANCHES, "printed": str(printed_file(settings).resolve())}
    told |= {**where, "patients": cast}
    _write_privately(file, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def _tell(told: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Enamel's demo clinic[/bold] answers at [bold]{told['url']}[/bold]   (Ctrl-C ends it)")
    console.print(f"  staff    {told['staff']['email']}  {told['staff']['password']}   clinic {told['clinic_id']}")
    console.print(f"  partner  {told['partner']['client_id']}  (its secret stands in demo.json)")
    table = Table(box=None, padding=(0, 2))
    for title in ("patient", "phone", "who it is"):
        table.add_column(title, style="cyan" if title == "phone" else None)
    for person in told["patients"]:
        table.add_row(person["who"], person["phone"], person["stands_for"])
    console.print(table)
    console.print("  Sign-in codes and pushes are printed below.  `make tour` walks a story through it.\n")


@contextlib.contextmanager
def _worker(settings: Settings, server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """The worker as a child that ends when our end of its standard input closes, however we end."""
    environment = {
        **os.environ,
        "ENAMEL_DATABASE_URL": server.url,
        "ENAMEL_DATA": str(settings.data),
        "ENAMEL_SECRET": settings.secret.get_secret_value(),
        "ENAMEL_PUBLIC_URL": settings.public_url,
    }
    command = [sys.executable, "-m", "enamel", "work", "--until-stdin-closes"]
    child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)
    try:
        yield child
    finally:
        assert child.stdin is not None
        child.stdin.close()
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
