"""Tells patients' sockets whether somebody is at the desk."""

from datetime import datetime

from chat import frames, watch
from chat.listener import Listener
from chat.seating import Seating
from core.database import Database

_AT_ONCE = 500


class DeskNews:
    """A socket that is new hears it soon, all of them when it changed."""

    def __init__(self, database: Database, seats: Seating) -> None:
        self._database, self._seats = database, seats
        self._unaware: set[Listener] = set()

    def note(self, listener: Listener) -> None:
        """It came."""
        if listener.patients:
            self._unaware.add(listener)

    def forget(self, listener: Listener) -> None:
        """It left."""
        self._unaware.discard(listener)

    async def tell(self, now: datetime, *, everybody: bool) -> None:
        """Who was not told yet, or `everybody` who was told something else."""
        phones = [each for each in (self._seats.everybody() if everybody else self._unaware) if each.patients]
        for start in range(0, len(phones), _AT_ONCE):
            asked = {each: min(each.threads) for each in phones[start : start + _AT_ONCE] if each.patients}
            desks = await watch.desks_of(self._database, set(asked.values()), now)
            for phone, thread in asked.items():
                self._unaware.discard(phone)
                frame = frames.desk(desks[thread]) if thread in desks else phone.desk
                if frame != phone.desk:
                    phone.desk = frame
                    phone.offer(frame, hint=True)
