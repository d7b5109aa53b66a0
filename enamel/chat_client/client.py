"""A device: comes back by itself, sends what it owes, asks for what it missed, and never guesses.

It holds the rules of the protocol's document. Keep each intent until its ack and send it again, same id, after every
reconnect; never take a timeout for a failure. Apply an event only if it is the next one, drop it if it is older, ask if
there is a gap. Come back with growing pauses and jitter; what `bye.wait` asks for goes before. Renew the token on the
living socket when asked to.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from enamel.chat_client.backoff import Backoff
from enamel.chat_client.hearing import Hearing
from enamel.chat_client.held import Conversation, Event
from enamel.chat_client.outbox import Outbox, Said, spelled
from enamel.chat_client.speaking import Speaking

PROTOCOL = Subprotocol("enamel.chat.v1")
_WELCOME_SECONDS = 15.0
_OPEN_SECONDS = 10.0
_LARGEST = 2**22
_TOO_BIG, _TOKEN_ENDED = 1009, 4401


class Tokens(Protocol):
    """Where access tokens come from."""

    async def current(self) -> str: ...

    async def renewed(self) -> str:
        """A new one: the current one ends or has ended. Raises `OSError` where nobody answers, to be asked again."""
        ...


class SentAway(Exception):
    """The server said not to come back by oneself; `code` says why (the document's close codes)."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class _Lost(Exception):
    """Nothing was heard for too long."""


def _ignore(_conversation: Conversation, _event: Event) -> None:
    """Nobody looks."""


class ChatClient:
    """One device of one account, of a `patient` or of the `clinic`. `addresses` (ws://…) are tried in turn."""

    def __init__(
        self,
        addresses: Sequence[str],
        tokens: Tokens,
        *,
        side: str,
        device: str,
        outbox: Outbox | None = None,
        watched: Sequence[str] = (),
        on_event: Callable[[Conversation, Event], None] = _ignore,
        backoff: Backoff | None = None,
    ) -> None:
        self._addresses = addresses
        self._tokens = tokens
        self._device = device
        self._attempts = 0
        self._backoff = backoff or Backoff(Random())  # noqa: S311  spreads, and keeps no secret
        self.outbox = outbox or Outbox()
        self.hearing = Hearing(side, on_event)
        self._speaking = Speaking(self.hearing, self.outbox)
        self.hearing.watched.update(dict.fromkeys(watched))
        self.reconnects = 0
        # The last line was ended for the size of what was sent, with a goodbye or without.
        self._was_too_big = False
        self._token_ended = False

    @property
    def conversations(self) -> dict[str, Conversation]:
        return self.hearing.conversations

    @property
    def online(self) -> asyncio.Event:
        """Set between a welcome and the end of its socket."""
        return self.hearing.online

    def send(self, body: str, **members: Any) -> Said:
        """Say something: `c` or `to` as in the document. Returns at once; `settled` is its ack or `Refused`."""
        return self.do("msg", body=body, **members)

    def do(self, op: str, **members: Any) -> Said:
        """The same for edit, del, react (`c` and `seq` of the message) and form."""
        said = self.outbox.add(op, members)
        self._speaking.wake()
        return said

    def watch(self, conversation_id: str) -> None:
        """Staff: hear this conversation's events, from now on and after every reconnect."""
        self.hearing.watched[conversation_id] = None
        self._speaking.watch(conversation_id)

    def read(self, conversation_id: str, seq: int) -> None:
        """Everything up to `seq` was displayed."""
        self._speaking.mark(conversation_id, read=seq)

    def ask_before(self, conversation_id: str, seq: int, most: int = 50) -> None:
        """Scroll back; what comes is shown like news and counts in no log."""
        self._speaking.ask_before(conversation_id, seq, most)

    async def run(self) -> None:
        """Stay connected until cancelled. Raises `SentAway` when the server says not to come back."""
        self.outbox.restore()
        while True:
            try:
                await self._be_connected()
            except (OSError, TimeoutError, WebSocketException, _Lost):
                pass
            finally:
                self.hearing.online.clear()
                gave_up = self._was_too_big and self._speaking.give_up()
                self._speaking.silence()
            self._heed_goodbye(gave_up=gave_up)
            await asyncio.sleep(self._backoff.pause())
            self.reconnects += 1

    def _heed_goodbye(self, *, gave_up: bool) -> None:
        bye, self.hearing.bye = self.hearing.bye, None
        if bye is None:
            return
        if not bye["again"] and not gave_up:
            raise SentAway(bye["code"])
        self._token_ended = bye["code"] == _TOKEN_ENDED
        if "wait" in bye:
            self._backoff.asked((bye["wait"][0], bye["wait"][1]))

    async def _be_connected(self) -> None:
        address = self._addresses[self._attempts % len(self._addresses)]
        self._attempts += 1
        self._was_too_big = False
        if self._token_ended:
            await self._tokens.renewed()
            self._token_ended = False
        async with connect(
            address + "/v1/chat/ws", subprotocols=[PROTOCOL], compression=None, ping_interval=None,
            open_timeout=_OPEN_SECONDS, close_timeout=1, max_size=_LARGEST, max_queue=64,
        ) as socket:  # fmt: skip
            await self._greet(socket)
            hearing, speaking = (asyncio.create_task(each) for each in (self._hear(socket), self._speak(socket)))
            try:
                await asyncio.wait((hearing, speaking), return_when=asyncio.FIRST_COMPLETED)
                if speaking.done():  # the line is cut: what came before that is still heard
                    speaking.result()
                await hearing
            finally:
                for task in (hearing, speaking):
                    task.cancel()
                await asyncio.gather(hearing, speaking, return_exceptions=True)
                said = self.hearing.bye or {}
                self._was_too_big = _TOO_BIG in (said.get("code"), socket.close_code)

    async def _greet(self, socket: ClientConnection) -> None:
        known = {"cur": self.hearing.cursor} if self.hearing.cursor else {}
        hello = {"t": "hello", "tok": await self._tokens.current(), "dev": self._device, "app": "enamel-chat", **known}
        await socket.send(json.dumps(hello))
        async with asyncio.timeout(_WELCOME_SECONDS):
            while not self.hearing.online.is_set() and self.hearing.bye is None:
                self._take(json.loads(await socket.recv()))
        if self.hearing.online.is_set():
            self._backoff.succeeded()
            self._speaking.begin()

    async def _hear(self, socket: ClientConnection) -> None:
        """Until the socket ends or is silent for longer than a living server can be."""
        with suppress(ConnectionClosed):
            while self.hearing.bye is None:
                raw = await self._next(socket)
                self._take(json.loads(raw))
                await self._renew_when_asked()

    async def _next(self, socket: ClientConnection) -> str | bytes:
        """The next frame. One who hears nothing asks; no answer means that nobody is there."""
        for seconds in (self.hearing.ping_seconds, self.hearing.pong_seconds):
            try:
                async with asyncio.timeout(seconds):
                    return await socket.recv()
            except TimeoutError:
                self._speaking.say({"t": "ping"})
        raise _Lost

    def _take(self, frame: dict[str, Any]) -> None:
        self.hearing.take(frame)
        self._speaking.heard(frame, time.monotonic())

    async def _renew_when_asked(self) -> None:
        if self.hearing.renew:
            self.hearing.renew = False
            self._speaking.say({"t": "auth", "tok": await self._tokens.renewed()})

    async def _speak(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                frame = await self._speaking.next_frame()
                await socket.send(spelled(frame))
