"""What a socket heard: from text to a frame, on the fast way where nothing is unusual about it.

A frame is read in one pass. What that pass refuses, or could read otherwise than another parser would, is read
again as strictly as the body of a request.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from api.problems import Malformed
from api.strict import strict_json
from chat.conversation import LARGEST_FRAME
from chat.frames import KINDS, Close, Frame, decoded, understood


class SocketEnds(Exception):
    """Leave this socket with a code. `wait`: milliseconds to come back after, from and to."""

    def __init__(self, code: Close, *, wait: tuple[int, int] | None = None) -> None:
        super().__init__(code.name)
        self.code = code
        self.wait = wait


def too_fast(seconds: float, *, spread: int) -> SocketEnds:
    """Come back in so many seconds, within so many milliseconds of each other."""
    soonest = int(seconds * 1000) + 1
    return SocketEnds(Close.TOO_FAST, wait=(soonest, soonest + spread))


@dataclass(frozen=True, slots=True)
class Faulty:
    """A frame of one of our kinds that says what we take from nobody, and the id its sender knows it by."""

    kind: str
    id: UUID | None


# A member's name and its colon; inside a text every quote is escaped. Too many found only cost time.
_NAME = re.compile(r'"([^"\\]*)"\s*:')


def heard(text: str | None) -> Frame | Faulty | None:
    """The frame, or what is left of it; None for a kind we do not know. Raises `SocketEnds` for what is no frame."""
    if text is None:
        raise SocketEnds(Close.BAD_FRAME)  # binary
    if _is_too_long(text):
        raise SocketEnds(Close.TOO_BIG)
    if "\\u" not in text and not _says_twice(text):
        try:
            return decoded(text)
        except (msgspec.DecodeError, RecursionError):
            pass
    return _strictly(text.encode(errors="surrogatepass"))


def _is_too_long(text: str) -> bool:
    long = len(text) > LARGEST_FRAME
    return long or (4 * len(text) > LARGEST_FRAME and len(text.encode(errors="surrogatepass")) > LARGEST_FRAME)


def _says_twice(text: str) -> bool:
    names = _NAME.findall(text)
    return len(names) != len(set(names))


def _strictly(raw: bytes) -> Frame | Faulty | None:
    try:
        frame = strict_json(raw)
    except Malformed:
        return _remains(raw)
    if not isinstance(frame, dict) or not isinstance(frame.get("t"), str):
        raise SocketEnds(Close.BAD_FRAME)
    if frame["t"] not in KINDS:
        return None
    try:
        return understood(frame)
    except msgspec.ValidationError:
        return Faulty(frame["t"], _id_of(frame))


def _remains(raw: bytes) -> Faulty:
    """Kind and id of a frame that is JSON but says what we take from nobody (NUL, endless numbers).

    It is refused by its id: a device that was shown out instead would resend it for ever.
    """
    try:
        frame = json.loads(raw.decode(), parse_int=float, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise SocketEnds(Close.BAD_FRAME) from None
    if not isinstance(frame, dict) or not isinstance(frame.get("t"), str):
        raise SocketEnds(Close.BAD_FRAME)
    name = _id_of(frame)
    if name is None or frame["t"] == "hello":
        raise SocketEnds(Close.BAD_FRAME)
    return Faulty(frame["t"], name)


def _no_json(constant: str) -> None:
    raise ValueError(constant)


def _id_of(frame: dict[str, Any]) -> UUID | None:
    """The id a refused frame came with, for the sender to know which; never text that is no id."""
    try:
        return UUID(frame["id"])
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
