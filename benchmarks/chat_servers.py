"""Starts what the chat benchmarks measure: Enamel as it is served, and applications of FastAPI under uvicorn."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.chat_people import SECRET
from benchmarks.harness import Server, free_port, pinned, serve, wait_for


@contextmanager
def enamel(url: str, folder: Path, core: int) -> Iterator[Server]:
    """One process of Enamel on this database."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    environment = {
        **os.environ, "ENAMEL_DATABASE_URL": url, "ENAMEL_PORT": str(port), "ENAMEL_SECRET": SECRET,
        "ENAMEL_DATA": str(folder), "ENAMEL_ENVIRONMENT": "development",
    }  # fmt: skip
    with pinned(core):
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.chat_enamel"], env=environment)
    server = wait_for(Server(port, process), "enamel")
    with stopped(server):
        yield server


@contextmanager
def fastapi(factory: str, core: int, url: str = "") -> Iterator[Server]:
    server = serve(f"benchmarks.chat_plain:{factory}", core, {"BENCH_URL": url})
    with stopped(server):
        yield server


@contextmanager
def stopped(server: Server) -> Iterator[Server]:
    """The server until the block ends; one that does not leave is ended."""
    try:
        yield server
    finally:
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
