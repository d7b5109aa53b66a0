"""The outermost layer: limits, Host, request id, safe headers, and the last answer when we fail."""

import asyncio
import secrets
from collections.abc import Collection

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Malformed, internal_problem, log_failure, problem_response
from core.errors import Refusal, TooLarge, Unavailable

MOST_HEADERS = 100
LARGEST_HEADERS = 32 * 1024
LONGEST_URL = 4 * 1024
LONGEST_REQUEST_SECONDS = 60.0

# A shared cache must never hold a patient's page; a browser must never guess a type or frame us.
_SAFE = {
    "cache-control": "no-store",
    "vary": "Authorization, Accept-Language",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
_CONNECTION_LOST = (ConnectionError, TimeoutError, PoolTimeout)


class Guard:
    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self.app = app
        self._hosts = {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["enamel.request_id"] = secrets.token_hex(8)
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = request_id
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await problem_response(Request(scope), refusal)(scope, receive, send_safely)
            return
        try:
            async with asyncio.timeout(LONGEST_REQUEST_SECONDS):
                await self.app(scope, receive, send_safely)
        except Exception as error:  # noqa: BLE001  the last line of defence: whatever it is, the caller gets a problem
            log_failure(request_id, error)
            if not started:
                await _last_answer(Request(scope), error)(scope, receive, send_safely)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        url = len(scope["raw_path"]) + len(scope["query_string"])
        if len(headers) > MOST_HEADERS or size > LARGEST_HEADERS or url > LONGEST_URL:
            return TooLarge()
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or _without_port(hosts[0]) not in self._hosts:
            return Malformed()
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _last_answer(request: Request, error: Exception) -> ASGIApp:
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, _CONNECTION_LOST):
        return problem_response(request, Unavailable(retry_after_seconds=2))
    return internal_problem(request)
