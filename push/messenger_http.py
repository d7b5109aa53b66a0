"""Asks a messenger's API one thing, once, within bounds, and lets nothing out of where it asked.

Addresses may hold secrets (Telegram's hold the bot's token) and aiohttp's errors hold addresses: none leaves this file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from core import clock
from push.outcome import Outcome, Result

LARGEST_ANSWER = 64 * 1024
_CONNECTIONS = 100
_LONGEST_PAUSE = timedelta(hours=1)
# Nothing has left us yet: no route, no name, no TLS, no free connection, a proxy that does not let us through.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
_LOST = (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError, ValueError, AssertionError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `said` is empty where it was no JSON object, or a too large one."""

    status: int
    said: dict[str, Any] = field(repr=False)
    retry_after: timedelta | None = None


class MessengerHttp:
    """One pool of connections. Use it where the event loop runs; `close` it there."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: timedelta
    ) -> Answer | Outcome:
        """The answer, or NOT_SENT or AMBIGUOUS where there is none. No redirect is followed, nothing asked twice."""
        seconds = max(deadline.total_seconds(), 0.001)
        timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)
        sent = {"accept-encoding": "identity", "content-type": "application/json", **headers}
        try:
            async with self._session().request(
                method, url, data=body, headers=sent, timeout=timeout, allow_redirects=False
            ) as answer:
                pause = retry_after(answer.headers.get("retry-after", ""))
                return Answer(answer.status, _object(await _read(answer)), pause)
        except _NOT_SENT:
            return Outcome(Result.NOT_SENT, "no-connection")
        except _LOST:
            return Outcome(Result.AMBIGUOUS, "answer-lost")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            # trust_env: a clinic's way out may lead through a proxy.
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=True,
            )
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """All of it, or nothing where it is too large."""
    said = bytearray()
    async for piece in answer.content.iter_any():
        said += piece
        if len(said) > LARGEST_ANSWER:
            answer.close()
            return b""
    return bytes(said)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def retry_after(value: str) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110 §10.2.3), at most an hour: a slip of theirs must not stop us for a day."""
    try:
        wait = timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value) - clock.now()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _LONGEST_PAUSE)
