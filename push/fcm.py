"""Speaks FCM HTTP v1: one request for each message, one of seven outcomes, never a second try.

firebase-admin's own senders try again after an answer was lost, which doubles messages, and lose the
results of a whole batch on one failed token; so only its credentials are used.
Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages, …/v1/ErrorCode.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp

from core import clock
from push.channel import Message, Target
from push.fcm_token import FcmToken, NoToken
from push.notice import URGENT, collapse_class
from push.outcome import Outcome, Result

_CONNECTIONS = 100
_LONGEST_LIFE = timedelta(days=28)
_LONGEST_PAUSE = timedelta(hours=1)
_LARGEST_ANSWER = 64 * 1024
_OK = 200
_REFUSALS = {
    400: Result.BAD_MESSAGE,
    413: Result.BAD_MESSAGE,
    429: Result.THROTTLED,
    # 503 was seen for messages that did arrive (firebase-admin-node #1248).
    **dict.fromkeys((408, *range(500, 600)), Result.AMBIGUOUS),
}
_TOKEN_REFUSED = {"unauthenticated", "http-401"}
# Nothing has left us yet: no route, no TLS, no free connection.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Fcm:
    """The channel of one app build. Make it where the event loop runs; `close` it there."""

    def __init__(self, certificate: Path, url: str = "https://fcm.googleapis.com") -> None:
        self._token = FcmToken(certificate)
        self._url = f"{url.rstrip('/')}/v1/projects/{self._token.project_id}/messages:send"
        self._http: aiohttp.ClientSession | None = None

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline.total_seconds()
        try:
            async with asyncio.timeout_at(until):
                token = await self._token.current()
        except (NoToken, TimeoutError):
            return Outcome(Result.NOT_SENT, "no-token")
        outcome = await self._posted(fcm_json(target, message), token, max(until - loop.time(), 0.001))
        if outcome.code in _TOKEN_REFUSED:
            self._token.drop(token)
        return outcome

    async def _posted(self, body: bytes, token: str, seconds: float) -> Outcome:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
        timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)
        try:
            async with self._session().post(
                self._url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                raw = await answer.content.read(_LARGEST_ANSWER)
                return outcome_of(answer.status, answer.headers, raw)
        except _NOT_SENT:
            return Outcome(Result.NOT_SENT, "no-connection")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return Outcome(Result.AMBIGUOUS, "answer-lost")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            # trust_env: a clinic's way out may lead through a proxy.
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS), trust_env=True)
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def fcm_json(target: Target, message: Message) -> bytes:
    """The body of `messages:send`: generic words for the system to draw, ids for the app to read.

    What replaces an earlier copy on the screen is the chat's id or else the notice's own: Android's `tag`,
    `apns-collapse-id` (at most 64 bytes), Web Push's `tag`; and `mid`, by which the app drops what it has seen. The
    collapse key is the kind's class, because FCM keeps only four for each device.
    """
    whole = _silent(message) if message.silent else _shown(message)
    return json.dumps({"message": {"token": target.token, **whole}}, ensure_ascii=False).encode()


def _shown(message: Message) -> dict[str, Any]:
    tag, group = str(message.thread_id or message.notice_id), collapse_class(message.kind)
    urgent, life, badge = message.kind in URGENT, _seconds(message), message.badge
    android = {
        "priority": "HIGH" if urgent else "NORMAL",
        "ttl": f"{life}s",
        "collapse_key": group,
        "notification": {
            "tag": tag, "channel_id": group, "visibility": "PRIVATE",
            **({} if badge is None else {"notification_count": badge}),
        },
    }  # fmt: skip
    apns = {
        "headers": {
            "apns-collapse-id": tag,
            "apns-expiration": str(int(message.expires_at.timestamp())),
            "apns-priority": "10" if urgent else "5",
        },
        "payload": {"aps": {"sound": "default", "thread-id": group, "mutable-content": 1, **_badge(message)}},
    }
    webpush = {"headers": {"TTL": str(life), "Urgency": "high" if urgent else "normal"}, "notification": {"tag": tag}}
    words = {"title": message.title, "body": message.text}
    return {"notification": words, "data": _data(message), "android": android, "apns": apns, "webpush": webpush}


def _silent(message: Message) -> dict[str, Any]:
    """No words and no sound. Where nothing is unread any more it takes the place of the chat's banners that still wait
    for a phone that is off; else it must not, for one of another chat may be among them.
    """
    replaces = {"collapse_key": collapse_class(message.kind)} if message.badge == 0 else {}
    android = {"priority": "NORMAL", "ttl": f"{_seconds(message)}s", **replaces}
    apns = {
        "headers": {
            "apns-push-type": "background", "apns-priority": "5",
            "apns-expiration": str(int(message.expires_at.timestamp())),
        },
        "payload": {"aps": {"content-available": 1, **_badge(message)}},
    }  # fmt: skip
    webpush = {"headers": {"TTL": str(_seconds(message)), "Urgency": "low"}}
    return {"data": {**_data(message), "silent": "1"}, "android": android, "apns": apns, "webpush": webpush}


def _seconds(message: Message) -> int:
    return int(min(max(message.life, timedelta(0)), _LONGEST_LIFE).total_seconds())


def _badge(message: Message) -> dict[str, int]:
    return {} if message.badge is None else {"badge": message.badge}


def _data(message: Message) -> dict[str, str]:
    """What the app reads: ids and numbers, as texts."""
    known = {
        "thread": message.thread_id,
        "seq": message.seq,
        "badge": message.badge,
        "receipt": message.receipt or None,
    }
    more = {name: str(value) for name, value in known.items() if value is not None}
    return {"mid": str(message.notice_id), "kind": message.kind.value, "link": message.link or "", **more}


def outcome_of(status: int, headers: Mapping[str, str], raw: bytes) -> Outcome:
    """FCM's answer as one of the seven."""
    answer = _object(raw)
    if status == _OK:
        name = answer.get("name")
        return Outcome(Result.ACCEPTED, provider_id=name) if name else Outcome(Result.AMBIGUOUS, "no-name")
    said = _error_code(answer)
    code = said.lower().replace("_", "-") or f"http-{status}"
    return Outcome(_refusal(status, said), code, retry_after=_retry_after(headers.get("retry-after", "")))


def _refusal(status: int, said: str) -> Result:
    """A phone is given up for UNREGISTERED alone: 400 may be our own message's fault, 403 and a bare 404 a
    wrong project's, and neither may cost us every phone.
    """
    if said == "UNREGISTERED":
        return Result.DEAD
    return _REFUSALS.get(status, Result.CONFIG)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _error_code(answer: dict[str, Any]) -> str:
    """`UNREGISTERED` … from FCM's detail, else the general status (`INVALID_ARGUMENT` …), else nothing."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and isinstance(detail.get("errorCode"), str):
            return str(detail["errorCode"])
    return str(error.get("status", ""))


def _retry_after(value: str) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110 §10.2.3), at most an hour: a slip of theirs must not stop us for a day."""
    try:
        wait = timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value) - clock.now()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _LONGEST_PAUSE)
