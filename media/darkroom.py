"""The darkroom: a pool of long-lived processes that look into hostile files, each under limits, one job at a time.

Starting Python and its imaging libraries for every picture costs more than the picture. So the processes are started
before they are needed, replaced after two hundred jobs, and ended whenever one of them overdoes it; the next file is
then served by a new one. They are started anew and never forked: a fork would carry our threads' locks and our secrets.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from core.errors import Unavailable
from media.darkroom_child import DarkroomChild, resident_bytes
from media.kinds import Developed, DicomFacts, MediaType, NamedPerson, Reason, Rejected
from media.parcels import Parcel
from media.voice import Heard

PYTHON = (sys.executable, "-m", "media.darkroom_process")
_LOOK_SECONDS = 0.1
_START_SECONDS = 60.0
_ROOM_FOR_PREVIEWS = 16 * 1024**2
# Of a decoder that ran over its own feet: the same bytes would bring the next one down too.
_CRASHES = (-signal.SIGSEGV, -signal.SIGABRT)


class Unfinished(Exception):
    """A process that was ready was killed, left or took too long; on a calmer machine it may go well."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one job: time on the clock and of the processor, memory of the process; `jobs` before it is replaced."""

    wall_seconds: float = 30.0
    cpu_seconds: int = 20
    memory_bytes: int = 1024**3
    jobs: int = 200


class Darkroom:
    """`processes` jobs at once; more wait for their turn. `start` and `close`, or `async with`."""

    def __init__(self, processes: int = 2, limits: Limits | None = None, command: tuple[str, ...] = PYTHON) -> None:
        self.processes = processes
        self._limits = limits or Limits()
        self._command = command
        self._free: asyncio.LifoQueue[DarkroomChild | None] = asyncio.LifoQueue()
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Start all processes; returns before they are ready, the first jobs wait for them."""
        self._threads = ThreadPoolExecutor(self.processes, "darkroom")
        for _ in range(self.processes):
            self._free.put_nowait(DarkroomChild(self._command))

    async def close(self) -> None:
        """Wait for what is running, then end all processes."""
        for _ in range(self.processes if self._threads else 0):
            process = await self._free.get()
            if process is not None:
                process.end()
        if self._threads:
            self._threads.shutdown(wait=False)
            self._threads = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def develop(
        self,
        file: bytes | Path,
        announced: MediaType | None = None,
        frame: int | None = None,
        copy_to: Path | None = None,
    ) -> Developed:
        """What is made of a file whose sender said it is `announced`; `frame`: of DICOM, from 1, the one to be shown.

        `copy_to`: where the patient's copy shall lie, if there is one; where nothing is said, it comes in memory.
        Raises `Rejected` for good, `Unfinished` for now, `Unavailable` where no process could be started or the disk
        refuses, which is never the file's fault. A file on disk is read by the process itself.
        """
        answer = await self.do("develop", {"announced": announced, "frame": frame}, file, last_into=copy_to)
        try:
            return developed_in(answer)
        except (KeyError, TypeError, ValueError):
            raise Unfinished("no answer that was asked for") from None

    async def convert(self, preview: bytes, to: MediaType) -> bytes:
        """A preview of ours in another form: JPEG or AVIF. Raises as `develop` does."""
        return (await self.do("convert", {"to": to}, preview)).files[0]

    async def listen(self, file: bytes | Path, announced: MediaType) -> Heard:
        """What is made of a voice message. Raises as `develop` does."""
        answer = await self.do("listen", {"announced": announced}, file)
        try:
            seconds, waveform = int(answer.facts["seconds"]), tuple(map(int, answer.facts["waveform"]))
            return Heard(seconds, waveform, answer.files[0])
        except (KeyError, TypeError, ValueError, IndexError):
            raise Unfinished("no answer that was asked for") from None

    async def do(
        self, job: str, arguments: Mapping[str, Any], *files: bytes | Path, last_into: Path | None = None
    ) -> Parcel:
        """Any job of `media.darkroom_process.JOBS`; its facts and files. At most one of `files` lies on disk, and is
        given to the job as the last one. Raises as `develop` does."""
        path = next((file for file in files if isinstance(file, Path)), None)
        sent = tuple(file for file in files if isinstance(file, bytes))
        facts = {
            "job": job, "arguments": dict(arguments), "cpu_seconds": self._limits.cpu_seconds,
            "path": str(path) if path else None,
        }  # fmt: skip
        most = sum(map(len, sent)) + (path.stat().st_size if path else 0) + _ROOM_FOR_PREVIEWS
        process = self._fit(await self._free.get())
        try:
            if process is None:
                raise Unavailable
            await self._until_ready(process)
            return await self._done(process, Parcel(facts, sent), most, last_into, path)
        finally:
            self._free.put_nowait(self._fit(process))

    def _fit(self, process: DarkroomChild | None) -> DarkroomChild | None:
        """The process that serves the next job: this one, or a new one where it ended, is to end, or served long
        enough; None where none can be started now."""
        if process is not None:
            if process.is_fit and process.is_alive and process.jobs < self._limits.jobs:
                return process
            process.end()
        try:
            return DarkroomChild(self._command)
        except OSError:
            return None

    async def _until_ready(self, process: DarkroomChild) -> None:
        """It has seen no file yet: whatever goes wrong so far is the machine's fault."""
        if process.is_ready:
            return
        try:
            ready = await self._watched(process, _START_SECONDS, process.begin)
        except (Unfinished, Rejected):
            ready = None
        if ready is None:
            process.kill()
            raise Unavailable

    async def _done(
        self, process: DarkroomChild, parcel: Parcel, most_bytes: int, last_into: Path | None = None,
        shared: Path | None = None,
    ) -> Parcel:  # fmt: skip
        asked = partial(process.ask, parcel, most_bytes, last_into, shared)
        return _read(process, await self._watched(process, self._limits.wall_seconds, asked))

    async def _watched(self, process: DarkroomChild, seconds: float, ask: Callable[[], Parcel | None]) -> Parcel | None:
        """Talks to the process in a thread, and watches it from here."""
        assert self._threads is not None, "start() first"
        asking = asyncio.get_running_loop().run_in_executor(self._threads, ask)
        ends_at = asyncio.get_running_loop().time() + seconds
        try:
            while not asking.done():
                left = ends_at - asyncio.get_running_loop().time()
                await asyncio.wait({asking}, timeout=max(0.0, min(_LOOK_SECONDS, left)))
                if not asking.done() and left <= 0:
                    process.kill()
                    raise Unfinished("too long")
                if not asking.done() and await resident_bytes(process.pid) > self._limits.memory_bytes:
                    process.kill()
                    raise Rejected(Reason.TOO_COSTLY)
            return asking.result()
        finally:
            if not asking.done():  # cancelled, or ended above: the thread comes back once its pipe is broken
                process.kill()
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(asyncio.wait({asking}))


def _read(process: DarkroomChild, answer: Parcel | None) -> Parcel:
    if answer is None:
        process.kill()
        end = process.ended()
        if end == -signal.SIGXCPU:
            raise Rejected(Reason.TOO_COSTLY)
        if end in _CRASHES:
            raise Rejected(Reason.BROKEN)
        raise Unfinished("no answer")
    if answer.facts.get("rejected") in list(Reason):
        reason = Reason(answer.facts["rejected"])
        process.is_fit = process.is_fit and reason is not Reason.TOO_COSTLY  # its memory is in pieces
        raise Rejected(reason)
    if "done" not in answer.facts:
        process.is_fit = False
        raise Unfinished(str(answer.facts.get("failed")))
    return Parcel(answer.facts["done"], answer.files, answer.last)


def developed_in(answer: Parcel) -> Developed:
    """What an answer of `media.imaging.develop_job` holds. Raises KeyError, TypeError, ValueError where it is none."""
    facts, (large, small, *copy) = answer.facts, answer.files
    return Developed(
        int(facts["width"]),
        int(facts["height"]),
        large,
        small,
        str(facts["blurhash"]),
        int(facts["frames"]),
        answer.last if isinstance(answer.last, Path) else copy[0] if copy else None,
        _DICOM.validate_python(facts["dicom"]),
        _PERSON.validate_python(facts["person"]),
    )


_DICOM: TypeAdapter[DicomFacts | None] = TypeAdapter(DicomFacts | None)
_PERSON: TypeAdapter[NamedPerson | None] = TypeAdapter(NamedPerson | None)
