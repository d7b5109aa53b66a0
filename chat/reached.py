"""How far each log was dealt with, of the logs that moved last."""

from collections import OrderedDict

from chat.log import Log, Thread

MOST_KNOWN = 65_536

Place = tuple[Thread, Log]
"""One log of a thread."""


class Reached:
    """The `rev` up to which each log was dealt with; zero for what is not known or was forgotten. Never goes back."""

    def __init__(self) -> None:
        self._revs: OrderedDict[Place, int] = OrderedDict()

    def of(self, place: Place) -> int:
        return self._revs.get(place, 0)

    def reach(self, place: Place, rev: int) -> None:
        self._revs[place] = max(rev, self.of(place))
        self._revs.move_to_end(place)
        if len(self._revs) > MOST_KNOWN:
            self._revs.popitem(last=False)
