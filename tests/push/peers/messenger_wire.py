"""A real HTTP server that plays a messenger: it remembers what came, and fails as it is told."""

import asyncio
import contextlib
import datetime
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Way(Enum):
    ANSWER = "a status and a body"
    LOST = "the request is taken, then the connection is torn"
    HANG = "the request is taken, and nothing is said"
    GARBAGE = "what comes back is no HTTP"
    NO_JSON = "what comes back is a page of somebody else's"
    HUGE = "what comes back does not end"
    DRIP = "what comes back comes a byte at a time"


@dataclass(frozen=True, slots=True)
class Fault:
    way: Way = Way.ANSWER
    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Wire:
    """`script` holds the next faults; without one `normal` answers."""

    def __init__(self, normal: Callable[[Seen], web.Response]) -> None:
        self.script: deque[Fault] = deque()
        self.seen: list[Seen] = []
        self.url = ""
        self._normal = normal
        self._open = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._open.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.path_qs, headers, body))
        fault = self.script.popleft() if self.script else None
        if fault is None:
            return self._normal(self.seen[-1])
        if fault.way is Way.ANSWER:
            return web.json_response(fault.body, status=fault.status, headers=fault.headers)
        return await self._fail(request, fault)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        assert request.transport is not None
        match fault.way:
            case Way.LOST:
                self._normal(self.seen[-1])
                request.transport.abort()
            case Way.GARBAGE:
                request.transport.write(b"\x00\xff 200 and so on\r\n\r\n\x00")
                request.transport.close()
            case Way.NO_JSON:
                return web.Response(text="<html>hotel wifi</html>", status=fault.status, content_type="text/html")
            case Way.HUGE:
                return await _poured(request, fault.status, b"x" * 65536, 1_000_000, 0)
            case Way.DRIP:
                return await _poured(request, fault.status, b"{", 100, 0.05)
            case _:
                with contextlib.suppress(asyncio.CancelledError):
                    await self._open.wait()
        return web.Response()


async def _poured(request: web.Request, status: int, piece: bytes, times: int, pause: float) -> web.StreamResponse:
    response = web.StreamResponse(status=status)
    await response.prepare(request)
    with contextlib.suppress(OSError, asyncio.CancelledError):  # who asks hangs up
        for _ in range(times):
            await response.write(piece)
            await asyncio.sleep(pause)
    return response


def nobodys_tls(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(made).not_valid_after(made.replace(year=2090))
    file = folder / "nobody.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
