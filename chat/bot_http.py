"""A clinic's own bot, asked over HTTPS: one signed request a question, within five seconds and 64 KiB.

The request is signed with the secret that the clinic set, over the moment and the body: who checks both takes nobody
else's question and no old one. No redirect is followed, no proxy of the environment is asked, and only public
addresses are called (`core.guarded_resolver`). A bot that hangs, fails or says what cannot be understood hands over to
a person, and for half a minute after a failure to answer nobody waits for it.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import aiohttp
import msgspec
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chat.bot import Answer, Asked, CardAsked, HandOver, Spoken
from chat.bot_hand_over import handed_over
from chat.card import CardKind, choices
from chat.conversation import BODY_PATTERN
from chat.log import QuickReply
from core.breaker import Breaker
from core.guarded_resolver import GuardedResolver
from core.outside import host_of
from core.values import ShortText

FORMAT = "enamel/bot/1"
SECONDS = 5.0
LARGEST_ANSWER = 64 * 1024
TIMESTAMP, SIGNATURE, KEY = "enamel-timestamp", "enamel-signature", "idempotency-key"
SECRETS = "bot secrets"
"""What the house's key for them is derived for."""
_PAUSE_SECONDS = 30.0
_AT_ONCE = 8
_OK = 200

_Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=BODY_PATTERN)]


class _Card(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: CardKind
    id: UUID | None = None
    stage: Annotated[int, Field(ge=0, le=1000)] | None = None


class _Answer(BaseModel):
    """What a bot may answer; members that we do not know are passed over."""

    model_config = ConfigDict(extra="ignore")

    texts: list[_Text] = Field(default=[], max_length=5)
    replies: list[ShortText] = Field(default=[], max_length=6)
    cards: list[_Card] = Field(default=[], max_length=3)
    hand_over: bool = False
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class BotServer:
    """Where a clinic's bot answers, and the secret its requests are signed with."""

    address: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Line:
    """To one server: one clinic's slow bot keeps nobody else's waiting."""

    breaker: Breaker = field(default_factory=lambda: Breaker(_PAUSE_SECONDS))
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))


def bound_to(clinic_id: UUID, address: str) -> str:
    """What a sealed secret belongs to: a row that was given another address would else send it there."""
    return f"bot {clinic_id} {address}"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the hex HMAC-SHA256 of `<timestamp>.<body>` under the secret."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def request_body(asked: Asked) -> bytes:
    """What a bot is told: the words and what they belong to. Neither who it is nor anything of their record."""
    form = None if asked.form is None else asked.form.model_dump(mode="json")
    return msgspec.json.encode({
        "format": FORMAT, "clinic_id": asked.clinic_id, "conversation_id": asked.conversation_id,
        "case_id": asked.case_id, "seq": asked.seq, "language": asked.language, "text": asked.text, "form": form,
        "pictures": asked.pictures,
    })  # fmt: skip


class HttpBots:
    """The bots of all clinics. Make it where the event loop runs; `close` it there."""

    def __init__(self, private_hosts: Collection[str] = (), seconds: float = SECONDS) -> None:
        self._resolver = GuardedResolver(frozenset(host.lower() for host in private_hosts))
        self._seconds = seconds
        self._lines: dict[str, _Line] = {}
        self._http: aiohttp.ClientSession | None = None

    def at(self, server: BotServer) -> "HttpBot":
        return HttpBot(self, server)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def ask(self, server: BotServer, body: bytes, key: str, at: datetime) -> Any:
        """The JSON of its answer. Raises OSError, ValueError, TimeoutError or aiohttp's errors."""
        loop, line = asyncio.get_running_loop(), self._lines.setdefault(server.address, _Line())
        if not line.breaker.enter(loop.time()):
            raise TimeoutError
        timestamp = str(int(at.timestamp()))
        signed = {TIMESTAMP: timestamp, SIGNATURE: signature(server.secret, timestamp, body), KEY: key}
        headers = {"content-type": "application/json", "accept-encoding": "identity", **signed}
        try:
            async with asyncio.timeout(self._seconds), line.turn:
                # A number as a host is not resolved by the session: it is judged here, as every host is.
                await self._resolver.resolve(host_of(server.address))
                request = self._session().post(server.address, data=body, headers=headers, allow_redirects=False)
                async with request as answer:
                    said = await _read(answer)
        except (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError):
            line.breaker.failed(loop.time())
            raise
        line.breaker.answered()
        return json.loads(said)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False)
            self._http = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http


class HttpBot:
    """One clinic's bot behind the port `chat.bot.Bot`."""

    def __init__(self, bots: HttpBots, server: BotServer) -> None:
        self._bots, self._server = bots, server

    async def answer(self, asked: Asked) -> Answer:
        try:
            told = await self._bots.ask(self._server, request_body(asked), str(asked.message_id(0)), asked.at)
            return _answer(_Answer.model_validate(told), asked)
        except (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError, ValueError, RecursionError):
            return handed_over(asked, asked.language, HandOver.FAILED)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Raises OSError for a server that did not answer the question, ValueError for an answer that is too large."""
    if answer.status != _OK:
        raise OSError
    said = bytearray()
    async for piece in answer.content.iter_any():
        said += piece
        if len(said) > LARGEST_ANSWER:
            raise ValueError
    return bytes(said)


def _answer(told: _Answer, asked: Asked) -> Answer:
    """Who says nothing and hands nothing over has failed."""
    why = HandOver.PAIN if told.urgent else HandOver.ASKED if told.hand_over else None
    if not told.texts:
        if why is None and not told.cards:
            raise ValueError
        return handed_over(asked, asked.language, why) if why else Answer(cards=_cards(told))
    *before, last = told.texts
    replies = [QuickReply(label=label) for label in told.replies]
    card = choices(replies, asked.language) if replies else None
    return Answer((*(Spoken(text) for text in before), Spoken(last, card)), why, _cards(told))


def _cards(told: _Answer) -> tuple[CardAsked, ...]:
    return tuple(CardAsked(each.kind, each.id, each.stage) for each in told.cards if each.kind is not CardKind.CHOICES)
