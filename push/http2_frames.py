"""Cuts what comes over an HTTP/2 connection into frames (RFC 9113, 4.1).

`h2` gives none of the events of a piece in which one frame is wrong: answers that came before it would be lost.
"""

from collections.abc import Iterator

_HEADER = 9
_LARGEST = 16 * 1024
"""Nobody may send larger ones to who allowed none."""


class Frames:
    """What came and is not a whole frame yet."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def of(self, data: bytes) -> Iterator[bytes]:
        """Each frame that is whole now. Raises ValueError for what is no HTTP/2."""
        self._rest += data
        while len(self._rest) >= _HEADER:
            length = int.from_bytes(self._rest[:3])
            if length > _LARGEST:
                raise ValueError("no HTTP/2")
            if len(self._rest) < _HEADER + length:
                return
            yield bytes(self._rest[: _HEADER + length])
            del self._rest[: _HEADER + length]
