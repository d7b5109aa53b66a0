"""Speaks Web Push (RFC 8030, 8291, 8292) to browsers, and to UnifiedPush: one encrypted request, one of seven outcomes.

Where it goes is the phone's word: only public addresses are called (`core.guarded_resolver`), no redirect is followed.
"""

import asyncio
import json
import os
import re
import ssl
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ConfigDict, Field, SecretStr, StringConstraints, field_validator
from yarl import URL

from core import clock
from core.guarded_resolver import GuardedResolver, HostRefused
from core.values import Value
from push.channel import Message, Target
from push.es256 import p256_key, signed, url64
from push.http_answer import LOST, NOT_SENT, body_of, retry_after
from push.outcome import Outcome, Result
from push.phone_message import facts, replaces, web_headers, words
from push.web_sealed import padded, point, sealed
from push.web_subscription import WebSubscription, subscription_of

_CONNECTIONS = 100
_LARGEST_ANSWER = 4096
# RFC 8292, 2: a day at most.
_LASTS, _RENEWED = timedelta(hours=12), timedelta(hours=1)
_ORIGINS = 256
_PLACE = re.compile(r"[\x21-\x7e]{1,300}")
_TAKEN = frozenset({200, 201, 202, 204})
_REFUSALS = {
    401: Result.CONFIG, 403: Result.CONFIG, 404: Result.DEAD, 410: Result.DEAD, 429: Result.THROTTLED,
    406: Result.THROTTLED,  # Windows says so
    **dict.fromkeys((408, *range(500, 600)), Result.AMBIGUOUS),
}  # fmt: skip


class WebPushLine(Value):
    """The key that subscriptions are bound to (VAPID), and how a push service may reach us about them."""

    model_config = ConfigDict(hide_input_in_errors=True)

    key: SecretStr = Field(description="A private key of P-256: PEM, or base64url as web-push tools make it.")
    contact: Annotated[str, StringConstraints(max_length=200, pattern=r"^(mailto:[^\s@]+@|https://)[^\s@]+$")] = Field(
        examples=["mailto:it@example.clinic"]
    )

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        p256_key(key.get_secret_value())
        return key

    @property
    def public_key(self) -> str:
        """What a web app gives to `pushManager.subscribe` as `applicationServerKey`."""
        return url64(point(p256_key(self.key.get_secret_value()).public_key()))


class WebPush:
    """The channel of one app build. Make it where the event loop runs; `close` it there.

    `private_hosts`: hosts in the house's own network that the operator lets it call, for a UnifiedPush server there.
    """

    def __init__(
        self, line: WebPushLine, private_hosts: Collection[str] = (), tls: ssl.SSLContext | None = None
    ) -> None:
        self._vapid = _Vapid(line)
        self._resolver = GuardedResolver(frozenset(host.lower() for host in private_hosts))
        self._tls = tls
        self._http: aiohttp.ClientSession | None = None

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        if message.silent and target.platform == "web":
            # Browsers show their own words for a push that shows nothing, and Safari ends the subscription.
            return Outcome(Result.ACCEPTED, "not-for-browsers")
        try:
            to = subscription_of(target.token)
        except ValueError:
            return Outcome(Result.DEAD, "not-a-subscription")
        try:
            record = padded(web_json(message))
        except ValueError:
            return Outcome(Result.BAD_MESSAGE, "payload-too-large")
        try:
            body = sealed(record, to.keys, ec.generate_private_key(ec.SECP256R1()), os.urandom(16))
        except ValueError:
            return Outcome(Result.DEAD, "not-a-subscription")
        return await self._posted(to, topic_headers(message), body, message.notice_id, deadline.total_seconds())

    async def check(self, deadline: timedelta) -> Outcome:  # noqa: ARG002  nobody is asked
        """The key signs. No push service knows a key before a browser has subscribed with it."""
        self._vapid.header("https://push.example", clock.now())
        return Outcome(Result.ACCEPTED)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _posted(
        self, to: WebSubscription, headers: dict[str, str], body: bytes, notice_id: UUID, seconds: float
    ) -> Outcome:
        whole = {
            **headers, "authorization": self._vapid.header(to.origin, clock.now()),
            "content-encoding": "aes128gcm", "content-type": "application/octet-stream", "accept-encoding": "identity",
        }  # fmt: skip
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        try:
            async with asyncio.timeout(seconds / 2):
                # A number as a host is not resolved by the session: it is judged here, as every host is.
                await self._resolver.resolve(to.host)
        except HostRefused:
            return Outcome(Result.BAD_MESSAGE, "host-refused")
        except (OSError, TimeoutError, ValueError):
            return Outcome(Result.NOT_SENT, "no-connection")
        left = max(until - loop.time(), 0.001)
        timeout = aiohttp.ClientTimeout(total=left, connect=left / 2)
        try:
            async with self._session().post(
                URL(to.endpoint, encoded=True), data=body, headers=whole, timeout=timeout, allow_redirects=False
            ) as answer:
                await body_of(answer, _LARGEST_ANSWER)
                return outcome_of(answer.status, answer.headers, str(notice_id), clock.now())
        except NOT_SENT:
            return Outcome(Result.NOT_SENT, "no-connection")
        except LOST:
            return Outcome(Result.AMBIGUOUS, "answer-lost")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            connector = aiohttp.TCPConnector(
                limit=_CONNECTIONS, resolver=self._resolver, use_dns_cache=False, ssl=self._tls or True
            )
            self._http = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http


class _Vapid:
    """Who we are, told to each push service in a token of its own (RFC 8292), kept for half a day."""

    def __init__(self, line: WebPushLine) -> None:
        self._key = p256_key(line.key.get_secret_value())
        self._public = line.public_key
        self._contact = line.contact
        self._tokens: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def header(self, origin: str, now: datetime) -> str:
        token, until = self._tokens.get(origin, ("", now))
        if not now + _RENEWED < until <= now + _LASTS:
            until = now + _LASTS
            claims = {"aud": origin, "exp": int(until.timestamp()), "sub": self._contact}
            token = signed(self._key, {"typ": "JWT"}, claims)
            self._tokens[origin] = token, until
        self._tokens.move_to_end(origin)
        if len(self._tokens) > _ORIGINS:  # the origins are the phones' word
            self._tokens.popitem(last=False)
        return f"vapid t={token}, k={self._public}"


def web_json(message: Message) -> bytes:
    """What the service worker reads: the words to show, and the ids; the same members as FCM gives it."""
    shown: dict[str, Any] = (
        {} if message.silent else {"notification": {**words(message), "tag": str(replaces(message))}}
    )
    return json.dumps({**shown, "data": facts(message)}, ensure_ascii=False).encode()


def topic_headers(message: Message) -> dict[str, str]:
    """What the push service reads: a message takes the place of one of its `Topic` that still waits (RFC 8030, 5.4).

    A silent one does only where nothing is unread any more: else it would take words away that nobody has read.
    """
    topic = {} if message.silent and message.badge != 0 else {"Topic": url64(replaces(message).bytes)}
    return {**web_headers(message), **topic}


def outcome_of(status: int, headers: Mapping[str, str], notice_id: str, now: datetime) -> Outcome:
    """The push service's answer as one of the seven. What it calls the message is kept as `provider_id`."""
    if status in _TAKEN:
        place = headers.get("location", "")
        return Outcome(Result.ACCEPTED, provider_id=place if _PLACE.fullmatch(place) else notice_id)
    pause = retry_after(headers.get("retry-after", ""), now)
    return Outcome(_REFUSALS.get(status, Result.BAD_MESSAGE), f"http-{status}", retry_after=pause)
