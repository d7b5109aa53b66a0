"""Why a socket ends, and what the device should do then."""

from enum import IntEnum

import msgspec

PROTOCOL = "enamel.chat.v1"


class Close(IntEnum):
    """Why a socket ends (RFC 6455 §7.4.2 leaves 4000 to 4999 to us)."""

    GONE = 1001
    TOO_BIG = 1009
    FAILED = 1011
    RESTART = 1012
    BAD_FRAME = 4400
    TOKEN_ENDED = 4401
    NO_RIGHT = 4403
    UNKNOWN_PROTOCOL = 4404
    SILENT = 4408
    ELSEWHERE = 4409
    TOO_FAST = 4429
    TOO_SLOW = 4490


# Whether the device should come back by itself, with a new token where the old one ended.
_AGAIN = {Close.FAILED, Close.RESTART, Close.TOKEN_ENDED, Close.SILENT, Close.TOO_FAST, Close.TOO_SLOW}


def bye(code: Close, wait: tuple[int, int] | None = None) -> str:
    """`wait`: pick a pause between these two numbers of milliseconds, so that not all come back at once."""
    pause = {} if wait is None else {"wait": wait}
    return msgspec.json.encode({"t": "bye", "code": int(code), "again": code in _AGAIN, **pause}).decode()
