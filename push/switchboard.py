"""Makes the channel of each line from its sealed credentials, keeps it while it is used, closes it once replaced."""

import asyncio
import ssl
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from core.sealed import SealBroken
from push.apns import Apns
from push.channel import Channel, Message, Target, Way
from push.email import Email
from push.fcm import GOOGLE, Fcm
from push.fcm_line import GOOGLE_TOKENS
from push.line import Line, Provider
from push.line_forms import value_of
from push.outcome import Outcome, Result
from push.smpp.channel import KeepTold, Smpp
from push.sms_http import SmsHttp
from push.telegram import TELEGRAM, Telegram
from push.webpush import WebPush
from push.whatsapp import GRAPH, WhatsApp

IDLE_SECONDS = 600.0
"""A line that nobody asked for so long is closed; it may be switched off."""
OpenSecret = Callable[[Line], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where providers speak: the operator's choice. `tls`: whom to trust there, where not the system's authorities."""

    fcm: str = GOOGLE
    fcm_tokens: str = GOOGLE_TOKENS
    apns: tuple[str, int] | None = None
    telegram: str = TELEGRAM
    whatsapp: str = GRAPH
    tls: ssl.SSLContext | None = None


class NoWay:
    """The channel of a line that cannot be: everything waits, under one code."""

    def __init__(self, code: str) -> None:
        self._outcome = Outcome(Result.CONFIG, code)

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:  # noqa: ARG002
        return self._outcome

    async def check(self, deadline: timedelta) -> Outcome:  # noqa: ARG002
        return self._outcome

    async def close(self) -> None:
        """Nothing is held open."""


_NO_LINE = NoWay("no-line")


class Switchboard:
    """All lines of one process, on one event loop. `fallbacks` serve phones of a clinic that has no line for them.

    `open_secret` may raise `SealBroken`. `keep`: for message centers, what takes in what they tell (`push.smpp`).
    """

    def __init__(
        self,
        open_secret: OpenSecret,
        private_hosts: Collection[str],
        fallbacks: Mapping[Way, Channel],
        places: Places = Places(),
        keep: Callable[[Line], KeepTold] | None = None,
    ) -> None:
        self._open_secret, self.private_hosts, self._fallbacks = open_secret, frozenset(private_hosts), fallbacks
        self._places, self._keep = places, keep
        self._open: dict[tuple[UUID, UUID], _Open] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def channel(self, line: Line | None, way: Way) -> Channel:
        """The channel of `line` in its version, or a later one that is known; without a line the fallback of `way`."""
        self._retire_idle()
        if line is None:
            return self._fallbacks.get(way, _NO_LINE)
        key = (line.clinic_id, line.line_id)
        held = self._open.get(key)
        if held is None or held.version < line.version:
            if held is not None:
                self._retire(held)
            held = self._open[key] = _Open(self._made(line), line.version)
        held.asked_at = asyncio.get_running_loop().time()
        return held

    async def check(self, line: Line, deadline: timedelta) -> Outcome:
        """Proves one line through a channel of its own, which is closed then. Reaches nobody."""
        channel = self._made(line, listens=False)
        try:
            async with asyncio.timeout(deadline.total_seconds() + 1):
                return await channel.check(deadline)
        except TimeoutError:
            return Outcome(Result.NOT_SENT, "no-answer")
        finally:
            await channel.close()

    async def close(self) -> None:
        for held in self._open.values():
            self._retire(held)
        self._open.clear()
        if self._closing:
            await asyncio.wait(self._closing)
        for channel in set(self._fallbacks.values()):
            await channel.close()

    def _retire_idle(self) -> None:
        before = asyncio.get_running_loop().time() - IDLE_SECONDS
        for key in [key for key, held in self._open.items() if held.asked_at < before]:
            self._retire(self._open.pop(key))

    def _retire(self, held: "_Open") -> None:
        task = asyncio.get_running_loop().create_task(held.retired())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _made(self, line: Line, *, listens: bool = True) -> Channel:
        """`NoWay` for a line that this version of Enamel, or this key, makes nothing of."""
        places, private = self._places, self.private_hosts
        keep = self._keep(line) if self._keep and listens else None
        try:
            value = value_of(line.provider, line.settings, self._open_secret(line))
            return _MAKERS[line.provider](value, places, private, keep)
        except SealBroken:
            return NoWay("seal-broken")
        except (ValidationError, KeyError):
            return NoWay("line-unusable")
        except ValueError:  # its host was the operator's once, and is not any more
            return NoWay("host-refused")


# By provider: from the adapter's own value, the places, the private hosts, and who takes in what comes back.
_MAKERS: Mapping[Provider, Callable[[Any, Places, frozenset[str], KeepTold | None], Channel]] = {
    Provider.FCM: lambda line, places, _, __: Fcm(line, places.fcm, places.fcm_tokens),
    Provider.APNS: lambda line, places, _, __: Apns(line, places.apns, places.tls),
    Provider.WEBPUSH: lambda line, places, private, _: WebPush(line, private, places.tls),
    Provider.SMS_HTTP: lambda line, _, private, __: SmsHttp(line, private),
    Provider.SMPP: lambda line, _, private, keep: Smpp(line, private, keep),
    Provider.SMTP: lambda line, _, private, __: Email(line, private),
    Provider.TELEGRAM: lambda line, places, _, __: Telegram(line, places.telegram),
    Provider.WHATSAPP: lambda line, places, _, __: WhatsApp(line, places.whatsapp),
}


class _Open:
    """A channel in use. Retired, it ends what is under way and takes nothing more."""

    def __init__(self, channel: Channel, version: int) -> None:
        self._channel, self.version = channel, version
        self.asked_at = 0.0
        self._busy, self._retired, self._idle = 0, False, asyncio.Event()
        self._idle.set()

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        if self._retired:
            return Outcome(Result.NOT_SENT, "line-replaced")
        self._busy += 1
        self._idle.clear()
        try:
            return await self._channel.send(target, message, deadline)
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def check(self, deadline: timedelta) -> Outcome:
        return Outcome(Result.NOT_SENT, "line-replaced") if self._retired else await self._channel.check(deadline)

    async def close(self) -> None:
        """The board closes it."""

    def retired(self) -> Coroutine[None, None, None]:
        """From now on it takes nothing; run what is given, to close it once it is idle."""
        self._retired = True
        return self._closed()

    async def _closed(self) -> None:
        await self._idle.wait()
        await self._channel.close()
