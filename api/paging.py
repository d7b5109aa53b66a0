"""Pages: `{items, next_cursor}`, keyset order, and cursors that only their owner can use."""

import base64
import hashlib
import hmac
import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from core.errors import Fault, Invalid

Limit = Annotated[
    int, Query(ge=1, le=200, description="How many items at most.", json_schema_extra={"format": "int32"})
]
Cursor = Annotated[
    str | None,
    Query(max_length=500, description="`next_cursor` of the page before; opaque.", pattern=r"^[A-Za-z0-9_-]+$"),
]
DEFAULT_LIMIT = 50
_PROOF = 16


def cursor_of(key: bytes, owner: UUID, place: list[Any]) -> str:
    """An opaque cursor for `place` (JSON values), good for `owner` only."""
    body = json.dumps(place).encode()
    return base64.urlsafe_b64encode(_proof(key, owner, body) + body).decode().rstrip("=")


def place_of(key: bytes, owner: UUID, cursor: str | None) -> list[Any] | None:
    """The place a cursor of ours names; raises `Invalid` for any other text."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise Invalid(Fault("/cursor", "not-a-cursor")) from None
    proof, body = raw[:_PROOF], raw[_PROOF:]
    if not hmac.compare_digest(proof, _proof(key, owner, body)):
        raise Invalid(Fault("/cursor", "not-a-cursor"))
    place: list[Any] = json.loads(body)
    return place


def _proof(key: bytes, owner: UUID, body: bytes) -> bytes:
    return hmac.new(key, b"cursor\0" + owner.bytes + body, hashlib.sha256).digest()[:_PROOF]
