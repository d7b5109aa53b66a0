"""The port every vendor file fills: one message, one address, one answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from push.notice import NoticeKind
from push.outcome import Outcome


class Way(StrEnum):
    """A wire that carries messages. Every line of a clinic, and every app build's credential, speaks one."""

    FCM = "fcm"
    APNS = "apns"
    WEBPUSH = "webpush"
    SMS = "sms"
    EMAIL = "email"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"


@dataclass(frozen=True, slots=True)
class Target:
    """One address, and by whom it is reached.

    `app_build`: the build of an installed app, or the name of the clinic's line. `token`: the provider's name of the
    app (FCM token, APNs device token in hex, the JSON of a Web Push subscription), a phone number (E.164), a mail
    address, or the id of a messenger's chat. `platform`: `android`, `ios`, `web`; empty where it is no app.
    """

    platform: str
    app_build: str
    token: str


@dataclass(frozen=True, slots=True)
class Words:
    """A template that the provider has approved (WhatsApp), and what stands in its places, in order."""

    name: str
    language: str
    values: tuple[str, ...] = ()


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
    language: str = "en"
    html: str = ""
    """The mail's second part; `text` says the same."""
    web_link: str = ""
    """Absolute and short, for those who read elsewhere than in the app; of an opaque token only."""
    stop_link: str = ""
    """Where one click ends what is sent for this purpose on this channel (RFC 8058). Empty: nothing to end."""
    template: Words | None = None


class Channel(Protocol):
    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        """Try once, within `deadline`; every failure is an `Outcome`. Never tries again by itself."""
        ...

    async def check(self, deadline: timedelta) -> Outcome:
        """Prove credentials and settings without reaching anybody: ACCEPTED, CONFIG, NOT_SENT, or why else."""
        ...

    async def close(self) -> None: ...
