"""The port every vendor file fills: one message, one device, one answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from push.notice import NoticeKind
from push.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Target:
    """One installed app: its platform (`android`, `ios`, `web`), its build, and the provider's token for it."""

    platform: str
    app_build: str
    token: str


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to the phone. `notice_id` travels along, so that a repeat replaces and does not double."""

    notice_id: UUID
    kind: NoticeKind
    title: str
    text: str
    link: str | None
    expires_at: datetime
    life: timedelta
    """How much of its time is left: a provider must not keep it longer for a phone that is off."""
    thread_id: UUID | None = None
    """The chat it is of: one banner stands for all of it."""
    seq: int | None = None
    badge: int | None = None
    """What shall stand on the icon."""
    silent: bool = False
    """Shows nothing: moves the badge, and takes the chat's banner away up to `seq`."""
    receipt: str = ""
    """What the app gives back to say that it has the chat up to `seq`, without being opened."""


class Channel(Protocol):
    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        """Try once, within `deadline`; every failure is an `Outcome`. Never tries again by itself."""
        ...

    async def close(self) -> None: ...
