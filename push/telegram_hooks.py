"""Reads what Telegram posts to a bot's webhook: what patients write, that they stop, who came by a link.

Private chats with people alone: groups, channels, other bots, and what was edited afterwards are passed over.
Source: https://core.telegram.org/bots/api#update, https://core.telegram.org/bots/features#deep-linking.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from push.hook_body import header, moment, plain, reader
from push.report import Incoming, Report, Reported

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105  a header's name
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COMMAND = re.compile(r"/([a-z]+)(?![a-z0-9_])(?:@[A-Za-z0-9_]+)?(?:\s+(\S+))?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Linked:
    """Somebody opened the bot by a link of ours: whoever was given `token` reads in the chat `chat_id`."""

    token: str = field(repr=False)
    chat_id: str


class _Chat(msgspec.Struct):
    id: int
    type: str


class _Sender(msgspec.Struct):
    is_bot: bool = False


class _Message(msgspec.Struct):
    message_id: int
    date: int
    chat: _Chat
    sender: _Sender | None = msgspec.field(name="from", default=None)
    text: str = ""
    caption: str = ""


class _Standing(msgspec.Struct):
    status: str


class _Membership(msgspec.Struct):
    chat: _Chat
    date: int
    new_chat_member: _Standing


class _Update(msgspec.Struct):
    update_id: int
    message: _Message | None = None
    my_chat_member: _Membership | None = None


_read = reader(_Update)


def start_link(bot_name: str, token: str) -> str:
    """What a patient taps to connect their Telegram; works once, for whoever `token` (1 to 64 of A-Za-z0-9_-) was made.

    Raises ValueError for a token that Telegram would not carry.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("1 to 64 of A-Z, a-z, 0-9, _ and -")
    return f"https://t.me/{bot_name}?start={token}"


def genuine(headers: Mapping[str, str], body: bytes, secret: str) -> bool:  # noqa: ARG001  every hook is asked alike
    """Whether it comes from Telegram: it repeats the secret that the webhook was set with."""
    given = header(headers, SECRET_HEADER)
    return bool(secret) and hmac.compare_digest(given.encode(), secret.encode())


def incoming_of(body: bytes) -> list[Incoming]:
    """What was written, once for ever: a repeated post has the same `external_id`. Raises `Invalid`.

    /start and /stop are no words to the clinic; `linked_of` and `reports_of` read them.
    """
    said = _said(_read(body))
    if said is None:
        return []
    text = plain(said.text or said.caption)
    if not text or _command(said)[0] in {"start", "stop"}:
        return []
    return [Incoming(f"{said.chat.id}/{said.message_id}", str(said.chat.id), text, moment(said.date))]


def reports_of(body: bytes) -> list[Report]:
    """/stop, and that the bot was blocked. Telegram says it of the chat and of no message. Raises `Invalid`."""
    update = _read(body)
    said, standing = _said(update), update.my_chat_member
    if said is not None and _command(said)[0] == "stop":
        return [Report("", Reported.STOPPED, moment(said.date), "stop", str(said.chat.id))]
    if standing is not None and _is_private(standing.chat) and standing.new_chat_member.status == "kicked":
        return [Report("", Reported.ADDRESS_DEAD, moment(standing.date), "bot-blocked", str(standing.chat.id))]
    return []


def linked_of(body: bytes) -> Linked | None:
    """Who opened the bot by `start_link`. The token is a secret until it is used up. Raises `Invalid`."""
    said = _said(_read(body))
    if said is None:
        return None
    command, token = _command(said)
    return Linked(token, str(said.chat.id)) if command == "start" and _TOKEN.fullmatch(token) else None


def _said(update: _Update) -> _Message | None:
    said = update.message
    if said is None or not _is_private(said.chat) or said.sender is None or said.sender.is_bot:
        return None
    return said


def _is_private(chat: _Chat) -> bool:
    return chat.type == "private" and chat.id > 0


def _command(said: _Message) -> tuple[str, str]:
    """Its name and its first word; two empty texts where it is none. With anything behind it it stays a command."""
    found = _COMMAND.match(said.text)
    return (found[1].lower(), found[2] or "") if found else ("", "")
