"""The outermost layer: limits, Host, request id, safe headers, and the last answer when we fail."""

import asyncio
import secrets
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.failures import failure_problem, log_failure
from api.problems import BodyTooSlow, Malformed, problem_response
from core.errors import NotFound, Refusal, TooLarge

MOST_HEADERS = 100
LARGEST_HEADERS = 32 * 1024
LONGEST_URL = 4 * 1024
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_SILENCE_SECONDS = 30.0
"""Between two pieces of a body."""
LONGEST_REQUEST_SECONDS = 900.0

# A shared cache must never hold a patient's page; a browser must never guess a type or frame us.
_SAFE = (
    (b"cache-control", b"no-store"),
    (b"vary", b"Authorization, Accept-Language"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)
_TOO_LARGE = 413


class Guard:
    """`sockets`: what is spoken at which path, past the framework, of which each open socket would hold a part."""

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Collection[str],
        *,
        sockets: Mapping[str, ASGIApp] | None = None,
        pause_seconds: float = LONGEST_PAUSE_SECONDS,
        silence_seconds: float = LONGEST_SILENCE_SECONDS,
        request_seconds: float = LONGEST_REQUEST_SECONDS,
    ) -> None:
        self.app = _TooLargeWorded(app)
        self._sockets = sockets or {}
        self._hosts = {host.lower() for host in allowed_hosts}
        self._pause_seconds = pause_seconds
        self._silence_seconds = silence_seconds
        self._request_seconds = request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._request(scope, receive, send)
            case "websocket":
                await self._socket(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope["enamel.request_id"] = secrets.token_hex(8)
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _safe_headers(message["headers"], request_id)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await problem_response(Request(scope), refusal)(scope, receive, send_safely)
            return
        body = _Body(receive)
        try:
            async with asyncio.timeout(self._request_seconds):
                await self._while_it_moves(scope, body, send_safely)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing of ours failed
        except Exception as error:  # noqa: BLE001  the last line of defence: whatever it is, the caller gets a problem
            if isinstance(error, TimeoutError) and body.is_awaited and not started:
                await _hung_up(problem_response(Request(scope), BodyTooSlow()))(scope, receive, send_safely)
                return
            log_failure(request_id, error)
            if not started:
                await failure_problem(Request(scope), error)(scope, receive, send_safely)

    async def _while_it_moves(self, scope: Scope, body: "_Body", send: Send) -> None:
        """Run for as long as something is received or sent: a big upload over a poor line is no stuck request."""
        clock = asyncio.get_running_loop().time

        async with asyncio.timeout(self._pause_seconds) as pause:

            async def receive_on() -> Message:
                if not body.is_whole:
                    pause.reschedule(clock() + self._silence_seconds)
                message = await body.next()
                pause.reschedule(clock() + self._pause_seconds)
                return message

            async def send_on(message: Message) -> None:
                pause.reschedule(clock() + self._pause_seconds)
                await send(message)

            await self.app(scope, receive_on, send_on)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same checks for a socket, which is turned away before it is accepted; it lives as long as it likes."""
        door = self._sockets.get(scope["path"])
        refusal = self._refusal(scope)
        if door is None or refusal is not None:
            await receive()
            await _turn_away(scope, receive, send, refusal or NotFound())
            return
        try:
            await door(scope, receive, send)
        except Exception as error:  # noqa: BLE001  the server would write the whole error, with values, into its log
            log_failure(secrets.token_hex(8), error)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        url = len(scope["raw_path"]) + len(scope["query_string"])
        if len(headers) > MOST_HEADERS or size > LARGEST_HEADERS or url > LONGEST_URL:
            return TooLarge()
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or _without_port(hosts[0].decode("latin-1")) not in self._hosts:
            return Malformed()
        return None


async def _turn_away(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    """Answer instead of a socket: as a problem where the server can, else it says 403 and nothing more."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    request_id = scope["enamel.request_id"] = secrets.token_hex(8)

    async def send_safely(message: Message) -> None:
        if message["type"] == "websocket.http.response.start":
            message["headers"] = _safe_headers(message["headers"], request_id)
        await send(message)

    await problem_response(Request({**scope, "type": "http"}), refusal)(scope, receive, send_safely)


def _safe_headers(given: list[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """The answer's headers with ours where it has none of that name. On every answer, so raw pairs and one pass."""
    named = {name.lower() for name, _ in given}
    safe = [pair for pair in _SAFE if pair[0] not in named]
    return [*given, *safe, (b"x-request-id", request_id.encode())]


class _TooLargeWorded:
    """The framework answers a body over the limit in plain text, past every handler; here it becomes a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bare = False

        async def send_worded(message: Message) -> None:
            nonlocal bare
            bare = bare or _is_bare_too_large(message)
            if not bare:
                await send(message)

        await self.app(scope, receive, send_worded)
        if bare:
            await problem_response(Request(scope), TooLarge())(scope, receive, send)


def _is_bare_too_large(message: Message) -> bool:
    if message["type"] != "http.response.start" or message["status"] != _TOO_LARGE:
        return False
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")


class _Body:
    """A request's body as it comes. `is_awaited`: the application waits for a piece of it at this moment."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_whole = False
        self.is_awaited = False

    async def next(self) -> Message:
        self.is_awaited = not self.is_whole
        message = await self._receive()
        self.is_awaited = False
        self.is_whole = not message.get("more_body", False)
        return message


def _hung_up(answer: Response) -> Response:
    """With word that the connection ends: the rest of the body would be taken for the next request."""
    answer.headers["connection"] = "close"
    return answer


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
