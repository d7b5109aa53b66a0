"""Speaks FCM HTTP v1: one request for each message, one of seven outcomes, never a second try.

firebase-admin's own senders try again after an answer was lost, which doubles messages, and lose the
results of a whole batch on one failed token; so only its credentials are used.
Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages, …/v1/ErrorCode.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp.helpers import get_env_proxy_for_url
from yarl import URL

from core import clock
from push.channel import Message, Target
from push.fcm_line import GOOGLE_TOKENS, FcmLine
from push.fcm_token import FcmToken, NoToken
from push.http_answer import LOST, NOT_SENT, body_of, retry_after
from push.notice import collapse_class
from push.outcome import Outcome, Result
from push.phone_message import apns_headers, aps, facts, life_seconds, replaces, urgent, web_headers, words

GOOGLE = "https://fcm.googleapis.com"
FID = "fid:"
"""Before a Firebase installation id in `Target.token`. No registration token begins so: those begin with such an id."""
CONNECTIONS = 200
LARGEST_ANSWER = 64 * 1024
_TYPES = {"content-type": "application/json; charset=utf-8"}
_OK = 200
_REFUSALS = {
    400: Result.BAD_MESSAGE,
    413: Result.BAD_MESSAGE,
    429: Result.THROTTLED,
    # 503 was seen for messages that did arrive (firebase-admin-node #1248).
    **dict.fromkeys((408, *range(500, 600)), Result.AMBIGUOUS),
}
_NO_ACCOUNT = "account-refused"
_WORD = re.compile(r"[A-Z][A-Z0-9_]{0,60}")
_TOKEN_REFUSED = {"unauthenticated", "http-401"}


class Fcm:
    """The channel of one app build. Make it where the event loop runs; `close` it there.

    `token_url`: who gives access tokens. What the account's file names is not obeyed: it may be anybody's word.
    """

    def __init__(self, line: FcmLine, url: str = GOOGLE, token_url: str = GOOGLE_TOKENS) -> None:
        self._token = FcmToken(line, token_url)
        self._url = URL(f"{url.rstrip('/')}/v1/projects/{line.project_id}/messages:send")
        self._proxy = _proxy_of(self._url)
        self._http: aiohttp.ClientSession | None = None

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        return await self._tried(fcm_json(target, message), deadline)

    async def check(self, deadline: timedelta) -> Outcome:
        """A message that FCM only looks at, to a topic that nobody has."""
        message = {"topic": "enamel-check", "data": {"kind": "check"}}
        outcome = await self._tried(_json({"validate_only": True, "message": message}), deadline)
        return Outcome(Result.CONFIG, outcome.code) if outcome.code == _NO_ACCOUNT else outcome

    async def _tried(self, body: bytes, deadline: timedelta) -> Outcome:
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline.total_seconds()
        try:
            token = self._token.at_hand()
            if token is None:
                async with asyncio.timeout_at(until):
                    token = await self._token.current()
        except (NoToken, TimeoutError) as error:
            refused = isinstance(error, NoToken) and error.refused
            return Outcome(Result.NOT_SENT, _NO_ACCOUNT if refused else "no-token")
        outcome = await self._posted(body, token, max(until - loop.time(), 0.001))
        if outcome.code in _TOKEN_REFUSED:
            self._token.drop(token)
        return outcome

    async def _posted(self, body: bytes, token: str, seconds: float) -> Outcome:
        headers = {"authorization": f"Bearer {token}", **_TYPES}
        timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)
        proxy, auth = self._proxy
        try:
            async with self._session().post(
                self._url, data=body, headers=headers, timeout=timeout, allow_redirects=False, proxy=proxy,
                proxy_auth=auth,
            ) as answer:  # fmt: skip
                said = await body_of(answer, LARGEST_ANSWER)
                return outcome_of(answer.status, answer.headers, said, clock.now())
        except NOT_SENT:
            return Outcome(Result.NOT_SENT, "no-connection")
        except LOST:
            return Outcome(Result.AMBIGUOUS, "answer-lost")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            # Not `trust_env`: it reads the environment and ~/.netrc in a thread for each request, three times its cost.
            connector = aiohttp.TCPConnector(limit=CONNECTIONS)
            self._http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def _proxy_of(url: URL) -> tuple[URL | None, aiohttp.BasicAuth | None]:
    """The environment's, asked once: a clinic's way out may lead there alone."""
    try:
        return get_env_proxy_for_url(url)
    except LookupError:
        return None, None


def fcm_json(target: Target, message: Message) -> bytes:
    """The body of `messages:send`: generic words for the system to draw, ids for the app to read.

    The collapse key is the kind's class, because FCM keeps only four for each device; what replaces is in
    `push.phone_message`.
    """
    is_id = target.token.startswith(FID)
    to = {"fid": target.token.removeprefix(FID)} if is_id else {"token": target.token}
    whole = _silent(message) if message.silent else _shown(message)
    return _json({"message": {**to, "data": facts(message), **whole}})


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _shown(message: Message) -> dict[str, Any]:
    tag, group, badge = str(replaces(message)), collapse_class(message.kind), message.badge
    android = {
        "priority": "HIGH" if urgent(message) else "NORMAL",
        "ttl": f"{life_seconds(message)}s",
        "collapse_key": group,
        "notification": {
            "tag": tag, "channel_id": group, "visibility": "PRIVATE",
            **({} if badge is None else {"notification_count": badge}),
        },
    }  # fmt: skip
    webpush = {"headers": web_headers(message), "notification": {"tag": tag}}
    return {"notification": words(message), "android": android, "apns": _apns(message), "webpush": webpush}


def _silent(message: Message) -> dict[str, Any]:
    """No words and no sound. Where nothing is unread any more it takes the place of the chat's banners that still wait
    for a phone that is off; else it must not, for one of another chat may be among them.
    """
    takes_place = {"collapse_key": collapse_class(message.kind)} if message.badge == 0 else {}
    android = {"priority": "NORMAL", "ttl": f"{life_seconds(message)}s", **takes_place}
    return {"android": android, "apns": _apns(message), "webpush": {"headers": web_headers(message)}}


def _apns(message: Message) -> dict[str, Any]:
    return {"headers": apns_headers(message), "payload": {"aps": aps(message)}}


def outcome_of(status: int, headers: Mapping[str, str], raw: bytes, now: datetime) -> Outcome:
    """FCM's answer as one of the seven."""
    answer = _object(raw)
    if status == _OK:
        name = answer.get("name")
        has_name = isinstance(name, str) and bool(name)
        return Outcome(Result.ACCEPTED, provider_id=name) if has_name else Outcome(Result.AMBIGUOUS, "no-name")
    said = _error_code(answer)
    code = said.lower().replace("_", "-") if _WORD.fullmatch(said) else f"http-{status}"
    return Outcome(_refusal(status, said), code, retry_after=retry_after(headers.get("retry-after", ""), now))


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
