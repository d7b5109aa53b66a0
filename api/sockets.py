"""`/v1/chat/ws`: the chat's socket, one per device. Every frame is its own short transaction; none outlives it.

A socket is accepted before it is refused: a refusal before that would reach the client as a bare 403, and the
code that says whether to come back would be lost. The token comes in the first frame (or in the Authorization
header of an app), never in the address, which ends in logs.
"""

import asyncio
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.ports import Ports, ports_of
from api.problems import Malformed
from api.strict import strict_json
from api.talk import Talk, remains
from api.transaction import scope_of, standing_staff
from chat import frames
from chat.commands import Speaker
from chat.conversation import LARGEST_FRAME, Side, cursor_to_resume
from chat.frames import PROTOCOL, Close, Hello
from chat.hub import Listener
from chat.queries import desk_states, horizon_now, states_of
from clinic.household import AccessScope
from clinic.queries import records
from core.clock import now
from core.database import Reading
from core.errors import NotSignedIn, Refusal
from identity.permissions import Permission
from identity.sign_in import Audience
from identity.tokens import Claims, TokenExpired, TokenRefused

router = APIRouter()

HELLO_SECONDS = 10.0
SLOWEST_READER_SECONDS = 10.0
_GOODBYE_SECONDS = 2.0
_PONG_PART = 0.4


class SocketEnds(Exception):
    """Leave this socket with a code."""

    def __init__(self, code: Close) -> None:
        super().__init__(code.name)
        self.code = code


async def chat_socket(socket: WebSocket) -> None:
    ports = ports_of(socket)
    offered = PROTOCOL in socket.scope["subprotocols"]
    await socket.accept(PROTOCOL if offered else None)
    try:
        _check_manners(socket, ports, offered=offered)
        connection = await _seated(socket, ports)
    except SocketEnds as end:
        await _say_goodbye(socket, end.code)
    except WebSocketDisconnect:
        return
    else:
        await connection.run()


# Starlette's route and not FastAPI's: no dependency is resolved here, and a socket costs less memory.
router.add_websocket_route("/v1/chat/ws", chat_socket)


def _check_manners(socket: WebSocket, ports: Ports, *, offered: bool) -> None:
    if not offered:
        raise SocketEnds(Close.UNKNOWN_PROTOCOL)
    if socket.scope["query_string"]:
        raise SocketEnds(Close.BAD_FRAME)  # a token in an address is a token in a log
    origins = socket.headers.getlist("origin")
    if any(origin not in ports.origins for origin in origins):
        raise SocketEnds(Close.NO_RIGHT)


async def _seated(socket: WebSocket, ports: Ports) -> "Connection":
    """Wait for the hello, believe its token, and take a place at the hub."""
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            hello = _hello(await _frame(socket))
    except TimeoutError:
        raise SocketEnds(Close.SILENT) from None
    try:
        claims = _claims(socket, ports, hello)
        listener = await _welcomed(ports, claims, hello)
    except TokenExpired:
        raise SocketEnds(Close.TOKEN_ENDED) from None
    except Refusal:
        raise SocketEnds(Close.NO_RIGHT) from None
    return Connection(socket, ports, listener, Talk(ports, claims, listener, now()))


def _hello(frame: dict[str, Any]) -> Hello:
    try:
        if frame["t"] == "hello":
            return Hello.model_validate(frame)
    except ValidationError:
        pass
    raise SocketEnds(Close.BAD_FRAME)


def _claims(socket: WebSocket, ports: Ports, hello: Hello) -> Claims:
    """Whose token it is: a patient's or staff's; a partner's is refused."""
    header = socket.headers.getlist("authorization")
    token = hello.tok or (header[0].removeprefix("Bearer ") if len(header) == 1 else "")
    try:
        return ports.keys.tokens.verify(token, Audience.PATIENT, now())
    except TokenRefused:
        return ports.keys.tokens.verify(token, Audience.STAFF, now())


async def _welcomed(ports: Ports, claims: Claims, hello: Hello) -> Listener:
    """Join first, then read what was missed: what is committed between the two is told twice, never not at all."""
    side = Side.PATIENT if claims.audience is Audience.PATIENT else Side.CLINIC
    speaker = Speaker(side, claims.clinic_id, claims.subject_id, claims.session_id)
    async with ports.database.reading(scope_of(claims)) as reading:
        mine = await _records(reading, claims) if side is Side.PATIENT else []
        if side is Side.CLINIC:
            await standing_staff(reading, claims, Permission.REPLY)
        listener = Listener(speaker, mine, claims.expires_at)
        ports.hub.join(listener)
        try:
            listener.greet(await _welcome(ports, reading, listener, hello))
        except BaseException:
            ports.hub.leave(listener)
            raise
    return listener


async def _records(reading: Reading, claims: Claims) -> list[Any]:
    found = await records(reading, claims.subject_id, claims.session_id, now(), AccessScope.CHAT)
    if not found:
        raise NotSignedIn  # signed out, or no record's chat is opened to this account
    return [record.patient_id for record in found]


async def _welcome(ports: Ports, reading: Reading, listener: Listener, hello: Hello) -> str:
    ping = ports.hub.ping_seconds
    if listener.speaker.side is Side.PATIENT:
        known = await states_of(reading, sorted(listener.patients), listener.speaker.account_id)
        return frames.welcome(now(), ping, None, known, whole=True)
    cursor = await horizon_now(reading)
    changed, whole = await desk_states(reading, listener.speaker.clinic_id, cursor_to_resume(hello.cur, cursor))
    return frames.welcome(now(), ping, cursor, changed, whole=whole)


class Connection:
    """A seated socket: one task reads and answers, this one writes whatever stands in line."""

    def __init__(self, socket: WebSocket, ports: Ports, listener: Listener, talk: Talk) -> None:
        self._socket = socket
        self._hub = ports.hub
        self._listener = listener
        self._talk = talk

    async def run(self) -> None:
        reader = asyncio.create_task(self._read())
        try:
            await self._write()
        finally:
            self._hub.leave(self._listener)
            reader.cancel()
            await asyncio.wait({reader})
        if self._listener.ended is not Close.GONE:
            await _say_goodbye(self._socket, self._listener.ended or Close.FAILED)
        if not reader.cancelled():
            reader.result()  # our own mistake, if there was one, goes to the log

    async def _write(self) -> None:
        """Until the line is empty and ended, or the other end stops reading."""
        try:
            while (frame := await self._listener.next()) is not None:
                async with asyncio.timeout(SLOWEST_READER_SECONDS):
                    await self._socket.send_text(frame)
        except TimeoutError:
            self._listener.end(Close.TOO_SLOW)
        except WebSocketDisconnect:
            self._listener.end(Close.GONE)

    async def _read(self) -> None:
        """Until either end leaves. However it stops, the listener is ended, and with it the writer."""
        code = Close.FAILED
        try:
            while self._listener.ended is None:
                await self._talk.answer(await self._next_frame())
        except SocketEnds as end:
            code = end.code
        except NotSignedIn:
            code = Close.NO_RIGHT
        except WebSocketDisconnect:
            code = Close.GONE
        finally:
            self._listener.end(code)

    async def _next_frame(self) -> dict[str, Any]:
        """The next frame. A silence is answered with a ping, and silence after that ends the socket."""
        patience = self._hub.ping_seconds
        try:
            async with asyncio.timeout(patience):
                return await _frame(self._socket)
        except TimeoutError:
            self._listener.offer(frames.PING)
        try:
            async with asyncio.timeout(patience * _PONG_PART):
                return await _frame(self._socket)
        except TimeoutError:
            raise SocketEnds(Close.SILENT) from None


async def _frame(socket: WebSocket) -> dict[str, Any]:
    """The next frame: an object that names its kind. Anything else ends the socket."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    raw = (message.get("text") or "").encode(errors="surrogatepass")
    if len(raw) > LARGEST_FRAME:
        raise SocketEnds(Close.TOO_BIG)
    try:
        frame = strict_json(raw)
    except Malformed:
        frame = remains(raw)
    if not isinstance(frame, dict) or not isinstance(frame.get("t"), str):
        raise SocketEnds(Close.BAD_FRAME)
    return frame


async def _say_goodbye(socket: WebSocket, code: Close) -> None:
    """Say why and close; one that does not read is left without a word."""
    with suppress(TimeoutError, WebSocketDisconnect, OSError, RuntimeError):
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await socket.send_text(frames.bye(code))
            await socket.close(code)
