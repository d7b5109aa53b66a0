"""What one node knows of who is connected to it, and tells PostgreSQL in batches."""

import asyncio
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from chat.commands.presence import BEAT_SECONDS, Place, beat, end_node, tell_presence
from chat.conversation import Side
from chat.listener import Listener
from chat.log import Thread
from core.database import Database
from core.ids import new_id

_Stance = tuple[tuple[Place, ...], bool]
"""Where a listener hears, and whether it is looked at."""
_NOWHERE: _Stance = ((), False)
_GATHER_SECONDS = 0.1


class Attendance:
    """Looks at those who were noted since it told last: thousands who sit still, and who came and left between, cost
    nothing.

    Never needed for a message to arrive: it hastens a push and shows the desk who is in the app.
    """

    def __init__(self, database: Database) -> None:
        self.node_id = new_id()
        self._database = database
        self._told: dict[Listener, _Stance] = {}
        self._noted: dict[Listener, bool] = {}
        self._beat_at: float | None = None
        self._news = asyncio.Event()

    def note(self, listener: Listener, *, here: bool = True) -> None:
        """It came, left (then not `here`), is looked at or no more, or lost a record. Who polls is never here."""
        if not listener.polls:
            self._news.set()
            self._noted[listener] = here and self._noted.get(listener, True)  # who left does not come back

    async def gathered(self, seconds: float) -> None:
        """Waits until there is something to tell and a little longer for more of it, `seconds` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
                await asyncio.sleep(_GATHER_SECONDS)
        self._news.clear()

    async def tell(self, at: float, now: datetime) -> set[Thread]:
        """Tell what changed (`at`: of the loop's clock), and whose threads those changes are of."""
        if self._beat_at is None or at - self._beat_at >= BEAT_SECONDS:
            if await beat(self._database, self.node_id, now):
                self._noted = {**dict.fromkeys(self._told, True), **self._noted}
                self._told = {}
            self._beat_at = at
        noted, self._noted = self._noted, {}
        try:
            return await self._tell(noted)
        except BaseException:
            self._noted = {**noted, **self._noted}
            raise

    async def _tell(self, noted: dict[Listener, bool]) -> set[Thread]:
        stances = {listener: _stance(listener) if here else _NOWHERE for listener, here in noted.items()}
        new: list[tuple[Place, bool]] = []
        gone: list[Place] = []
        for listener, (places, front) in stances.items():
            old, old_front = self._told.get(listener, _NOWHERE)
            new += [(place, front) for place in places if place not in old or front is not old_front]
            gone += [place for place in old if place not in places]
        if new or gone:
            await tell_presence(self._database, self.node_id, new, gone)
        for listener, stance in stances.items():
            if stance[0]:
                self._told[listener] = stance
            else:
                self._told.pop(listener, None)
        changed = [place for place, _ in new] + gone
        return {Thread(place.clinic_id, place.patient_id) for place in changed if place.patient_id is not None}

    async def close(self) -> None:
        await end_node(self._database, self.node_id)


def _stance(listener: Listener) -> _Stance:
    if listener.ended is not None:
        return _NOWHERE
    who = listener.speaker
    heard: list[UUID | None] = [*listener.patients] if who.side is Side.PATIENT else [None]
    socket = (who.clinic_id, listener.connection_id, who.account_id)
    return tuple(Place(*socket, patient_id, listener.device, listener.since) for patient_id in heard), listener.front
