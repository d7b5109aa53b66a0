"""Keeps one app build's access token for FCM: fetched early, by one at a time, never on the event loop."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from core import clock
from push.fcm_line import FcmLine

# The narrowest scope that may send (https://developers.google.com/identity/protocols/oauth2/scopes#fcm).
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_EARLY = timedelta(minutes=5)
_FETCH_SECONDS = 10
_PAUSE_SECONDS = 1.0


class NoToken(Exception):
    """The token endpoint gave none; nothing was sent. The message says no more than the kind of failure."""

    def __init__(self, kind: str, *, refused: bool = False) -> None:
        super().__init__(kind)
        self.refused = refused
        """Whether it answered, and does not know this account or its key."""


class FcmToken:
    """A service account's token, from `token_url`."""

    def __init__(self, line: FcmLine, token_url: str) -> None:
        self._account = {**line.facts, "token_uri": token_url}
        self._credentials: Any = None
        self._fetching: asyncio.Task[str] | None = None
        self._token = ""
        self._renew_at: datetime | None = None
        self._good_until: datetime | None = None
        self._dropped_at = -_PAUSE_SECONDS
        self._pause_until = 0.0

    def at_hand(self) -> str | None:
        """The token, while it lasts for long."""
        return self._token if self._renew_at is not None and clock.now() < self._renew_at else None

    async def current(self) -> str:
        """A token that lasts, at once while there is one; else waits for the one fetch under way.

        Raises `NoToken`; for a second after a failure at once.
        """
        if (token := self.at_hand()) is not None:
            return token
        moment, fetching = clock.now(), self._fetch_under_way()
        if self._good_until is not None and moment < self._good_until:
            return self._token  # the next one is on its way; nobody waits for it
        if fetching is None:
            raise NoToken("paused")
        # Shielded: a sender that gives up does not take the others' token with it.
        return await asyncio.shield(fetching)

    def drop(self, token: str) -> None:
        """Forget `token`, which the provider refused; the next send fetches another.

        A second one refused within a second is not the token's fault: then nothing is fetched for a second.
        """
        if token != self._token or self._good_until is None:
            return
        self._renew_at = self._good_until = None
        moment = asyncio.get_running_loop().time()
        if moment < self._dropped_at + _PAUSE_SECONDS:
            self._pause_until = moment + _PAUSE_SECONDS
        self._dropped_at = moment

    def _fetch_under_way(self) -> "asyncio.Task[str] | None":
        """The fetch that runs, or a new one; None in the pause after a failed one."""
        loop = asyncio.get_running_loop()
        if self._fetching is None or self._fetching.done():
            if loop.time() < self._pause_until:
                return None
            self._fetching = loop.create_task(self._fetch())
            self._fetching.add_done_callback(_heard)
        return self._fetching

    async def _fetch(self) -> str:
        try:
            token, expires_at = await asyncio.to_thread(self._fetched)
        except NoToken:
            self._pause_until = asyncio.get_running_loop().time() + _PAUSE_SECONDS
            raise
        moment = clock.now()
        self._token, self._good_until = token, expires_at
        self._renew_at = max(expires_at - _EARLY, moment + (expires_at - moment) / 2)
        return token

    def _fetched(self) -> tuple[str, datetime]:
        """Blocking: signs an assertion and exchanges it (RFC 7523). Loading firebase-admin alone takes 0.3 s."""
        from google.auth.exceptions import GoogleAuthError, RefreshError
        from google.auth.transport.requests import Request

        request = Request()
        try:
            self._credentials = self._credentials or _credentials(self._account)
            self._credentials.refresh(partial(request, timeout=_FETCH_SECONDS))
        except RefreshError as error:
            raise NoToken(type(error).__name__, refused=not error.retryable) from None
        except (GoogleAuthError, OSError, ValueError) as error:
            raise NoToken(type(error).__name__) from None
        finally:
            request.session.close()
        token = str(self._credentials.token)
        if not (token.isascii() and token.isprintable()):
            raise NoToken("unreadable")  # it would end the header it stands in
        return token, self._credentials.expiry.replace(tzinfo=UTC)


def _credentials(account: dict[str, Any]) -> Any:
    from firebase_admin.credentials import Certificate

    return Certificate(account).get_credential().with_scopes([_SCOPE])


def _heard(task: "asyncio.Task[str]") -> None:
    """Nobody may be waiting any more; a failure is then known from the next call."""
    if not task.cancelled():
        task.exception()
