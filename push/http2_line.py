"""Keeps one HTTP/2 connection to one server: made when needed, by one at a time, asked before it is trusted again."""

import asyncio
import ssl

from push.http2 import Answer, Connection, Headers, Unsent

_DIAL_SECONDS = 10.0
_PING_SECONDS = 3.0
IDLE_SECONDS = 30.0
"""After so long a silence something between may have forgotten the connection, and a message would be lost in it."""


class Http2Line:
    """To `host`; TLS by the system's authorities where `tls` says nothing else. No proxy is asked."""

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None = None, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._idle_seconds = idle_seconds
        self._connection: Connection | None = None
        self._dialling: asyncio.Task[Connection] | None = None

    async def post(self, headers: Headers, body: bytes, until: float) -> Answer:
        """One request, until the loop's time `until`. Raises `Unsent` or `Lost`."""
        try:
            async with asyncio.timeout_at(until):
                connection = await self._trusted()
        except TimeoutError:
            raise Unsent("no-connection") from None
        return await connection.post(headers, body, until)

    async def close(self) -> None:
        if self._dialling is not None and not self._dialling.done():
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        if self._connection is not None:
            self._connection.close()

    async def _trusted(self) -> Connection:
        if self._connection is not None and self._connection.is_fresh(self._idle_seconds):
            return self._connection
        if self._dialling is None or self._dialling.done():
            self._dialling = asyncio.get_running_loop().create_task(self._renewed())
            self._dialling.add_done_callback(_heard)
        # Shielded: a sender that gives up does not take the others' connection with it.
        return await asyncio.shield(self._dialling)

    async def _renewed(self) -> Connection:
        old = self._connection
        if old is not None:
            if await old.is_alive(_PING_SECONDS):
                return old
            old.retire()
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                self._connection = await self._dialled()
        except (OSError, TimeoutError, ssl.CertificateError):
            raise Unsent("no-connection") from None
        return self._connection

    async def _dialled(self) -> Connection:
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls.set_alpn_protocols(["h2"])
        loop = asyncio.get_running_loop()
        transport, made = await loop.create_connection(Connection, self._host, self._port, ssl=self._tls)
        try:
            spoken = transport.get_extra_info("ssl_object").selected_alpn_protocol()
            if spoken != "h2":
                raise Unsent("no-http2")
            await made.ready()
        except BaseException:
            transport.abort()
            raise
        return made


def _heard(task: "asyncio.Task[Connection]") -> None:
    """Nobody may be waiting any more; a failure is then known from the next call."""
    if not task.cancelled():
        task.exception()
