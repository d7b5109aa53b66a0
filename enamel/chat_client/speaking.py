"""What a device has to say next: within the limits of its welcome, hints last, one message at a time."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from enamel.chat_client.hearing import Hearing
from enamel.chat_client.held import SHARED, STAFF
from enamel.chat_client.outbox import TOO_LARGE, Outbox
from enamel.chat_client.pacing import Throttle

_NEWEST, _NEWEST_PAGE = 2**31 - 1, 50
_LARGEST = 2**20
_Ask = tuple[str, str]


class Speaking:
    """The frames to send, made when there is a line to send them on; only the outbox outlives a line."""

    def __init__(self, hearing: Hearing, outbox: Outbox) -> None:
        self._hearing = hearing
        self._outbox = outbox
        self._work = asyncio.Event()
        self._plain: deque[dict[str, Any]] = deque()
        self._under_way = ""
        # What was asked of each log, in order: the goal of a page, None where it scrolled back.
        self._asked: dict[_Ask, deque[int | None]] = {}
        # Conversations that started over and have no messages yet; whether the newest were asked for.
        self._bare: dict[str, bool] = {}
        self._marks: dict[str, tuple[int, int]] = {}
        self._unmarked: dict[str, None] = {}
        self._unwatched: dict[str, None] = {}
        self._pace = {"send": Throttle(), "mark": Throttle(), "sync": Throttle(), "typing": Throttle()}

    def wake(self) -> None:
        self._work.set()

    def begin(self) -> None:
        """A welcome came: everything that is owed goes out again."""
        if self._hearing.void:
            self._hearing.void = False
            self._marks.clear()  # they named messages of another history
            self._bare.clear()
        for kind, throttle in self._pace.items():
            if kind in self._hearing.limits:
                throttle.allow(*self._hearing.limits[kind])
        # Whatever is allowed: a mark says what all before it said, and everybody hears it.
        self._pace["mark"].allow(1, 1)
        self._unwatched = dict.fromkeys(self._hearing.watched)
        self._unmarked = dict.fromkeys(self._marks)
        self.wake()

    def silence(self) -> None:
        """The line is gone: what was asked on it will not be answered, and is owed again."""
        self._plain.clear()
        self._owe_asked()
        self._under_way = ""

    def _owe_asked(self) -> None:
        self._hearing.behind.update(dict.fromkeys(self._asked))
        self._bare = dict.fromkeys(self._bare, False)
        self._asked.clear()

    def give_up(self) -> bool:
        """What is under way was too large for the server, whatever it announced: it is refused, and what comes after
        it is kept. False where nothing was under way.
        """
        return bool(self._under_way) and self._outbox.refused(self._under_way, TOO_LARGE) is not None

    def say(self, frame: dict[str, Any]) -> None:
        self._plain.append(frame)
        self.wake()

    def watch(self, conversation_id: str) -> None:
        self._unwatched[conversation_id] = None
        self.wake()

    def mark(self, conversation_id: str, *, delivered: int = 0, read: int = 0) -> None:
        """Marks only move forward; said again after each reconnect, because nothing acknowledges them."""
        before = self._marks.get(conversation_id, (0, 0))
        after = max(before[0], delivered, read), max(before[1], read)
        if after != before:
            self._marks[conversation_id] = after
            self._unmarked[conversation_id] = None
            self.wake()

    def ask_before(self, conversation_id: str, seq: int, most: int) -> None:
        """Scroll back in the shared log."""
        self._asked.setdefault((conversation_id, SHARED), deque()).append(None)
        self.say({"t": "sync", "c": conversation_id, "log": SHARED, "before": seq, "lim": most})

    def heard(self, frame: dict[str, Any], at: float) -> None:
        """What an answer means for what is owed."""
        kind = frame["t"]
        if kind == "ack":
            self._outbox.acknowledged(frame)
            self._settled(frame["id"])
        elif kind == "nak":
            self._refused(frame, at)
        elif kind == "ping":
            self.say({"t": "pong"})
        elif kind in ("page", "reset"):
            self._answered(frame)
        for conversation_id in self._hearing.fresh:
            self.mark(conversation_id, delivered=self._hearing.of(conversation_id).last_seq)
        self._hearing.fresh.clear()
        self.wake()

    def _settled(self, id_: str) -> None:
        if id_ == self._under_way:
            self._under_way = ""

    def _refused(self, frame: dict[str, Any], at: float) -> None:
        """A refusal that says `retry` settles nothing: the same goes again, after the pause it names."""
        until = at + frame.get("after", 0) / 1000
        if "id" in frame:
            self._settled(frame["id"])
            if frame["retry"]:
                self._pace["send"].hold(until)
            else:
                self._outbox.refused(frame["id"], frame["code"])
        elif frame["retry"]:
            for kind in ("sync", "mark"):
                self._pace[kind].hold(until)
            # Nobody says which frame it was: whatever it may have been is owed again.
            self._owe_asked()
            self._unwatched.update(self._hearing.watched)
            self._unmarked.update(dict.fromkeys(self._marks))

    def _answered(self, frame: dict[str, Any]) -> None:
        place = frame["c"], frame.get("log", SHARED)
        asked = self._asked.get(place)
        goal = asked.popleft() if asked else None
        if not asked:
            self._asked.pop(place, None)
        if frame["t"] == "page":
            self._hearing.page(frame, goal)
            if goal is None and self._bare.get(frame["c"]):
                del self._bare[frame["c"]]
        self._bare.update(dict.fromkeys(self._hearing.reset, False))
        self._hearing.reset.clear()

    async def next_frame(self) -> dict[str, Any]:
        """The next frame that may go now; waits for one."""
        while True:
            self._work.clear()
            frame, wait = self._choose(time.monotonic())
            if frame is not None:
                return frame
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._work.wait()

    def _choose(self, at: float) -> tuple[dict[str, Any] | None, float | None]:
        """A frame, or how long until one may go (None: until there is news)."""
        if self._plain:
            return self._plain.popleft(), None
        waits: list[float] = []
        for kind, choose in self._CHOICES:
            frame = choose(self)
            if frame is None:
                continue
            wait = self._pace[kind].wait(at)
            if not wait:
                return self._take(kind, frame), None
            waits.append(wait)
        return None, min(waits, default=None)

    def _next_watch(self) -> dict[str, Any] | None:
        for c in self._unwatched:
            return {"t": "watch", "c": c, "on": True}
        return None

    def _next_ask(self) -> dict[str, Any] | None:
        for place in self._hearing.behind:
            if place not in self._asked:
                c, log = place
                return {"t": "sync", "c": c, "log": log, "after": self._hearing.of(c).logs[log].held, "lim": 200}
        return None

    def _next_bare(self) -> dict[str, Any] | None:
        for c, is_asked in self._bare.items():
            if not is_asked:
                return {"t": "sync", "c": c, "log": SHARED, "before": _NEWEST, "lim": _NEWEST_PAGE}
        return None

    def _next_said(self) -> dict[str, Any] | None:
        said = None if self._under_way else self._outbox.first_within(self._hearing.limits.get("frame", _LARGEST))
        return None if said is None else said.frame

    def _next_mark(self) -> dict[str, Any] | None:
        for c in self._unmarked:
            delivered, read = self._marks[c]
            return {"t": "mark", "c": c, "dlv": delivered, "read": read}
        return None

    def _take(self, kind: str, frame: dict[str, Any]) -> dict[str, Any]:
        if kind == "send":
            self._under_way = frame["id"]
        elif kind == "mark":
            self._unmarked.pop(frame["c"], None)
        elif frame["t"] == "watch":
            # First hear what comes, then ask for what was: nothing can fall between.
            self._unwatched.pop(frame["c"], None)
            self._hearing.behind.update(dict.fromkeys(((frame["c"], SHARED), (frame["c"], STAFF))))
        elif "before" in frame:
            self._bare[frame["c"]] = True
            self._asked.setdefault((frame["c"], SHARED), deque()).append(None)
        else:
            place = frame["c"], frame["log"]
            self._hearing.behind.pop(place, None)
            self._asked.setdefault(place, deque()).append(self._hearing.of(frame["c"]).logs[frame["log"]].seen)
        return frame

    _CHOICES: ClassVar[tuple[tuple[str, Callable[["Speaking"], dict[str, Any] | None]], ...]] = (
        ("sync", _next_watch), ("sync", _next_bare), ("sync", _next_ask), ("send", _next_said), ("mark", _next_mark),
    )  # fmt: skip
