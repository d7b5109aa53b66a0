"""Keeps one app build's access token for FCM: fetched early, by one at a time, never on the event loop."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from core import clock

# The narrowest scope that may send (https://developers.google.com/identity/protocols/oauth2/scopes#fcm).
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_EARLY = timedelta(minutes=5)
_FETCH_SECONDS = 10
_PAUSE_SECONDS = 1.0


class NoToken(Exception):
    """The token endpoint gave none; nothing was sent. The message says no more than the kind of failure."""


class FcmToken:
    """A service account's token, from Google's JSON (its `token_uri` is obeyed).

    Raises ValueError or OSError for a file that is no service account.
    """

    def __init__(self, certificate: Path) -> None:
        from firebase_admin.credentials import Certificate

        account = Certificate(str(certificate))
        self.project_id: str = account.project_id
        self._credentials = account.get_credential().with_scopes([_SCOPE])
        self._fetching: asyncio.Task[str] | None = None
        self._token = ""
        self._good_until: datetime | None = None
        self._failed_at: float | None = None

    async def current(self) -> str:
        """A token that lasts; waits for the one fetch under way.

        Raises `NoToken`; for a second after a failure at once.
        """
        if self._good_until is not None and clock.now() < self._good_until:
            return self._token
        loop = asyncio.get_running_loop()
        if self._failed_at is not None and loop.time() < self._failed_at + _PAUSE_SECONDS:
            raise NoToken("paused")
        if self._fetching is None or self._fetching.done():
            self._fetching = loop.create_task(self._fetch())
            self._fetching.add_done_callback(_heard)
        # Shielded: a sender that gives up does not take the others' token with it.
        return await asyncio.shield(self._fetching)

    def drop(self, token: str) -> None:
        """Forget `token`, which the provider refused; the next send fetches another."""
        if token == self._token:
            self._good_until = None

    async def _fetch(self) -> str:
        try:
            token, expires_at = await asyncio.to_thread(self._fetched)
        except NoToken:
            self._failed_at = asyncio.get_running_loop().time()
            raise
        self._token, self._good_until, self._failed_at = token, expires_at - _EARLY, None
        return token

    def _fetched(self) -> tuple[str, datetime]:
        """Blocking: signs an assertion and exchanges it (RFC 7523)."""
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        request = Request()
        try:
            self._credentials.refresh(partial(request, timeout=_FETCH_SECONDS))
        except (GoogleAuthError, OSError, ValueError) as error:
            raise NoToken(type(error).__name__) from None
        finally:
            request.session.close()
        return self._credentials.token, self._credentials.expiry.replace(tzinfo=UTC)


def _heard(task: "asyncio.Task[str]") -> None:
    """Nobody may be waiting any more; a failure is then known from the next call."""
    if not task.cancelled():
        task.exception()
