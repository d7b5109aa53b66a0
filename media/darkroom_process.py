"""One process of the darkroom: takes limits on itself, then jobs from its standard input, one after another.

`python -m media.darkroom_process` is started by `media.darkroom`; by an empty parcel it says that it is ready. A job is
a parcel whose facts are `job` (a name of `JOBS`), `arguments`, `cpu_seconds` and perhaps `path` (the file to work on,
where it was not sent along: then the answer tells stretches of it instead of its bytes); the answer is `{"done":
facts}` with files, `{"rejected": reason}` or `{"failed": kind of error}`. Cut off: our environment with its secrets,
memory, processor time of each job, and writing to any file. Not cut off: it runs as the worker's own user, so a flaw in
a decoder could read that user's files and use the network.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from media.kinds import Reason, Rejected
from media.parcels import Parcel, Torn, receive, send

Job = Callable[[dict[str, Any], Sequence[bytes]], Parcel]

JOBS = {
    "develop": "media.imaging:develop_job",
    "convert": "media.imaging:convert_job",
    "draw": "media.draw:draw_job",
    "named": "media.dicom.named:named_job",
    "listen": "media.listening:listen_job",
}
"""What can be asked for: name to `module:function`, imported when it is first asked for. The function takes the
arguments and the files, gives a parcel, and raises `Rejected`."""

MEMORY = 1024**3
_LARGEST_JOB = 2 * 1024**3


def main() -> None:
    limit_ourselves()
    source, out = sys.stdin.buffer, _own_output()
    import_module("media.imaging")  # what nearly every job needs: paid for before the first one comes
    with suppress(EOFError, Torn, OSError):
        send(Parcel({}), out)
        while True:
            asked = receive(source, _LARGEST_JOB)
            send(_answer(asked), out, shares=asked.facts.get("path") is not None)


def limit_ourselves() -> None:
    """For as long as the process lives. Where a system lacks one of the limits (macOS has no RLIMIT_AS), the
    darkroom's watch over time and memory stands alone."""
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,  # a core dump would hold a patient's picture
    }
    for what, most in limits.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def limit_next_job(cpu_seconds: int) -> None:
    """The limit counts the whole life of a process, so it is moved before each job. The kernel's own kill is left as
    it is: a handler in Python does not run while a decoder spins."""
    with suppress(ValueError, OSError):
        soft = int(time.process_time()) + 1 + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _own_output() -> BinaryIO:
    """Answers go out by a door of their own: what a library prints must not stand among them."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _answer(asked: Parcel) -> Parcel:
    try:
        limit_next_job(int(asked.facts["cpu_seconds"]))
        files = [*asked.files, *(Path(path).read_bytes() for path in [asked.facts.get("path")] if path)]
        done = _job(asked.facts["job"])(asked.facts["arguments"], files)
    except Rejected as refusal:
        return Parcel({"rejected": refusal.reason.value})
    except MemoryError:
        return Parcel({"rejected": Reason.TOO_COSTLY.value})
    except Exception as error:  # noqa: BLE001  told to the darkroom, which starts anew; its text may hold a name
        return Parcel({"failed": type(error).__name__})
    return Parcel({"done": done.facts}, done.files, done.last)


def _job(name: str) -> Job:
    module, _, function = JOBS[name].partition(":")
    job: Job = getattr(import_module(module), function)
    return job


if __name__ == "__main__":
    main()
