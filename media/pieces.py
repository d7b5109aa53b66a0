"""A file that is written piece by piece, with the SHA-256 of what went by."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

PIECE = 1024**2
"""Bytes in memory at once, however large the file."""


def write_pieces(path: Path, pieces: Iterable[bytes]) -> str:
    """Write them into `path`, mode 600 where it is new; their SHA-256 in hex."""
    digest = hashlib.sha256()
    with open(path, "wb", opener=_closed_to_others) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def pieces_of(source: BinaryIO) -> Iterator[bytes]:
    """What is left to read of it."""
    while piece := source.read(PIECE):
        yield piece


def _closed_to_others(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
