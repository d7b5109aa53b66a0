"""`/v1/chat/ws`: the chat's socket, one per device. Every frame is its own short transaction; none outlives it.

A socket is accepted before it is refused: a refusal before that would reach the client as a bare 403, and the
code that says whether to come back would be lost. The token comes in the first frame (or in the Authorization
header of an app), never in the address, which ends in logs.

Spoken as plain ASGI and not through the framework, and without a queue or a task beside the one the server runs
it in: thousands of them idle in one process.
"""

import asyncio
import logging
import types
from collections.abc import Coroutine, Generator, Sequence
from contextlib import suppress
from typing import Any

from asyncpg import PostgresError
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Message, Receive, Scope, Send

from api.hearing import SocketEnds, heard, too_fast
from api.ports import Ports
from api.saying import speaker_of
from api.talk import Talk, claims_of
from chat import frames
from chat.conversation import Resume, Side
from chat.cursor import Cursor, horizon_to_resume, is_of_another_history
from chat.frames import PROTOCOL, Close, Hello
from chat.hub import RETURN_WITHIN
from chat.listener import GOODBYE_SECONDS, Listener
from chat.log import ConversationState, Log
from chat.queries.greeting import seatable, standing_of, standing_of_desk
from core.clock import now
from core.connection_loss import CONNECTION_LOST
from core.errors import Invalid, NotSignedIn, Refusal
from identity.tokens import Claims, TokenExpired

_LOG = logging.getLogger("enamel.chat")
PATH = "/v1/chat/ws"
HELLO_SECONDS = 10.0
# Fewer than a pool has connections: who comes in a herd waits here, and never for a connection that others talk over.
AT_ONCE = 3


class Left(Exception):
    """The other end is gone."""


class ChatDoor:
    """The ASGI application of the chat's socket."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._doorway = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # the connect
        offered = PROTOCOL in scope["subprotocols"]
        with suppress(Left, OSError):
            await send({"type": "websocket.accept", "subprotocol": PROTOCOL if offered else None, "headers": []})
            try:
                self._check_manners(scope, offered=offered)
                connection = await self._seated(scope, receive, send)
            except SocketEnds as end:
                await _say_goodbye(send, end)
            else:
                await connection.run(receive)

    def _check_manners(self, scope: Scope, *, offered: bool) -> None:
        if not offered:
            raise SocketEnds(Close.UNKNOWN_PROTOCOL)
        if scope["query_string"]:
            raise SocketEnds(Close.BAD_FRAME)  # a token in an address is a token in a log
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if any(origin not in self._ports.origins for origin in origins):
            raise SocketEnds(Close.NO_RIGHT)
        address = scope["client"][0] if scope.get("client") else ""
        if wait := self._ports.hub.addresses.take(address, self._ports.hub.handshakes, now().timestamp()):
            raise too_fast(wait, spread=RETURN_WITHIN)

    async def _seated(self, scope: Scope, receive: Receive, send: Send) -> "Connection":
        """Wait for the hello, believe its token, and take a place at the hub."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                hello = heard(_text(await receive()))
        except TimeoutError:
            raise SocketEnds(Close.SILENT) from None
        if not isinstance(hello, Hello):
            raise SocketEnds(Close.BAD_FRAME)
        try:
            claims = claims_of(self._ports, hello.tok or _bearer(scope))
            async with self._doorway:
                listener = await self._welcomed(claims, hello)
        except TokenExpired:
            raise SocketEnds(Close.TOKEN_ENDED) from None
        except Refusal:
            raise SocketEnds(Close.NO_RIGHT) from None
        except (SQLAlchemyError, PostgresError, *CONNECTION_LOST) as error:
            _LOG.warning("a socket could not be welcomed: %s", type(error).__name__)
            raise SocketEnds(Close.FAILED) from None  # whose own pauses grow
        return Connection(send, Talk(self._ports, claims, listener), listener, self._ports)

    async def _welcomed(self, claims: Claims, hello: Hello) -> Listener:
        """Join first, then read what was missed: what is committed between is told twice, never not at all."""
        who, hub, database = speaker_of(claims), self._ports.hub, self._ports.database
        found = await seatable(database, who.side, who.clinic_id, who.account_id, who.session_id, now())
        if not found.patients and not found.replies:
            raise NotSignedIn  # signed out, or no record's chat is opened to this account, or it may not reply
        listener = Listener(who, found.patients, claims.expires_at, device=hello.dev, tied=found.tied)
        listener.epoch, listener.since = found.cursor.epoch, found.since
        hub.join(listener)
        try:
            listener.greet(*await self._welcome(listener, hello, found.cursor))
        except BaseException:
            hub.leave(listener)
            raise
        return listener

    async def _welcome(self, listener: Listener, hello: Hello, cursor: Cursor) -> list[str]:
        """`cursor` was taken before what is read here: what commits between is told again, not passed over."""
        speaker, database = listener.speaker, self._ports.database
        given = None if hello.cur is None else Cursor.read(hello.cur)
        # Who names what it holds, but not of which history, may hold anything.
        void = bool(hello.at) if given is None else is_of_another_history(given, cursor)
        if speaker.side is Side.PATIENT:
            whole = not void
            changed = await standing_of(database, speaker.clinic_id, listener.patients, speaker.account_id)
        else:
            resumed = horizon_to_resume(given, cursor, listener.tied or 0)
            changed, whole = await standing_of_desk(database, speaker.clinic_id, speaker.account_id, resumed)
        missed = frames.Missed(str(cursor), changed, whole=whole, void=void)
        hub = self._ports.hub
        welcome = frames.welcome(
            listener.connection_id, speaker.side, now(), hub.ping_seconds, listener.expires_at, missed, hello.at
        )
        return [welcome, *(_resets(hello, speaker.side, changed) if void else ())]


def _resets(hello: Hello, side: Side, changed: Sequence[ConversationState]) -> list[str]:
    """Every log that the device says it holds starts over, those that are not here (any more) from nothing."""
    logs = [Log.SHARED] if side is Side.PATIENT else list(Log)
    stand = {state.conversation_id: state.rev for state in changed}
    return [
        frames.reset(conversation_id, log, stand.get(conversation_id, 0) if log is Log.SHARED else 0, Resume.EPOCH)
        for conversation_id, held in hello.at.items()
        for log, _ in zip(logs, held, strict=False)
    ]


def _bearer(scope: Scope) -> str:
    found = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    return found[0].removeprefix("Bearer ") if len(found) == 1 else ""


class Connection:
    """A seated socket. The server's task reads and answers; whoever has news writes them, at once where it can."""

    __slots__ = ("_blocked", "_hub", "_listener", "_reader", "_send", "_talk", "_writing")

    def __init__(self, send: Send, talk: Talk, listener: Listener, ports: Ports) -> None:
        self._send, self._talk, self._listener, self._hub = send, talk, listener, ports.hub
        self._writing = False
        self._blocked: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[Any] | None = None

    async def run(self, receive: Receive) -> None:
        """Until either end leaves."""
        self._reader = asyncio.current_task()
        self._listener.news, self._listener.abandon = self._write, self._let_go
        failure: Exception | None = None
        try:
            self._write()
            while True:
                failure = await self._answer(_text(await receive())) or failure
        except Left:
            self._listener.end(Close.GONE)
        except asyncio.CancelledError:
            if not self._listener.is_abandoned:
                raise
        finally:
            self._leave()
        if failure is not None:
            raise failure  # our own mistake: it goes to the log

    async def _answer(self, text: str | None) -> Exception | None:
        """Answer one frame. What ends the socket ends the listener; then only the other end's goodbye is awaited."""
        listener = self._listener
        if listener.ended is not None:
            return None
        listener.heard(asyncio.get_running_loop().time())
        try:
            await self._talk.answer(heard(text))
        except SocketEnds as end:
            if end.code is Close.BAD_FRAME:
                listener.offer(frames.nak(Invalid.slug, None, None))
            listener.end(end.code, wait=end.wait)
        except NotSignedIn:
            listener.end(Close.NO_RIGHT)
        except Exception as error:  # noqa: BLE001  said goodbye first, raised then
            listener.end(Close.FAILED)
            return error
        return None

    def _leave(self) -> None:
        self._hub.leave(self._listener)
        self._listener.news = self._listener.abandon = _nothing
        self._listener.end(Close.GONE)
        if self._blocked is not None:
            self._blocked.cancel()
            self._blocked = None  # which holds us by where it was cancelled, and what nobody read with us

    def _let_go(self) -> None:
        if self._reader is not None and not self._listener.is_abandoned:
            self._listener.is_abandoned = True
            self._reader.cancel()

    def _write(self) -> None:
        """Write what stands in line. Only where the other end is slow does a task go on with it."""
        if self._writing:
            return
        self._writing = True
        writing = self._line()
        try:
            waits_for = writing.send(None)
        except StopIteration:
            return
        self._listener.wait_for_reader(asyncio.get_running_loop().time())
        self._blocked = asyncio.create_task(_finish(writing, waits_for))

    async def _line(self) -> None:
        listener = self._listener
        try:
            while (frame := listener.take()) is not None:
                await self._send({"type": "websocket.send", "text": frame})
                listener.blocked_at = 0.0
            if listener.ended is not None and listener.ended is not Close.GONE:
                await self._send({"type": "websocket.send", "text": frames.bye(listener.ended, listener.wait)})
                await self._send({"type": "websocket.close", "code": int(listener.ended)})
                return  # and nothing after it
        except (OSError, RuntimeError):
            listener.end(Close.GONE)
        self._writing = False
        self._blocked = None


async def _finish(writing: Coroutine[Any, Any, None], waits_for: Any) -> None:
    """A task wants a coroutine proper: from Python 3.12 on a generator is none."""
    await _rest(writing, waits_for)


@types.coroutine
def _rest(writing: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """The rest of a coroutine that was begun without a task and now waits for something."""
    with suppress(StopIteration):
        while True:
            try:
                answer = yield waits_for
            except BaseException as error:  # noqa: BLE001  a cancellation belongs to the coroutine
                waits_for = writing.throw(error)
            else:
                waits_for = writing.send(answer)


def _nothing() -> None:
    """The connection is over."""


def _text(message: Message) -> str | None:
    """The text of a message, None for a binary one. Raises `Left` when the other end is gone."""
    if message["type"] == "websocket.disconnect":
        raise Left
    text: str | None = message.get("text")
    return text


async def _say_goodbye(send: Send, end: SocketEnds) -> None:
    """Say why and close; one that does not read is left without a word."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_SECONDS):
            await send({"type": "websocket.send", "text": frames.bye(end.code, end.wait)})
            await send({"type": "websocket.close", "code": int(end.code)})
