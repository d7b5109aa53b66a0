"""What a device makes of each frame it hears."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from enamel.chat_client.held import SHARED, STAFF, Conversation, Event, Step

_PING_SECONDS = 25.0
_PONG_SECONDS = 10.0
_RENEW_BELOW_SECONDS = 60


class Hearing:
    """The state of a device: its conversations, where each log stands, and what the server said of itself."""

    def __init__(self, side: str, on_event: Callable[[Conversation, Event], None]) -> None:
        self._side = side
        self._on_event = on_event
        self.conversations: dict[str, Conversation] = {}
        self.watched: dict[str, None] = {}
        self.inbox: dict[str, dict[str, Any]] = {}
        self.cursor = ""
        self.limits: dict[str, Any] = {}
        self.ping_seconds, self.pong_seconds = _PING_SECONDS, _PONG_SECONDS
        self.online = asyncio.Event()
        self.bye: dict[str, Any] | None = None
        self.renew = False
        # Logs (conversation and log) of which something is missing.
        self.behind: dict[tuple[str, str], None] = {}
        self.reset: list[str] = []
        self.void = False
        self.fresh: dict[str, None] = {}
        """Conversations with messages of the other side that this device has stored and nobody was told of yet."""

    def of(self, conversation_id: str) -> Conversation:
        return self.conversations.setdefault(conversation_id, Conversation(conversation_id))

    def take(self, frame: dict[str, Any]) -> None:
        """Take one frame in. Kinds that are not known are passed over."""
        taking = self._TAKING.get(frame["t"])
        if taking is not None:
            taking(self, frame)

    def _welcome(self, frame: dict[str, Any]) -> None:
        self.limits = frame["lim"]
        self.cursor = frame.get("cur", "")
        self.ping_seconds = float(frame["ping"])
        self.pong_seconds = min(_PONG_SECONDS, max(self.ping_seconds, 1.0))
        if frame.get("void"):
            self._forget()
        for state in frame["changed"]:
            if state["c"] is not None:
                self._compare(state)
        self.online.set()

    def _forget(self) -> None:
        """Everything held is of another history: a backup was restored."""
        self.void = True
        for conversation in self.conversations.values():
            for log in (SHARED, STAFF):
                conversation.start_over(log, 0)
            conversation.unread = 0
            conversation.marks.clear()
        for told in (self.behind, self.fresh, self.inbox):
            told.clear()

    def _compare(self, state: dict[str, Any]) -> None:
        conversation = self.of(state["c"])
        conversation.patient, conversation.unread = state["patient"], state["unread"]
        log = conversation.logs[SHARED]
        log.seen = max(log.seen, state["rev"])
        if log.is_behind:
            self.behind[conversation.id, SHARED] = None

    def _ev(self, frame: dict[str, Any]) -> None:
        conversation = self.of(frame["c"])
        step = conversation.logs[frame["log"]].take(frame)
        if step is Step.APPLIED:
            self._show(conversation, frame)
        elif step is Step.GAP:
            self.behind[conversation.id, frame["log"]] = None

    def _show(self, conversation: Conversation, event: Event) -> None:
        conversation.show(event)
        if event["k"] in ("msg", "form") and (event["by"]["side"] == "patient") != (self._side == "patient"):
            self.fresh[conversation.id] = None
        self._on_event(conversation, event)

    def page(self, frame: dict[str, Any], goal: int | None) -> None:
        """A page of the log, asked for when `goal` was the highest number heard of; None: scrolled back."""
        conversation = self.of(frame["c"])
        if goal is None:
            for event in frame["evs"]:
                conversation.show(event)
                self._on_event(conversation, event)
            return
        log = conversation.logs[frame.get("log", SHARED)]
        for event in log.take_page(frame["evs"], goal, more=frame["more"]):
            self._show(conversation, event)
        if frame["more"] or log.is_behind:
            self.behind[conversation.id, frame.get("log", SHARED)] = None

    def _reset(self, frame: dict[str, Any]) -> None:
        log = frame.get("log", SHARED)
        self.of(frame["c"]).start_over(log, frame["rev"])
        if log == SHARED:
            self.reset.append(frame["c"])

    def _inbox(self, frame: dict[str, Any]) -> None:
        self.inbox[frame["c"]] = frame["row"]

    def _auth(self, frame: dict[str, Any]) -> None:
        self.renew = frame["in"] <= _RENEW_BELOW_SECONDS

    def _bye(self, frame: dict[str, Any]) -> None:
        self.bye = frame

    _TAKING: ClassVar[dict[str, Callable[["Hearing", dict[str, Any]], None]]] = {
        "welcome": _welcome, "ev": _ev, "reset": _reset, "inbox": _inbox, "auth": _auth, "bye": _bye,
    }  # fmt: skip
