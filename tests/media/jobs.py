"""Jobs that misbehave, for the tests of the darkroom: run in its process as its own jobs are."""

# ruff: noqa: ARG001  every job takes arguments and files

import json
import os
import re
import resource
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from media.kinds import Reason, Rejected
from media.parcels import Parcel

NAMES = (
    "echo", "tell", "work", "spin", "sleep", "hoard", "hold", "crash", "leave", "raise_error", "turn_down",
    "print_noise", "write_file", "answer_nonsense",
)  # fmt: skip


def main() -> None:
    """Stands in for `python -m media.darkroom_process`: the same process, with other jobs."""
    from media import darkroom_process

    darkroom_process.JOBS.update({name: f"tests.media.jobs:{name}" for name in NAMES})
    darkroom_process.main()


def echo(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    return Parcel(arguments, tuple(files))


def answer_as_told(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    """Whatever the file says the answer is."""
    return Parcel(json.loads(files[0]), (b"copy",))


def tell(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in arguments["limits"]}
    return Parcel({"pid": os.getpid(), "environment": dict(os.environ), "limits": limits, "session": os.getsid(0)})


def work(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    until = time.process_time() + arguments["cpu_seconds"]
    while time.process_time() < until:
        pass
    return Parcel({})


def spin(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    """Inside one call of C, where no handler of Python runs."""
    re.match(r"(a+)+$", "a" * 64 + "b")
    raise AssertionError


def sleep(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    time.sleep(arguments["seconds"])
    return Parcel({})


def hoard(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    return Parcel({"length": len(bytearray(arguments["bytes"]))})


def hold(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    held = b"x" * arguments["bytes"]
    time.sleep(20)
    return Parcel({"length": len(held)})


def crash(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    os.kill(os.getpid(), arguments["signal"])
    raise AssertionError


def leave(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    sys.exit(0)


def raise_error(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    raise LookupError("Rossi^Anna")


def turn_down(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    raise Rejected(Reason.BROKEN)


def print_noise(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    print("a library that talks", flush=True)  # noqa: T201
    os.write(1, b"and one in C")
    return Parcel({"quiet": True})


def write_file(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    with socket.socket():  # what is cut off is files, not everything
        Path(arguments["path"]).write_bytes(b"x")
    return Parcel({})


def answer_nonsense(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    return Parcel({"width": "wide"}, (b"only one",))


if __name__ == "__main__":
    main()
