"""Telegram's Bot API, played by a real HTTP server: it knows its bot, its chats, and how Telegram says no."""

import json
from typing import Any

from aiohttp import web

from tests.push.peers.messenger_wire import Seen, Wire

BOT_NAME = "StudioBiancoBot"
BOT_TOKEN = "7012345678:AAF-canaryTokenThatNobodyMaySee_01"
HOOK_SECRET = "hook-secret-of-forty-signs-for-the-tests"


class TelegramPeer(Wire):
    """`chats`: who has started the bot. `blocked`, `gone`: of those, who wants it no more, or is no more."""

    def __init__(self) -> None:
        super().__init__(self._answered)
        self.chats = {4711}
        self.blocked: set[int] = set()
        self.gone: set[int] = set()
        self.sent: list[dict[str, Any]] = []

    def _answered(self, seen: Seen) -> web.Response:
        _, bot, method = seen.path.split("/")
        if bot != f"bot{BOT_TOKEN}":
            return _no(401, "Unauthorized")
        assert seen.method == "POST"
        assert seen.headers["content-type"] == "application/json"
        asked = json.loads(seen.body)
        if method == "getMe":
            return _yes({"id": 7012345678, "is_bot": True, "first_name": "Studio", "username": BOT_NAME})
        return self._message(asked) if method == "sendMessage" else _no(404, "Not Found")

    def _message(self, asked: dict[str, Any]) -> web.Response:
        chat = asked["chat_id"]
        assert isinstance(chat, int)
        if chat not in self.chats:
            return _no(400, "Bad Request: chat not found")
        if chat in self.blocked | self.gone:
            why = "bot was blocked by the user" if chat in self.blocked else "user is deactivated"
            return _no(403, f"Forbidden: {why}")
        if not asked["text"]:
            return _no(400, "Bad Request: message text is empty")
        if len(asked["text"]) > 4096:
            return _no(400, "Bad Request: message is too long")
        self.sent.append(asked)
        return _yes({"message_id": 100 + len(self.sent), "date": 1, "chat": {"id": chat, "type": "private"}})


def _yes(result: dict[str, Any]) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _no(status: int, why: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": status, "description": why}, status=status)


def update(**what: Any) -> bytes:
    """An update as Telegram posts it."""
    return json.dumps({"update_id": 99, **what}).encode()


def written(text: str, **more: Any) -> dict[str, Any]:
    """A message of a person in a private chat with the bot."""
    return {
        "message_id": 12, "date": 1_900_000_000, "text": text,
        "from": {"id": 4711, "is_bot": False, "first_name": "Anna", "language_code": "it"},
        "chat": {"id": 4711, "type": "private", "first_name": "Anna"}, **more,
    }  # fmt: skip


def standing(status: str, kind: str = "private", chat: int = 4711) -> dict[str, Any]:
    """What Telegram tells when the bot was blocked or let in again."""
    person = {"id": 7012345678, "is_bot": True, "first_name": "Studio"}
    return {
        "chat": {"id": chat, "type": kind}, "from": {"id": 4711, "is_bot": False}, "date": 1_900_000_000,
        "old_chat_member": {"user": person, "status": "member"},
        "new_chat_member": {"user": person, "status": status, "until_date": 0},
    }  # fmt: skip
