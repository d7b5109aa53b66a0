"""Speaks FCM HTTP v1: one request for each message, one of seven outcomes, never a second try.

firebase-admin's own senders try again after an answer was lost, which doubles messages, and lose the
results of a whole batch on one failed token; so only its credentials are used.
Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages, …/v1/ErrorCode.
"""

import asyncio
import json
import re
from datetime import datetime, timedelta
from typing import Any

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PyreqwestError

from core import clock
from push.channel import Message, Target
from push.fcm_line import GOOGLE_TOKENS, FcmLine
from push.fcm_token import FcmToken, NoToken
from push.http_answer import retry_after
from push.notice import collapse_class
from push.outcome import Outcome, Result
from push.phone_message import apns_headers, aps, facts, life_seconds, replaces, urgent, web_headers, words

GOOGLE = "https://fcm.googleapis.com"
FID = "fid:"
"""Before a Firebase installation id in `Target.token`. No registration token begins so: those begin with such an id."""
CONNECTIONS = 200
LARGEST_ANSWER = 64 * 1024
# Among an error's causes: no route, no TLS. The class does not tell: pyreqwest has ConnectError for lost answers too.
_CONNECTING = {"message": "client error (Connect)"}
_CONNECT_WITHIN = timedelta(seconds=5)
# Shorter than anybody's who closes it: what is written into a connection that is being closed may have arrived.
_IDLE = timedelta(seconds=15)
_TYPE = "application/json; charset=utf-8"
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
        self._url = f"{url.rstrip('/')}/v1/projects/{line.project_id}/messages:send"
        self._making: asyncio.Task[Client] | None = None
        # Not the client's own limit: waiting for a turn counts towards the deadline, and nothing has left then.
        self._free = asyncio.Semaphore(CONNECTIONS)

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
        outcome = await self._in_turn(body, token, until)
        if outcome.code in _TOKEN_REFUSED:
            self._token.drop(token)
        return outcome

    async def _in_turn(self, body: bytes, token: str, until: float) -> Outcome:
        """Waits for a connection half of the time that is left at most."""
        loop = asyncio.get_running_loop()
        try:
            if self._free.locked():
                async with asyncio.timeout_at((loop.time() + until) / 2):
                    await self._free.acquire()
            else:
                await self._free.acquire()
        except TimeoutError:
            return Outcome(Result.NOT_SENT, "no-connection")
        try:
            return await self._posted(body, token, max(until - loop.time(), 0.001))
        finally:
            self._free.release()

    async def _posted(self, body: bytes, token: str, seconds: float) -> Outcome:
        try:
            client = await self._client()
        except (PyreqwestError, RuntimeError):  # the system's authorities or the environment's proxy cannot be read
            return Outcome(Result.NOT_SENT, "no-client")
        post = client.post(self._url).bearer_auth(token).header("content-type", _TYPE)
        request = post.body_bytes(body).timeout(timedelta(seconds=seconds)).build_streamed()
        try:
            async with request as answer:
                said = await answer.body_reader.read(LARGEST_ANSWER)
                asked = answer.get_header("retry-after") if answer.status != _OK else None
                return outcome_of(answer.status, asked or "", bytes(said or b""), clock.now())
        except PyreqwestError as error:
            nothing_left = isinstance(error, DetailedPyreqwestError) and _CONNECTING in (error.details["causes"] or ())
            # After the first byte it may have arrived.
            return Outcome(*((Result.NOT_SENT, "no-connection") if nothing_left else (Result.AMBIGUOUS, "answer-lost")))

    async def _client(self) -> Client:
        """Made by the first who sends, for all: in a thread, because reading the system's authorities takes a while.

        Where it could not be made, the next who sends tries anew.
        """
        if self._making is None or _has_failed(self._making):
            self._making = asyncio.create_task(asyncio.to_thread(_client))
        return self._making.result() if self._making.done() else await asyncio.shield(self._making)

    async def close(self) -> None:
        if self._making is not None:
            await asyncio.wait([self._making])
            if not _has_failed(self._making):
                await self._making.result().close()


def _has_failed(making: asyncio.Task[Client]) -> bool:
    return making.done() and (making.cancelled() or making.exception() is not None)


def _client() -> Client:
    """HTTP/1.1, and the environment's proxy. It repeats only what has provably not been written to a connection."""
    builder = ClientBuilder().follow_redirects(False).referer(False).connect_timeout(_CONNECT_WITHIN)
    builder.pool_idle_timeout(_IDLE)
    return builder.gzip(False).brotli(False).zstd(False).deflate(False).build()


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


def outcome_of(status: int, asked: str, raw: bytes, now: datetime) -> Outcome:
    """FCM's answer as one of the seven. `asked`: its Retry-After."""
    answer = _object(raw)
    if status == _OK:
        name = answer.get("name")
        has_name = isinstance(name, str) and bool(name)
        return Outcome(Result.ACCEPTED, provider_id=name) if has_name else Outcome(Result.AMBIGUOUS, "no-name")
    said = _error_code(answer)
    code = said.lower().replace("_", "-") if _WORD.fullmatch(said) else f"http-{status}"
    return Outcome(_refusal(status, said), code, retry_after=retry_after(asked, now))


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
