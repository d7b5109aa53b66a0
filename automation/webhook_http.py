"""Calls clinics' own systems over HTTPS: one signed request, within five seconds, where we may call.

Every address a name leads to is judged, and exactly those are connected to (`core.guarded_resolver`). No redirect is
followed, no proxy of the environment is asked, and of an answer only its status is read.
"""

import asyncio
from collections.abc import Collection
from uuid import UUID

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from automation.webhook import Failure, failure_of, signature
from core.guarded_resolver import GuardedResolver, HostRefused
from core.outside import host_of

SECONDS = 5.0


class Webhooks:
    """Calls. Make it where the event loop runs; `close` it there."""

    def __init__(self, private_hosts: Collection[str] = (), seconds: float = SECONDS) -> None:
        self._resolver = GuardedResolver(frozenset(host.lower() for host in private_hosts))
        self._seconds = seconds
        self._http: aiohttp.ClientSession | None = None

    async def call(
        self, address: str, key: bytes, call_id: UUID, timestamp: int, body: bytes
    ) -> tuple[Failure | None, int | None]:
        """Why it failed (None: the other side has it), and what was answered (None: nothing)."""
        headers = {
            "content-type": "application/json", "webhook-id": str(call_id), "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(key, str(call_id), timestamp, body), "user-agent": "Enamel",
        }  # fmt: skip
        try:
            async with asyncio.timeout(self._seconds):
                # A number as a host is not resolved by the session: it is judged here, as every host is.
                await self._resolver.resolve(host_of(address))
                answer = await self._session().post(address, data=body, headers=headers, allow_redirects=False)
                answer.close()
        except HostRefused:
            return Failure.ADDRESS_REFUSED, None
        except aiohttp.ClientConnectorDNSError as error:
            refused = isinstance(error.os_error, HostRefused)
            return Failure.ADDRESS_REFUSED if refused else Failure.UNREACHABLE, None
        except (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError, ValueError):
            return Failure.UNREACHABLE, None
        return failure_of(answer.status), answer.status

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            # A connection for each call: what was answered is not read, and each address is judged anew.
            connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, force_close=True)
            self._http = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
