"""The port to where files are kept: put, get, list and erase, the same for a folder and for S3."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from media.kinds import Variant

_KEY = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,127}(/[a-z0-9_-][a-z0-9_.-]{0,127}){0,7}")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a file: from byte `first` to byte `last`, both included, as HTTP counts (RFC 9110 §14.1.2)."""

    first: int
    last: int


class Missing(Exception):
    """Nothing is kept under this key."""


class Storage(Protocol):
    """Keeps bytes under keys of ours. Raises `core.errors.Unavailable` when it cannot be reached."""

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        """Keep all of `content` or nothing; the same key again replaces it. Durable when it returns."""

    async def get(self, key: str, span: Span | None = None) -> bytes:
        """All bytes, or those of `span` that exist. Raises `Missing`. Large files are read span by span."""

    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        """The same as `put` for a file of any size, read piece by piece."""

    async def keys_under(self, folder: str) -> list[str]:
        """The keys below a folder (`a/b` holds `a/b/c` and not `a/bc`); none where there is nothing."""

    async def erase_under(self, folder: str) -> None:
        """Forget everything that is kept below this folder, and under this very key. Again changes nothing."""


def checked_key(key: str) -> str:
    """`key` itself where it is one of ours: small letters, digits, `-_.`, up to eight parts, none starting with a dot.

    Raises ValueError: keys are made by us, so another one is a mistake of ours and never leaves the storage's root.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("not a storage key")
    return key


def picture_key(clinic_id: UUID, patient_id: UUID, sha256: str, variant: Variant) -> str:
    """Where a picture's bytes are kept: named by what they are, under the patient whose they are.

    The same bytes of the same patient share a place, so sending again costs nothing; those of two patients never
    do, so one can be erased without the other.
    """
    return f"{clinic_id}/{patient_id}/{sha256}/{variant.value}"
