"""A push service and the browsers behind it, played by a real HTTPS server: it checks who sends, and decrypts."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core import clock
from push.channel import Target
from push.es256 import url64
from tests.push.peers.authority import serving
from tests.push.peers.tokens import bare, claims_of


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer. `how`: `lost` and `garbage` tear the connection, `drip` and `huge` are bodies."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    how: str = ""


class Browser:
    """One subscription: its keys, and what it decrypted."""

    def __init__(self, url: str, platform: str = "web") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = b"0123456789abcdef"
        self.point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": url64(self.point), "auth": url64(self._auth)}
        self.target = Target(platform, "web.example.clinic", json.dumps({"endpoint": url, "keys": keys}))

    def opened(self, body: bytes) -> Any:
        """RFC 8291 from the receiver's side, one record."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert (size, length) == (4096, 65)
        assert len(body) <= 4096
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self._key.exchange(ec.ECDH(), sender)
        secret = HKDF(SHA256(), 32, self._auth, b"WebPush: info\0" + self.point + theirs).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        text, mark, padding = AESGCM(key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert mark
        assert not padding.strip(b"\0")
        return json.loads(text)


@dataclass(frozen=True, slots=True)
class Came:
    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any]


class WebPushPeer:
    """`script` holds the next replies; `answers_open` closed, a request arrives and hangs."""

    def __init__(self) -> None:
        self.script: deque[Reply] = deque()
        self.came: list[Came] = []
        self.answers_open = asyncio.Event()
        self.answers_open.set()
        self.origin = ""
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{self.origin}/push/a:b%3D?up=1"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._push)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=serving())
        await site.start()
        self.origin = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self.answers_open.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _push(self, request: web.Request) -> web.StreamResponse:
        assert str(request.rel_url) == "/push/a:b%3D?up=1"
        self.came.append(Came(dict(request.headers), await request.read(), self._sender(request)))
        reply = self.script.popleft() if self.script else Reply(headers={"location": f"{self.origin}/m/1"})
        await self.answers_open.wait()
        assert request.transport is not None
        if reply.how == "garbage":
            request.transport.write(b"\0\1\2 this is no HTTP\r\n\r\n")
        if reply.how in {"garbage", "lost"}:
            request.transport.abort()
        if reply.how == "drip":
            return await self._dripped(request, reply)
        body = b"x" * 10_000_000 if reply.how == "huge" else b""
        return web.Response(status=reply.status, headers=reply.headers, body=body)

    async def _dripped(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        answer = web.StreamResponse(status=reply.status, headers=reply.headers)
        await answer.prepare(request)
        for _ in range(10):
            await answer.write(b".")
            await asyncio.sleep(0.02)
        return answer

    def _sender(self, request: web.Request) -> dict[str, Any]:
        """RFC 8292: signed by the key it names, for this origin, for a day at most."""
        scheme, token, key = request.headers["authorization"].replace(",", "").split(" ")
        assert scheme == "vapid"
        known = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bare(key.removeprefix("k=")))
        header, claims = claims_of(token.removeprefix("t="), known)
        assert header == {"alg": "ES256", "typ": "JWT"}
        assert claims["aud"] == self.origin
        assert 0 < claims["exp"] - clock.now().timestamp() <= 24 * 3600
        return {**claims, "k": key.removeprefix("k=")}
