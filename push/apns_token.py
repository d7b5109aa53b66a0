"""Apple's provider token: signed here, kept for fifty minutes, and never renewed more often than Apple allows."""

from datetime import datetime, timedelta

from push.es256 import p256_key, signed

# Apple refuses tokens older than an hour, and answers 429 to who renews within twenty minutes.
_LASTS = timedelta(minutes=50)
_SOONEST = timedelta(minutes=20)


class ApnsToken:
    """Raises ValueError for a key that is none of P-256."""

    def __init__(self, key: str, key_id: str, team_id: str) -> None:
        self._key, self._key_id, self._team_id = p256_key(key), key_id, team_id
        self._token = ""
        self._made_at: datetime | None = None

    def current(self, now: datetime) -> str:
        if self._made_at is None or not self._made_at <= now < self._made_at + _LASTS:
            claims = {"iss": self._team_id, "iat": int(now.timestamp())}
            self._token, self._made_at = signed(self._key, {"kid": self._key_id}, claims), now
        return self._token

    def drop(self, token: str, now: datetime) -> None:
        """Forget `token`, which Apple refused as too old; a young one cannot be, so another would not help."""
        if token == self._token and self._made_at is not None and now >= self._made_at + _SOONEST:
            self._made_at = None
