"""The port to a virus scanner, and its plain twin, which knows the one harmless file that all scanners know."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from media.pieces import PIECE


@dataclass(frozen=True, slots=True)
class Clean:
    """The scanner knows nothing against it."""


@dataclass(frozen=True, slots=True)
class Infected:
    """`name`: what the scanner calls it."""

    name: str


@dataclass(frozen=True, slots=True)
class NotScanned:
    """It is larger than the scanner ever looks at: asking again would end the same way."""


class Scanner(Protocol):
    """Looks at a file. Raises `core.errors.Unavailable` where it cannot now: what was not looked at is never clean."""

    async def scan(self, file: bytes | Path) -> Clean | Infected | NotScanned:
        """What it knows of the bytes, or of the file at this path, read piece by piece."""


# The test file of eicar.org, in two halves: whole, it would have scanners take this very file away.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class PlainScanner:
    """For development, tests and a clinic without a scanner: finds the EICAR test file, wherever in a file it lies."""

    async def scan(self, file: bytes | Path) -> Clean | Infected:
        found = EICAR in file if isinstance(file, bytes) else await asyncio.to_thread(_holds_eicar, file)
        return Infected("Eicar-Test") if found else Clean()


def _holds_eicar(path: Path) -> bool:
    """Through one small buffer, whose beginning is what the piece before ended with."""
    room, held = bytearray(PIECE), 0
    with path.open("rb", buffering=0) as source, memoryview(room) as view:
        while came := source.readinto(view[held:]):
            end = held + came
            if room.find(EICAR, 0, end) >= 0:
                return True
            held = min(end, len(EICAR) - 1)
            view[:held] = view[end - held : end]
    return False
