"""Sends SMS through a gateway of HTTP: one request for each message, to the host that its line names, never a second.

The host is the clinic's choice: only public addresses are called, no redirect is followed, no proxy is asked.
"""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from core import clock
from core.guarded_resolver import GuardedResolver, HostRefused
from core.outside import address_fault, host_of
from push.channel import Message, Target
from push.outcome import Outcome, Result
from push.sms_gateway import Auth, SmsGatewayLine, body_of, headers_of, outcome_of, proven
from push.sms_text import alphabet_of
from push.sms_words import fault_of, words_of

_CONNECTIONS = 20
_LARGEST_ANSWER = 64 * 1024
_TYPES = {"form": "application/x-www-form-urlencoded; charset=utf-8", "json": "application/json; charset=utf-8"}
# Nothing has left us yet: no name, no route, no TLS, no free connection.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_LOST = (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError, ValueError)


class SmsHttp:
    """The channel of one line. Make it where the event loop runs; `close` it there.

    `private_hosts`: what the operator lets through though it is not public; there http is taken too.
    Raises ValueError for a line whose addresses cannot be called.
    """

    def __init__(self, line: SmsGatewayLine, private_hosts: Collection[str] = ()) -> None:
        allowed = frozenset(host.lower() for host in private_hosts)
        for address in filter(None, (line.send_address, line.check_address)):
            if fault := address_fault(address, plain_http=host_of(address) in allowed):
                raise ValueError(fault)
        self._line = line
        self._resolver = GuardedResolver(allowed)
        self._http: aiohttp.ClientSession | None = None

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        line, shape = self._line, self._line.shape
        if fault := fault_of(target, message, line.most_segments):
            return fault
        text = words_of(message)
        values = {
            "to": target.token, "to_digits": target.token.removeprefix("+"), "text": text,
            "notice": str(message.notice_id), "receipts": line.receipts_url,
            "life": str(shape.life.of(message.life)), "alphabet": shape.alphabets.get(alphabet_of(text), ""),
        }  # fmt: skip
        body = body_of(line, shape.members, values)
        answer = await self._asked("POST", line.send_address, shape.auth, body, deadline)
        if isinstance(answer, Outcome):
            return answer
        status, asked_for, raw = answer
        return outcome_of(shape, status, asked_for, raw, clock.now())

    async def check(self, deadline: timedelta) -> Outcome:
        """Asks what costs nothing; where the gateway has no such question, only that its host may be called."""
        line, check = self._line, self._line.shape.check
        if check is None:
            refused = await self._host_refused(line.send_address, deadline)
            return refused or Outcome(Result.ACCEPTED, "host-only")
        body = body_of(line, check.members, {}) if check.members else None
        answer = await self._asked("POST" if body else "GET", line.check_address, check.auth, body, deadline)
        if isinstance(answer, Outcome):
            return answer
        status, asked_for, raw = answer
        if proven(check, status, raw):
            return Outcome(Result.ACCEPTED)
        outcome = outcome_of(line.shape, status, asked_for, raw, clock.now())
        return Outcome(Result.CONFIG, "not-proven") if outcome.code == "no-id" else outcome

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _host_refused(self, address: str, deadline: timedelta) -> Outcome | None:
        # A number as a host is not resolved by the session: it is judged here, as every host is.
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                await self._resolver.resolve(host_of(address))
        except HostRefused:
            return Outcome(Result.CONFIG, "host-refused")
        except (OSError, TimeoutError, UnicodeError):
            return Outcome(Result.NOT_SENT, "no-connection")
        return None

    async def _asked(
        self, method: str, address: str, auth: Auth, body: bytes | None, deadline: timedelta
    ) -> tuple[int, str, bytes] | Outcome:
        """Status, `Retry-After` and body of the answer; or how it went without one."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline.total_seconds()
        if refused := await self._host_refused(address, deadline):
            return refused
        headers = {"accept": "application/json", "accept-encoding": "identity", **headers_of(self._line, auth)}
        if body is not None:
            headers["content-type"] = _TYPES[self._line.shape.body]
        seconds = max(until - loop.time(), 0.001)
        timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)
        try:
            async with self._session().request(
                method, address, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers.get("retry-after", ""), await _read(answer)
        except _NOT_SENT:
            return Outcome(Result.NOT_SENT, "no-connection")
        except _LOST:
            return Outcome(Result.AMBIGUOUS, "answer-lost")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, resolver=self._resolver, use_dns_cache=False)
            self._http = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Raises ValueError for an answer that is too large."""
    said = bytearray()
    async for piece in answer.content.iter_any():
        said += piece
        if len(said) > _LARGEST_ANSWER:
            raise ValueError("too large")
    return bytes(said)
