"""A browser's subscription as the registry keeps it, and what its address may look like.

The address is the phone's word, so it may be any host's: it is called through `core.guarded_resolver` alone.
"""

import json
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from core.values import Int64, Value
from push.es256 import raw64

LONGEST_ENDPOINT = 2048
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_POINT, _UNCOMPRESSED, _SECRET = 65, 4, 16

_Base64 = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_-]+={0,2}$")]


class WebKeys(Value):
    """RFC 8291: the browser's public key, and a secret that it shares with us alone."""

    p256dh: _Base64
    auth: _Base64

    @field_validator("p256dh")
    @classmethod
    def _is_a_point(cls, text: str) -> str:
        raw = raw64(text)
        if len(raw) != _POINT or raw[0] != _UNCOMPRESSED:
            raise ValueError("no uncompressed point of P-256")
        return text

    @field_validator("auth")
    @classmethod
    def _is_a_secret(cls, text: str) -> str:
        if len(raw64(text)) != _SECRET:
            raise ValueError("no secret of 16 bytes")
        return text


class WebSubscription(Value):
    """What `PushSubscription.toJSON()` gives; UnifiedPush apps make the same of their three parts."""

    endpoint: Annotated[str, StringConstraints(max_length=LONGEST_ENDPOINT, pattern=r"^[\x21-\x7e]+$")]
    keys: WebKeys
    expiration_time: Int64 | None = Field(default=None, alias="expirationTime")

    @field_validator("endpoint")
    @classmethod
    def _can_be_called(cls, endpoint: str) -> str:
        try:
            parts = urlsplit(endpoint)
            whole = bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole or parts.scheme != "https" or not _HOST.fullmatch(parts.netloc):
            raise ValueError("not an https address")
        if parts.fragment or "\\" in endpoint:
            raise ValueError("not a whole address")
        return endpoint

    @property
    def origin(self) -> str:
        """Scheme and host, as the `aud` of RFC 8292 wants it: without the port where it is the usual one."""
        return "https://" + urlsplit(self.endpoint).netloc.lower().removesuffix(":443")

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""


def subscription_of(token: str) -> WebSubscription:
    """The subscription in `Target.token`. Raises ValueError for anything else; the message repeats nothing of it."""
    try:
        return WebSubscription.model_validate(json.loads(token))
    except (ValueError, RecursionError):
        raise ValueError("no web push subscription") from None
