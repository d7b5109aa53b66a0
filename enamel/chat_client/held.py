"""What a device holds of a conversation, and the rules by which it takes in what it hears. No clock, no socket."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Event = dict[str, Any]

SHARED, STAFF = "s", "p"
_SAYS = ("msg", "form")


class Step(StrEnum):
    """What became of one event."""

    APPLIED = "applied"
    OLD = "old"
    GAP = "gap"
    """Something before it is missing: ask, and apply nothing until it is there."""


@dataclass(slots=True)
class LogCopy:
    """One log: applied from `since` up to `held` without a hole. `seen` is the highest number ever heard of."""

    held: int = 0
    seen: int = 0
    since: int = 0
    events: dict[int, Event] = field(default_factory=dict)

    def take(self, event: Event) -> Step:
        """Apply the next one; drop what is not newer; anything else is a gap."""
        rev = event["rev"]
        self.seen = max(self.seen, rev)
        if rev <= self.held:
            return Step.OLD
        if rev != self.held + 1:
            return Step.GAP
        self._keep(event)
        return Step.APPLIED

    def take_page(self, events: list[Event], goal: int, *, more: bool) -> list[Event]:
        """Apply a page that was asked for past `held`, and give what was new in it.

        A number left out in it is of a kind that need not be known. So is what is left out at its end: of a
        whole page (`more` is false) asked for when `goal` had been heard of, everything up to `goal` is in it.
        """
        new = [event for event in events if event["rev"] > self.held]
        for event in new:
            self._keep(event)
        if not more:
            self.held = max(self.held, goal)
        return new

    def start_over(self, rev: int) -> None:
        """What is held cannot be carried on: forget it, and follow from `rev`."""
        self.events.clear()
        self.held = self.seen = self.since = rev

    @property
    def is_behind(self) -> bool:
        return self.held < self.seen

    def _keep(self, event: Event) -> None:
        self.held = event["rev"]
        self.seen = max(self.seen, self.held)
        self.events[self.held] = event


@dataclass(slots=True)
class Shown:
    """A message as it is displayed."""

    seq: int
    id: str
    side: str
    author: str
    body: str
    at: str
    edited: bool = False
    deleted: bool = False
    reactions: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Conversation:
    """One thread as this device knows it: both its logs (a patient never hears of the second), and what they say."""

    id: str
    patient: str = ""
    unread: int = 0
    logs: dict[str, LogCopy] = field(default_factory=lambda: {SHARED: LogCopy(), STAFF: LogCopy()})
    messages: dict[int, Shown] = field(default_factory=dict)
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of each side: delivered and read up to which message."""

    def show(self, event: Event) -> None:
        """Fold one event of either log into what is displayed. What is not known is passed over."""
        said = event["d"]
        if event["k"] in _SAYS:
            self._show_message(event)
        elif event["k"] == "mark":
            self._move_mark(event["by"]["side"], said)
        elif (message := self.messages.get(said.get("seq", 0))) is not None:
            _change(message, event)

    def _show_message(self, event: Event) -> None:
        said, by = event["d"], event["by"]
        known = {each["by"].get("id", each["by"]["side"]): each["react"] for each in said.get("reactions", ())}
        self.messages[said["seq"]] = Shown(
            said["seq"], said["id"], by["side"], by.get("name", ""), said.get("body", ""), event["at"],
            edited="edited" in said, deleted=bool(said.get("deleted")), reactions=known,
        )  # fmt: skip

    def _move_mark(self, side: str, said: dict[str, Any]) -> None:
        delivered, read = self.marks.get(side, (0, 0))
        self.marks[side] = max(delivered, said["dlv"]), max(read, said["read"])

    def start_over(self, log: str, rev: int) -> None:
        self.logs[log].start_over(rev)
        if log == SHARED:
            self.messages.clear()

    @property
    def last_seq(self) -> int:
        return max(self.messages, default=0)


def _change(message: Shown, event: Event) -> None:
    said = event["d"]
    if event["k"] == "edit":
        message.body, message.edited = said["body"], True
    elif event["k"] == "del":
        message.body, message.deleted = "", True
    elif event["k"] == "react":
        who = str(event["by"].get("id") or event["by"]["side"])
        message.reactions.pop(who, None)
        if said.get("react"):
            message.reactions[who] = said["react"]
