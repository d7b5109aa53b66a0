"""What travels: ids as base64, 32 bytes a thread, or hints as JSON. Neither can be taken for the other."""

import base64
from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

import msgspec

from chat.log import Thread
from chat.wakeups.port import Hint

_ID = 16
# 180 threads of 32 bytes are 7,680 signs of base64; PostgreSQL takes fewer than 8,000.
MOST_AT_ONCE = 180
LARGEST = 7_680
_ENCODER = msgspec.json.Encoder()
_HINTS = msgspec.json.Decoder(list[Hint])


def payload_of(threads: Collection[Thread]) -> str:
    """Ids of up to `MOST_AT_ONCE` threads as one text."""
    return base64.b64encode(b"".join(part.bytes for thread in threads for part in thread)).decode()


def threads_of(payload: str) -> list[Thread]:
    """The inverse; what is no such text names nobody."""
    try:
        raw = base64.b64decode(payload, validate=True)
    except ValueError:
        return []
    ids = [UUID(bytes=raw[start : start + _ID]) for start in range(0, len(raw) - len(raw) % (2 * _ID), _ID)]
    return [Thread(*pair) for pair in zip(ids[::2], ids[1::2], strict=True)]


def payloads_of_hints(hints: Sequence[Hint]) -> Iterator[str]:
    """Hints as texts that each fit into one message; one that fits into none is left out."""
    pieces = (_ENCODER.encode(hint) for hint in hints)
    for group in _fitting(piece for piece in pieces if len(piece) + 2 <= LARGEST):
        yield f"[{b','.join(group).decode()}]"


def _fitting(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 2
    for piece in pieces:
        if group and size + len(piece) + 1 > LARGEST:
            yield group
            group, size = [], 2
        group.append(piece)
        size += len(piece) + 1
    if group:
        yield group


def hints_of(payload: str) -> list[Hint]:
    """The inverse; what is no such text hints at nothing."""
    if not payload.startswith("["):
        return []
    try:
        return _HINTS.decode(payload)
    except msgspec.DecodeError:
        return []
