"""Tells desks the lines of their inbox, a little later and together: a busy conversation is one line at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from uuid import UUID

from chat import frames, watch
from chat.conversation import Gone
from chat.log import Log, Thread
from chat.reached import MOST_KNOWN, Place, Reached
from chat.seating import Seating
from core.database import Database

_GATHER_SECONDS = 0.1


class InboxNews:
    """Threads whose line is to be told anew, and where each stood when it was told last."""

    def __init__(self, database: Database, seats: Seating) -> None:
        self._database, self._seats = database, seats
        self._untold: set[Thread] = set()
        self._work = asyncio.Event()
        self._told = Reached()
        # Who did not reach a thread when its line was told last, of the threads that moved last.
        self._beyond: OrderedDict[Thread, frozenset[UUID]] = OrderedDict()

    def tell_soon(self, threads: Collection[Thread]) -> None:
        listed = [thread for thread in threads if self._seats.has_desk_without(thread)]
        if listed:
            self._untold.update(listed)
            self._work.set()

    def forget(self) -> None:
        """What was told was of another history."""
        self._told = Reached()

    def catch_up(self, stands: Mapping[Place, int]) -> None:
        """The same for those of these logs that went on since their line was told."""
        self.tell_soon({place[0] for place, rev in stands.items() if self._told.of(place) < rev})
        if self._untold:  # also what could not be read before: PostgreSQL answers again
            self._work.set()

    async def gathered(self) -> set[Thread]:
        """Waits until there is something to tell, and a little longer for more of it."""
        await self._work.wait()
        await asyncio.sleep(_GATHER_SECONDS)
        self._work.clear()
        threads, self._untold = self._untold, set()
        return threads

    async def tell(self, threads: Collection[Thread]) -> None:
        """To those in whose reach they are; who just lost one is told once to forget it. What cannot be read is tried
        again after the next sweep.
        """
        try:
            lines = await watch.lines_of(self._database, threads)
        except BaseException:
            self._untold.update(threads)
            raise
        for thread, line, beyond in lines:
            self._told.reach((thread, Log.SHARED), line.rev)
            self._told.reach((thread, Log.STAFF), line.staff_rev)
            desks = self._seats.desks_without(thread)
            lost = self._lately_lost(thread, beyond)
            for desk in [each for each in desks if each.speaker.account_id in lost]:
                desk.offer(frames.reset(line.conversation_id, Log.SHARED, 0, Gone.RIGHT_LOST))
            desks = [each for each in desks if each.speaker.account_id not in beyond]
            if desks:
                frame = frames.inbox(line.conversation_id, line.rev, line.model_dump_json().encode())
                for desk in desks:
                    desk.offer(frame)

    def _lately_lost(self, thread: Thread, beyond: Mapping[UUID, bool]) -> set[UUID]:
        """The accounts that lost the conversation since its line was told last. What is forgotten is told again."""
        before = self._beyond.pop(thread, frozenset())
        if beyond:
            self._beyond[thread] = frozenset(beyond)
        if len(self._beyond) > MOST_KNOWN:
            self._beyond.popitem(last=False)
        return {account_id for account_id, was_here in beyond.items() if was_here and account_id not in before}
