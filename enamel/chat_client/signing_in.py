"""Signs the terminal in by the REST contract, and keeps its access token fresh."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

_DEVICE_NAME = "enamel chat"
_FAILED = 500


class NotLetIn(Exception):
    """The server refused; says what it said."""


class NotAnswered(ConnectionError):
    """Nobody answered, or nobody who could."""


@dataclass(frozen=True, slots=True)
class Given:
    """A token somebody already has. It cannot be renewed: when it ends, so does the chat."""

    token: str

    async def current(self) -> str:
        return self.token

    async def renewed(self) -> str:
        raise NotLetIn("the token has ended, and there is none to renew it with")


class Refreshed:
    """Access tokens by a refresh token, which is another after each use: only one renewal runs at a time."""

    def __init__(self, http: aiohttp.ClientSession, device_key: str, answered: dict[str, Any]) -> None:
        self._http = http
        self._device_key = device_key
        self._answered = answered
        self._alone = asyncio.Lock()

    async def current(self) -> str:
        return str(self._answered["access_token"])

    async def renewed(self) -> str:
        async with self._alone:
            body = {"refresh_token": self._answered["refresh_token"], "device_key": self._device_key}
            self._answered = await _post(self._http, "/v1/auth/refresh", body)
        return await self.current()


async def sign_in_patient(
    http: aiohttp.ClientSession, clinic_id: str, phone: str, code: Callable[[], Awaitable[str]]
) -> Refreshed:
    """By a code sent to the phone; `code` gets it from whoever reads it. Raises `NotLetIn`, `NotAnswered`."""
    asked = await _post(http, "/v1/auth/otp", {"phone": phone})
    key = secrets.token_urlsafe(24)
    proof = {
        "challenge_id": asked["challenge_id"], "code": await code(), "clinic_id": clinic_id, "device_key": key,
        "device_name": _DEVICE_NAME,
    }  # fmt: skip
    return Refreshed(http, key, await _post(http, "/v1/auth/sessions", proof))


async def sign_in_staff(http: aiohttp.ClientSession, clinic_id: str, email: str, password: str) -> Refreshed:
    """By e-mail and password. Raises `NotLetIn`, `NotAnswered`."""
    key = secrets.token_urlsafe(24)
    who = {"email": email, "password": password, "clinic_id": clinic_id}
    body = {**who, "device_key": key, "device_name": _DEVICE_NAME}
    return Refreshed(http, key, await _post(http, "/v1/auth/staff", body))


async def _post(http: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        async with http.post(path, json=body) as answer:
            told: dict[str, Any] = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as failure:
        raise NotAnswered(type(failure).__name__) from failure
    if answer.status >= _FAILED:
        raise NotAnswered(str(answer.status))
    if not answer.ok:
        raise NotLetIn(str(told.get("detail") or told.get("title") or answer.status))
    return told
