"""FCM and its token endpoint, played by a real HTTP server that answers as it is told and remembers what came."""

import asyncio
import base64
import json
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import SecretStr

from push.fcm_line import FcmLine

PROJECT = "enamel-test"
_MAIL = f"push@{PROJECT}.example"
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer. `lost`: the message is accepted, then the connection is torn.

    `how`: `garbage` is no HTTP, `huge` and `drip` are bodies.
    """

    status: int = 200
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    how: str = ""


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class FcmPeer:
    """`script` holds the next replies; without one a message is accepted.

    `tokens_open` and `answers_open` are gates: closed, a request arrives (and is remembered) and hangs.
    """

    def __init__(self) -> None:
        self.script: deque[Reply] = deque()
        self.messages: list[dict[str, Any]] = []
        self.revoked: set[str] = set()
        self.checks: list[dict[str, Any]] = []
        self.token_requests = 0
        self.token_lasts = 3600
        self.token_seconds = 0.0
        self.token_status = 200
        self.tokens_open = asyncio.Event()
        self.answers_open = asyncio.Event()
        self.tokens_open.set()
        self.answers_open.set()
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_post(f"/v1/projects/{PROJECT}/messages:send", self._send)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self.tokens_open.set()
        self.answers_open.set()
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    def certificate(self, folder: Path) -> Path:
        """The operator's file: a throw-away service account whose token endpoint is this peer."""
        file = folder / "service-account.json"
        file.write_text(self.account())
        return file

    def line(self, **more: Any) -> FcmLine:
        return FcmLine(account=SecretStr(self.account(**more)))

    def account(self, **more: Any) -> str:
        pem = _key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account", "project_id": PROJECT, "private_key_id": "1", "private_key": pem.decode(),
            "client_email": _MAIL, "client_id": "1", "token_uri": self.token_url,
        }  # fmt: skip
        return json.dumps({**account, **more})

    def copies(self, mid: str) -> list[dict[str, Any]]:
        """Every copy that arrived of one notice."""
        return [each for each in self.messages if each["data"]["mid"] == mid]

    async def _token(self, request: web.Request) -> web.Response:
        self.token_requests += 1
        form = parse_qs(await request.text())
        await self.tokens_open.wait()
        await asyncio.sleep(self.token_seconds)
        if self.token_status != 200:
            return web.json_response({"error": "invalid_grant"}, status=self.token_status)
        _check_assertion(form)
        return web.json_response({"access_token": f"token-{self.token_requests}", "expires_in": self.token_lasts})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        token = request.headers["authorization"].removeprefix("Bearer ")
        body = await request.json()
        if body.pop("validate_only", False):
            self.checks.append(body["message"])
        else:
            assert len({"token", "fid"} & set(body["message"])) == 1
            self.messages.append(body["message"])
        if token in self.revoked:
            return web.json_response({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, status=401)
        assert token == f"token-{self.token_requests}"
        reply = self.script.popleft() if self.script else Reply()
        await self.answers_open.wait()
        if reply.lost:
            assert request.transport is not None
            request.transport.abort()
        if reply.how:
            return await _odd(request, reply)
        if reply.status == 200:
            return web.json_response({"name": f"projects/{PROJECT}/messages/{len(self.messages)}"})
        error = {"code": reply.status, "status": "X", "details": [{"errorCode": reply.code}] if reply.code else []}
        return web.json_response({"error": error}, status=reply.status, headers=reply.headers)


async def _odd(request: web.Request, reply: Reply) -> web.StreamResponse:
    assert request.transport is not None
    if reply.how == "garbage":
        request.transport.write(b"\0\1\2 this is no HTTP\r\n\r\n")
        request.transport.abort()
    if reply.how == "huge":
        return web.Response(status=reply.status, body=b"x" * 10_000_000)
    answer = web.StreamResponse(status=reply.status)
    await answer.prepare(request)
    for each in b'{"name": "dripped"}':
        await answer.write(bytes([each]))
        await asyncio.sleep(0.005)
    return answer


def _check_assertion(form: dict[str, list[str]]) -> None:
    """RFC 7523: a JWT signed by the service account's key, for the scope of messaging alone."""
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    header, payload, signature = form["assertion"][0].split(".")
    _key().public_key().verify(_raw(signature), f"{header}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
    claims = json.loads(_raw(payload))
    assert (claims["iss"], claims["scope"]) == (_MAIL, _SCOPE)
    assert claims["exp"] - claims["iat"] <= 3600


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
