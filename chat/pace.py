"""How fast the accounts and addresses of one node go, whichever door they come through."""

from collections import OrderedDict
from collections.abc import Hashable
from uuid import UUID

from chat.conversation import Rate, Side, sending

_MOST_KNOWN = 65_536


class Paces:
    """What each of many used of a rate. Forgets who was silent longest; theirs has long been whole again."""

    def __init__(self) -> None:
        self._used: OrderedDict[Hashable, float] = OrderedDict()

    def take(self, who: Hashable, rate: Rate, at: float) -> float:
        """Count one, and how many seconds to wait first: zero where it may pass; one that may not is not counted."""
        self._used[who], wait = rate.take(self._used.get(who, 0.0), at)
        self._used.move_to_end(who)
        if len(self._used) > _MOST_KNOWN:
            self._used.popitem(last=False)
        return wait


class Pace(Paces):
    """How fast accounts send."""

    def take_message(self, side: Side, account_id: UUID, at: float) -> float:
        return self.take((side, account_id), sending(side), at)
