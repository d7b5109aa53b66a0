"""What the buses over a network have in common: one task owns the connection and sends what has gathered."""

import asyncio
import logging
import math
import secrets
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from chat.log import Thread
from chat.wakeups.payload import MOST_AT_ONCE, hints_of, payload_of, payloads_of_hints, threads_of
from chat.wakeups.port import Heard, Hint, Hinted, nobody

MOST_HINTS = 256
PAUSE_BETWEEN_SECONDS = 0.005
"""A text goes at once when the one before is older than this, else together with what comes meanwhile."""
# "Who is there?" of a node that begins to listen, and "I am", the answer to it, repeated while the node lives. Both
# are no ids and no hints.
_WHO, _HERE = "?", "!"
_TAG = 8
_PATIENCE_SECONDS = 0.5
_LOG = logging.getLogger("enamel.chat")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Line:
    """A connection that stands: `send` publishes one text, `is_lost` says that it stands no more."""

    send: Callable[[str], Awaitable[None]]
    is_lost: Callable[[], bool]


class GatheredWakeups(ABC):
    """Sends what has gathered while the last message was under way, and connects again after a loss.

    What was to be sent meanwhile is dropped; the sweep has it. Each text begins with a tag of its node, because some
    buses bring a sender's own words back to it.

    A node that has heard of no other for a while sends nothing but that it is there: where there is one node alone, a
    wake-up would cost a trip for each message and wake nobody. Where those words were lost, the sweep has it too.
    """

    here_seconds = 10.0
    """How often a node says that it is there. It counts as gone when that was not heard three times."""
    lost: tuple[type[Exception], ...] = (OSError, TimeoutError)
    """What the loss of a connection is raised as. It is logged by its type alone: its words may hold an address."""

    def __init__(self, *, pause_seconds: float = 1.0) -> None:
        self._pause_seconds = pause_seconds
        self._tag = secrets.token_hex(_TAG // 2)
        self._waiting: dict[Thread, None] = {}
        self._hints: deque[Hint] = deque(maxlen=MOST_HINTS)
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._words: set[str] = set()
        # Of the loop's clock. Before the first connection nobody knows who is there.
        self._company_until = math.inf
        self._sent_at = -math.inf

    @abstractmethod
    def _connected(self, tell: Tell, wake: Callable[[], None]) -> AbstractAsyncContextManager[Line]:
        """A connection that already listens. `tell` takes what comes, `wake` is called when the connection is lost."""

    async def listen(self, heard: Heard, hinted: Hinted = nobody) -> None:
        """Returns once the first connection listens (or failed, and is tried again in the background)."""
        first = asyncio.Event()
        self._task = asyncio.create_task(self._run(heard, hinted, first))
        await first.wait()

    def publish(self, threads: Collection[Thread], hints: Sequence[Hint] = ()) -> None:
        if self._company_until != math.inf and asyncio.get_running_loop().time() > self._company_until:
            return
        self._waiting.update(dict.fromkeys(threads))
        self._hints.extend(hints)
        self._work.set()

    async def close(self) -> None:
        task, self._task = self._task, None
        while task is not None and not task.done():
            task.cancel()  # more than once where a library keeps a cancellation to itself
            await asyncio.wait((task,), timeout=_PATIENCE_SECONDS)

    async def _run(self, heard: Heard, hinted: Hinted, first: asyncio.Event) -> None:
        def tell(text: str) -> None:
            if not text.startswith(self._tag):
                self._meet(text[_TAG:])
                _told(text[_TAG:], heard, hinted)

        while True:
            try:
                async with self._connected(tell, self._work.set) as line:
                    first.set()
                    await self._send_while_it_stands(line)
                _LOG.warning("wake-ups interrupted")
            except self.lost as error:
                _LOG.warning("wake-ups interrupted: %s", type(error).__name__)
            first.set()
            self._waiting.clear()
            self._hints.clear()
            self._words.clear()
            await asyncio.sleep(self._pause_seconds)

    def _meet(self, text: str) -> None:
        """There is another node."""
        self._company_until = asyncio.get_running_loop().time() + 3 * self.here_seconds
        if text == _WHO:
            self._say(_HERE)

    def _say(self, word: str) -> None:
        self._words.add(word)
        self._work.set()

    async def _send_while_it_stands(self, line: Line) -> None:
        loop = asyncio.get_running_loop()
        self._company_until = loop.time() + self.here_seconds  # who is there has so long to say so
        self._say(_WHO)
        repeated = asyncio.create_task(self._keep_saying())
        try:
            while not line.is_lost():
                await self._work.wait()
                await asyncio.sleep(max(0.0, self._sent_at + PAUSE_BETWEEN_SECONDS - loop.time()))
                self._work.clear()
                while (self._waiting or self._hints or self._words) and not line.is_lost():
                    for text in self._gathered():
                        await line.send(self._tag + text)
                    self._sent_at = loop.time()
        finally:
            repeated.cancel()

    async def _keep_saying(self) -> None:
        while True:
            await asyncio.sleep(self.here_seconds)
            self._say(_HERE)

    def _gathered(self) -> list[str]:
        batch = list(self._waiting)[:MOST_AT_ONCE]
        for thread in batch:
            del self._waiting[thread]
        hints, words = list(self._hints), sorted(self._words)
        self._hints.clear()
        self._words.clear()
        return [*words, *([payload_of(batch)] if batch else []), *payloads_of_hints(hints)]


def _told(text: str, heard: Heard, hinted: Hinted) -> None:
    if threads := threads_of(text):
        heard(threads)
    elif hints := hints_of(text):
        hinted(hints)
