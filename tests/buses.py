"""Real servers of the buses between nodes, on loopback, where they are installed (`make servers`)."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

PASSWORD = "not-to-be-logged"
_SECONDS = 10.0


class BusServer:
    """A redis-server or nats-server that may be killed and started again at the same address."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self._folder, self.port = kind, folder, _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return self.url_with(PASSWORD)

    def url_with(self, password: str) -> str:
        user = "" if self.kind == "redis" else "enamel"
        return f"{self.kind}://{user}:{password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder
        )
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self.kind}-server does not answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It keeps its connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _command(self) -> list[str]:
        program = program_of(self.kind)
        assert program is not None
        address = ["--port", str(self.port)]
        if self.kind == "nats":
            return [program, "--addr", "127.0.0.1", *address, "--user", "enamel", "--pass", PASSWORD]
        kept_nowhere = ["--save", "", "--appendonly", "no"]
        return [program, "--bind", "127.0.0.1", *address, "--requirepass", PASSWORD, *kept_nowhere]


def program_of(kind: str) -> str | None:
    """Where the server is installed; Debian puts one of them where only root looks."""
    return shutil.which(f"{kind}-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def bus_server(kind: str, folder: Path) -> BusServer:
    """A fresh server; the test is skipped, and says so, where there is none."""
    if program_of(kind) is None:
        pytest.skip(f"{kind}-server is not installed: `make servers` installs it")
    pytest.importorskip(kind, reason=f"the package {kind} of the extra `bus` is not installed")
    return BusServer(kind, folder)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
