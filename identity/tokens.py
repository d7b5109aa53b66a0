"""Access tokens (RFC 9068 style), and the one file where jose may appear.

python-jose checks too little when called casually (a token without `aud` passes although one is asked
for, unknown `crit` passes, `exp: Infinity` crashes), so it does one thing here: verify an HS256
signature with one fixed key. Everything else is checked by us.
"""

import base64
import binascii
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from jose import jws
from jose.exceptions import JOSEError

from core.errors import NotSignedIn
from core.ids import new_id
from identity.sign_in import Audience

ISSUER = "enamel"
LONGEST_TOKEN = 2048
_ALGORITHM = "HS256"
_TYPE = "at+jwt"
_CLAIMS = frozenset({"iss", "aud", "sub", "sid", "cid", "jti", "iat", "exp"})
_LEEWAY = timedelta(seconds=60)
_REMEMBERED = 8192
_PARTS = 3  # header, claims, signature: RFC 7515 §7.1


class TokenRefused(NotSignedIn):
    slug = "token-refused"


class TokenExpired(NotSignedIn):
    slug = "token-expired"


@dataclass(frozen=True, slots=True)
class Claims:
    """Who calls: an account (or a partner app), its session, and the one clinic the token is good for."""

    audience: Audience
    subject_id: UUID
    session_id: UUID
    clinic_id: UUID
    expires_at: datetime


class Tokens:
    """Signs and verifies with one key, and remembers what it verified until it expires."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"enamel access tokens\0" + secret.encode()).digest()
        self._key_id = hashlib.sha256(self._key).hexdigest()[:8]
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()

    def issue(self, claims: Claims, now: datetime) -> str:
        body = {
            "iss": ISSUER,
            "aud": claims.audience.value,
            "sub": str(claims.subject_id),
            "sid": str(claims.session_id),
            "cid": str(claims.clinic_id),
            "jti": str(new_id()),
            "iat": int(now.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
        }
        return str(jws.sign(body, self._key, headers={"kid": self._key_id, "typ": _TYPE}, algorithm=_ALGORITHM))

    def verify(self, token: str, audience: Audience, now: datetime) -> Claims:
        """The claims of a token that is ours, whole, in time and for `audience`.

        Raises `TokenExpired`, or `TokenRefused` for everything else, without saying what was wrong.
        """
        if len(token) > LONGEST_TOKEN:
            raise TokenRefused
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._checked(token, now)
            self._remember(digest, claims)
        if claims.audience is not audience:
            raise TokenRefused
        if now >= claims.expires_at:
            raise TokenExpired
        return claims

    def _checked(self, token: str, now: datetime) -> Claims:
        parts = [_decoded(part) for part in token.split(".", maxsplit=_PARTS)]
        ours = {"alg": _ALGORITHM, "kid": self._key_id, "typ": _TYPE}
        if len(parts) != _PARTS or _json_object(parts[0]) != ours:
            raise TokenRefused  # also crit, jku, jwk, x5u: any header we did not write
        try:
            payload = jws.verify(token, self._key, algorithms=[_ALGORITHM])
        except (JOSEError, ValueError, TypeError):
            raise TokenRefused from None
        return _claims(_json_object(payload), now)

    def _remember(self, digest: bytes, claims: Claims) -> None:
        self._verified[digest] = claims
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)


def _decoded(part: str) -> bytes:
    """The bytes of one part, in the only spelling they have: jose would skip blanks and foreign signs."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused from None
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != part:
        raise TokenRefused
    return raw


def _json_object(raw: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise TokenRefused  # two claims of one name: parsers disagree which one counts
        return dict(pairs)

    try:
        value = json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise TokenRefused from None
    if not isinstance(value, dict):
        raise TokenRefused
    return value


def _claims(body: dict[str, Any], now: datetime) -> Claims:
    if body.keys() != _CLAIMS or body["iss"] != ISSUER:
        raise TokenRefused
    if type(body["iat"]) is not int or type(body["exp"]) is not int:
        raise TokenRefused  # bool, float, Infinity, NaN, text
    try:
        issued_at = datetime.fromtimestamp(body["iat"], UTC)
        expires_at = datetime.fromtimestamp(body["exp"], UTC)
        claims = Claims(Audience(body["aud"]), UUID(body["sub"]), UUID(body["sid"]), UUID(body["cid"]), expires_at)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        raise TokenRefused from None
    if issued_at > now + _LEEWAY or expires_at <= issued_at:
        raise TokenRefused
    return claims
