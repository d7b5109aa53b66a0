"""Worker processes without the seconds of their start: one process reads the code, and each worker is a fork of it.

Each line of standard input starts `enamel work`, and its process id is said. Each end of one is reaped.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress

import enamel.work  # noqa: F401  read before the first fork
from enamel.cli import main


class ForkedWorker:
    """As much of a process as a test needs that kills it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    async def killed(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            while True:
                os.kill(self._pid, 0)
                await asyncio.sleep(0.01)


class Forge:
    """Starts forked workers; `close` kills those that live."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._living: list[ForkedWorker] = []

    async def another(self) -> ForkedWorker:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.enamel.forked", env={**os.environ, **self._settings},
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"work\n")
        self._living.append(ForkedWorker(int(await self._process.stdout.readline())))
        return self._living[-1]

    async def killed(self, worker: ForkedWorker) -> None:
        self._living.remove(worker)
        await worker.killed()

    async def close(self) -> None:
        for worker in self._living:
            with suppress(ProcessLookupError):
                await worker.killed()
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


def _forge() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends is reaped at once
    asked = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115  no fork inherits what was read ahead
    while asked.readline():
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(2, 1)
            sys.argv = ["enamel", "work"]
            main()
            os._exit(0)
        os.write(1, f"{pid}\n".encode())


if __name__ == "__main__":
    _forge()
