"""Wakes nodes by PUBLISH and SUBSCRIBE of a Redis (or Valkey): for many nodes, or where no connection can LISTEN."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chat.wakeups.gathered import GatheredWakeups, Line, Tell

_CHANNEL = "enamel_chat"
_SECONDS = 5.0


class _Silent(OSError):
    """The other end answers nothing any more, although the connection seems to stand."""


class RedisWakeups(GatheredWakeups):
    """Two connections a node: one that listens, one that speaks. `redis://`, or `rediss://` for TLS.

    `silence_seconds`: after that without a word it is asked whether it still lives, and given up after twice that.
    """

    lost = (RedisError, OSError, TimeoutError)

    def __init__(self, url: str, *, pause_seconds: float = 1.0, silence_seconds: float = 10.0) -> None:
        super().__init__(pause_seconds=pause_seconds)
        self._url = url
        self._silence_seconds = silence_seconds

    @asynccontextmanager
    async def _connected(self, tell: Tell, wake: Callable[[], None]) -> AsyncIterator[Line]:
        once = Retry(NoBackoff(), 0)  # connecting again is the owner's, who says so
        client = Redis.from_url(self._url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS, retry=once)
        pubsub = client.pubsub()
        listening: asyncio.Task[None] | None = None
        try:
            await pubsub.subscribe(_CHANNEL)
            await _next(pubsub, _SECONDS)  # the word that it listens
            listening = asyncio.create_task(self._listen(pubsub, tell))
            listening.add_done_callback(lambda _: wake())

            async def send(text: str) -> None:
                await client.publish(_CHANNEL, text)

            yield Line(send, listening.done)
            await listening  # raises what ended it
        finally:
            if listening is not None:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
            await pubsub.aclose()  # type: ignore[no-untyped-call]
            await client.aclose()

    async def _listen(self, pubsub: PubSub, tell: Tell) -> None:
        asked = False
        while True:
            message = await _next(pubsub, self._silence_seconds)
            if message is None and asked:
                raise _Silent
            asked = message is None
            if message is None:
                await pubsub.ping()
            elif message["type"] == "message":
                tell(bytes(message["data"]).decode(errors="replace"))


async def _next(pubsub: PubSub, seconds: float) -> dict[str, Any] | None:
    message: dict[str, Any] | None = await pubsub.get_message(timeout=seconds)
    return message
