"""A file that is written piece by piece, with the SHA-256 of what went by."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

PIECE = 256 * 1024
"""Bytes in memory at once, however large the file: what the processor's own cache holds, and no page is made anew."""


def write_pieces(path: Path, pieces: Iterable[bytes]) -> str:
    """Write them into `path`, mode 600 where it is new; their SHA-256 in hex."""
    digest = hashlib.sha256()
    with open(path, "wb", opener=closed_to_others) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Its SHA-256 in hex, read through one small buffer: a piece of a megabyte costs more memory than reading it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bytes_of(content: bytes | Path) -> int:
    """How many there are, in memory or in a file."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def pieces_of(source: BinaryIO) -> Iterator[bytes]:
    """What is left to read of it."""
    while piece := source.read(PIECE):
        yield piece


def closed_to_others(path: str, flags: int) -> int:
    """An opener (see `open`): a file that is new is mode 600 from the first moment."""
    return os.open(path, flags, 0o600)
