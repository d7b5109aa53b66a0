"""What an HTTP answer says beside its status: how long to wait, and its body, within bounds."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

LONGEST_PAUSE = timedelta(hours=1)

# Nothing has left us yet: no route, no TLS, no free connection.
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# After the first byte it may have arrived.
LOST = (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError, ValueError)


async def body_of(answer: aiohttp.ClientResponse, largest: int) -> bytes:
    """The body, whole however slowly it comes; cut at `largest`, for a longer one is no answer of theirs."""
    said = bytearray()
    async for piece in answer.content.iter_any():
        said += piece
        if len(said) >= largest:
            answer.close()
            break
    return bytes(said[:largest])


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3), at most an hour: a slip of theirs must not stop us for a day."""
    try:
        wait = timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_PAUSE)
