"""How fast the accounts of one node send: one bucket each, whichever door their messages come through."""

from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from chat.conversation import Bucket, Side, sending

_MOST_KNOWN = 65_536


class Pace:
    """Forgets who was silent longest; their bucket has long been full again."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[Side, UUID], Bucket] = OrderedDict()

    def take(self, side: Side, account_id: UUID, now: datetime) -> timedelta:
        """Count one message, and how long to wait first: zero where it may pass; one that may not is not counted."""
        who = (side, account_id)
        bucket = self._buckets.get(who) or sending(side, now)
        self._buckets[who], wait = bucket.take(now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > _MOST_KNOWN:
            self._buckets.popitem(last=False)
        return wait
