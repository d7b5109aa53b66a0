"""Reads the bodies of messengers' webhooks: of a known shape and plain words, or refused as a whole."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from core.errors import Fault, Invalid

_Shape = TypeVar("_Shape")
_CONTROLS = {code: None for code in (*range(32), 127) if chr(code) not in "\n\t"}


def reader(shape: type[_Shape]) -> Callable[[bytes], _Shape]:
    """A function from a body to `shape`; members that are not known are passed over. It raises `Invalid`."""
    decoder = msgspec.json.Decoder(shape)

    def read(body: bytes) -> _Shape:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise malformed() from None

    return read


def malformed() -> Invalid:
    return Invalid(Fault("", "malformed"))


def plain(text: str) -> str:
    """Without control characters other than line ends and tabs."""
    return text.translate(_CONTROLS).strip()


def moment(seconds: int) -> datetime:
    """Of seconds since 1970. Raises `Invalid` where there is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise malformed() from None


def header(headers: Mapping[str, str], name: str) -> str:
    """The one called `name` (lower case), empty where there is none."""
    return next((value for key, value in headers.items() if key.lower() == name), "")
