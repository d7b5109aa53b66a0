"""Pages: `{items, next_cursor}`, keyset order, and cursors that only their owner can use, for their list only."""

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Query

from api.strict import PlainNumber
from core.errors import Fault, Invalid

Limit = Annotated[
    int, PlainNumber, Query(ge=1, le=200, description="How many items at most.", json_schema_extra={"format": "int32"})
]
Cursor = Annotated[
    str | None,
    Query(max_length=500, description="`next_cursor` of the page before; opaque.", pattern=r"^[A-Za-z0-9_-]+$"),
]
DEFAULT_LIMIT = 50
_PROOF = 16

Item = TypeVar("Item")
Place = list[str]
"""Where in a list: the values of its order, as text."""


@dataclass(frozen=True, slots=True)
class List:
    """Whose list it is and which: a cursor is good for nothing else."""

    key: bytes
    name: str
    owner: UUID


async def page_of(
    listed: List,
    cursor: str | None,
    limit: int,
    after: Callable[[Place | None, int], Awaitable[list[Item]]],
    place: Callable[[Item], Place],
) -> tuple[list[Item], str | None]:
    """At most `limit` items, and the cursor of the next page where there is one.

    `after(place, most)` reads on from a place, `place(item)` says where an item is. Raises `Invalid` for a cursor
    that is not of this list.
    """
    found = await after(place_of(listed, cursor), limit + 1)
    items = found[:limit]
    return items, cursor_of(listed, place(items[-1])) if len(found) > limit else None


def moment_and_id(place: Place | None) -> tuple[datetime, UUID] | None:
    """The place in a list that is ordered by a moment and an id."""
    return (datetime.fromisoformat(place[0]), UUID(place[1])) if place else None


def id_of(place: Place | None) -> UUID | None:
    """The place in a list that is ordered by ids alone."""
    return UUID(place[0]) if place else None


def cursor_of(listed: List, place: Place) -> str:
    """An opaque cursor for `place`."""
    body = json.dumps(place).encode()
    return base64.urlsafe_b64encode(_proof(listed, body) + body).decode().rstrip("=")


def place_of(listed: List, cursor: str | None) -> Place | None:
    """The place a cursor of ours names; raises `Invalid` for any other text."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise Invalid(Fault("/cursor", "not-a-cursor")) from None
    proof, body = raw[:_PROOF], raw[_PROOF:]
    if not hmac.compare_digest(proof, _proof(listed, body)):
        raise Invalid(Fault("/cursor", "not-a-cursor"))
    place: Place = json.loads(body)
    return place


def _proof(listed: List, body: bytes) -> bytes:
    message = b"cursor\0" + listed.name.encode() + b"\0" + listed.owner.bytes + body
    return hmac.new(listed.key, message, hashlib.sha256).digest()[:_PROOF]
