"""Calls the running demo as a client would, and fails with a sentence when the answer is not the expected one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp

from enamel.tour.narrator import Narrator

_TIMEOUT = aiohttp.ClientTimeout(total=30)


class TourFailed(Exception):
    """A step did not do what it should; the text says which and how."""


class Caller:
    """One person or system at the door: an address, perhaps a token, and the narrator."""

    def __init__(self, session: aiohttp.ClientSession, narrator: Narrator, token: str | None = None) -> None:
        self._session = session
        self._narrator = narrator
        self.token = token

    def signed_in(self, token: str) -> "Caller":
        return Caller(self._session, self._narrator, token)

    async def call(self, method: str, path: str, body: Any = None, *, expect: int = 200, quiet: bool = False) -> Any:
        """Send JSON, expect a status, give the JSON back (None for an empty answer)."""
        if not quiet:
            self._narrator.sent(f"{method} {path}", body)
        async with self._session.request(method, path, json=body, headers=self._headers()) as answer:
            return await self._judged(answer, method, path, expect, quiet=quiet)

    async def send_form(self, method: str, path: str, form: aiohttp.FormData, told: Any, *, expect: int = 200) -> Any:
        self._narrator.sent(f"{method} {path}", told)
        async with self._session.request(method, path, data=form, headers=self._headers()) as answer:
            return await self._judged(answer, method, path, expect, quiet=False)

    async def fetch(self, path: str) -> tuple[str, bytes]:
        """Media type and bytes of something that is no JSON."""
        self._narrator.sent(f"GET {path.split('?', maxsplit=1)[0]}")
        async with self._session.get(path, headers=self._headers()) as answer:
            raw = await answer.read()
            if answer.status != 200:  # noqa: PLR2004  OK
                raise TourFailed(f"GET {path.split('?', maxsplit=1)[0]} answered {answer.status}")
            self._narrator.answered(f"200 {answer.content_type}, {len(raw):,} bytes")
            return answer.content_type, raw

    async def _judged(self, answer: aiohttp.ClientResponse, method: str, path: str, expect: int, *, quiet: bool) -> Any:
        raw = await answer.read()
        body = json.loads(raw) if raw else None
        if answer.status != expect:
            raise TourFailed(f"{method} {path} answered {answer.status}, not {expect}: {body}")
        if not quiet:
            self._narrator.answered(str(answer.status), body)
        return body

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


class Socket:
    """A chat socket as a client holds it."""

    def __init__(self, session: aiohttp.ClientSession, narrator: Narrator, who: str) -> None:
        self._session = session
        self._narrator = narrator
        self._who = who

    async def __aenter__(self) -> Self:
        self._socket = await self._session.ws_connect("/v1/chat/ws", protocols=("enamel.chat.v1",))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._socket.close()

    async def send(self, frame: dict[str, Any]) -> None:
        self._narrator.sent(f"{self._who}'s socket", frame)
        await self._socket.send_json(frame)

    async def until(self, kind: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The next frame of this kind that fits; pings are answered, other frames passed over."""
        async with asyncio.timeout(15):
            while True:
                frame: dict[str, Any] = await self._socket.receive_json()
                if frame["t"] == "ping":
                    await self._socket.send_json({"t": "pong"})
                if frame["t"] == kind and fits(frame):
                    self._narrator.answered(f"{self._who}'s socket", frame)
                    return frame
                if frame["t"] in ("nak", "bye"):
                    raise TourFailed(f"{self._who}'s socket was answered {frame}")


async def eventually(what: str, look: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> Any:
    """What `look` finds, asked again until it finds something."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := await look()):  # noqa: ASYNC110  what we wait for is in another process
                await asyncio.sleep(0.25)
    except TimeoutError:
        raise TourFailed(f"waited {seconds:.0f} s for this and it did not happen: {what}") from None
    return found
