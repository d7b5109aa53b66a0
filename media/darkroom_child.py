"""The darkroom's side of one of its processes: how it is started, asked and ended, and how much memory it has."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from core.errors import Unavailable
from media.parcels import Parcel, Torn, receive, send

_HOUSE = Path(__file__).parents[1]
# Not our own environment: it holds the secrets. One thread, because each more costs address space that is limited.
# What one picture needed of memory is kept for the next (glibc): getting it anew costs a seventh of the whole job.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2), "MALLOC_TRIM_THRESHOLD_": str(128 * 1024**2),
}  # fmt: skip
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PIPE_BYTES = 1024**2  # a copy of many megabytes comes in few pieces; what one user may have without being asked


class DarkroomChild:
    """One process, and how many jobs it did."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pipesize=_PIPE_BYTES,
            env=_ENVIRONMENT, cwd=_HOUSE, start_new_session=True,  # an interrupt at the terminal is ours to deal with
        )  # fmt: skip
        self.jobs = 0
        self.is_ready = False
        self.is_fit = True

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        return self._child.pid

    def begin(self) -> Parcel | None:
        """The empty parcel by which it says that it is ready for jobs; None where it ended before. Blocks."""
        ready = self._heard(0)
        self.is_ready = ready is not None
        return ready

    def ask(
        self, parcel: Parcel, most_bytes: int, last_into: Path | None = None, shared: Path | None = None
    ) -> Parcel | None:
        """The answer; None where the process ended instead, or answered nonsense. `shared`: the file it reads itself.
        Blocks."""
        assert self._child.stdin is not None
        self.jobs += 1
        try:
            send(parcel, self._child.stdin)
        except (OSError, ValueError):
            return None
        return self._heard(most_bytes, last_into, shared)

    def _heard(self, most_bytes: int, last_into: Path | None = None, shared: Path | None = None) -> Parcel | None:
        assert self._child.stdout is not None
        try:
            return receive(self._child.stdout, most_bytes, last_into, shared)
        except Unavailable:
            self.kill()  # in the middle of its answer
            raise
        except (OSError, ValueError, EOFError, Torn):
            return None

    def kill(self) -> None:
        self.is_fit = False
        # A process that ended by itself keeps its own end: that is what tells why.
        if self._child.poll() is None:
            self._child.kill()

    def ended(self) -> int:
        return self._child.wait()

    def end(self) -> None:
        """Nothing more is asked of it: it is not waited for longer than it takes to be killed."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()


async def resident_bytes(pid: int) -> int:
    """The memory a process really has; 0 for one that is no more. What RLIMIT_AS is not on macOS, this is."""
    try:
        told = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")  # noqa: ASYNC240  /proc is memory, not a disk
        return int(told.split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0 if sys.platform == "linux" else await _resident_bytes_by_ps(pid)


async def _resident_bytes_by_ps(pid: int) -> int:
    asking = await asyncio.create_subprocess_exec(
        "/bin/ps", "-o", "rss=", "-p", str(pid), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    told, _ = await asking.communicate()
    return int(told.strip() or 0) * 1024
