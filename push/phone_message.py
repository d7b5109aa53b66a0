"""What a push says, in the parts that the providers' formats share: each adapter puts them where its format wants them.

What replaces an earlier copy on the screen is the chat's id or else the notice's own: Android's `tag`,
`apns-collapse-id` (at most 64 bytes), Web Push's `Topic` and `tag`; and `mid`, by which the app drops what it has seen.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from push.channel import Message
from push.notice import URGENT, collapse_class

LONGEST_LIFE = timedelta(days=28)
"""What FCM keeps a message for at most; more than any notice of ours needs elsewhere."""


def replaces(message: Message) -> UUID:
    """The id of what it takes the place of."""
    return message.thread_id or message.notice_id


def urgent(message: Message) -> bool:
    """Whether it wakes a phone that sleeps."""
    return message.kind in URGENT and not message.silent


def life_seconds(message: Message) -> int:
    return int(min(max(message.life, timedelta(0)), LONGEST_LIFE).total_seconds())


def words(message: Message) -> dict[str, str]:
    return {"title": message.title, "body": message.text}


def facts(message: Message) -> dict[str, str]:
    """What the app reads: ids and numbers, as texts; `silent` where nothing is shown."""
    known = {
        "thread": message.thread_id,
        "seq": message.seq,
        "badge": message.badge,
        "receipt": message.receipt or None,
        "silent": "1" if message.silent else None,
    }
    more = {name: str(value) for name, value in known.items() if value is not None}
    return {"mid": str(message.notice_id), "kind": message.kind.value, "link": message.link or "", **more}


def aps(message: Message) -> dict[str, Any]:
    """Apple's own member of the payload, without the words. A service extension of the app may enrich what is shown."""
    badge = {} if message.badge is None else {"badge": message.badge}
    if message.silent:
        return {"content-available": 1, **badge}
    return {"sound": "default", "thread-id": collapse_class(message.kind), "mutable-content": 1, **badge}


def apns_headers(message: Message) -> dict[str, str]:
    """Apple's headers of one message. A background push must have priority 5, and collapses with nothing shown."""
    end = str(int(message.expires_at.timestamp()))
    if message.silent:
        return {"apns-push-type": "background", "apns-priority": "5", "apns-expiration": end}
    return {
        "apns-push-type": "alert", "apns-priority": "10" if urgent(message) else "5", "apns-expiration": end,
        "apns-collapse-id": str(replaces(message)),
    }  # fmt: skip


def web_headers(message: Message) -> dict[str, str]:
    """Web Push's (RFC 8030, 5.2 and 5.3)."""
    urgency = "low" if message.silent else "high" if urgent(message) else "normal"
    return {"TTL": str(life_seconds(message)), "Urgency": urgency}
