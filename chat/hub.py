"""One node's sockets: who listens to what, and how news of any node reach them.

PostgreSQL is the truth and everything here is a hint of it. News come three ways: handed over by the node's
own send, announced by another node's wake-up, or found by the sweep. The sweep asks every second for whatever
committed since the last horizon, so a wake-up that is lost, or was never sent because its node died after the
commit, costs a second and never an event. Killed at any point, this loses nothing: devices resume from their
`rev` on whichever node they reach.
"""

import asyncio
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from operator import attrgetter
from uuid import UUID

from chat import frames, watch
from chat.attendance import Attendance
from chat.conversation import HANDSHAKES, Rate
from chat.departures import Departures
from chat.desk_news import DeskNews
from chat.each_second import Answer, Question, ask
from chat.frames import Close
from chat.inbox_news import InboxNews
from chat.listener import Listener
from chat.log import ConversationEvent, Log, Thread
from chat.pace import Pace, Paces
from chat.patiently import patiently
from chat.reached import Place, Reached
from chat.seating import Seating
from chat.speaker import Speaker
from chat.wakeups import Hint, Wakeups
from core import clock
from core.database import Database

RETURN_WITHIN = 20_000
"""Milliseconds over which the sockets of a node that stops come back."""
ANEW_WITHIN = 3_000
"""The same where the database was restored: then all nodes' sockets come at once, and what they show may be wrong."""
_TOLD_AT_ONCE = 64
_DRAIN_SECONDS = 5.0
_DESK_BEATS = 30
_WAITS = attrgetter("waits")

NOWHERE: Mapping[Log, int] = {}


class Hub:
    """All listeners of this process. `start` it inside the running loop, before the first socket is served."""

    def __init__(
        self,
        database: Database,
        wakeups: Wakeups,
        *,
        sweep_seconds: float = 1.0,
        ping_seconds: float = 25.0,
        handshakes: Rate = HANDSHAKES,
    ) -> None:
        self.ping_seconds = ping_seconds
        self.handshakes = handshakes
        self.pace = Pace()
        self.addresses = Paces()
        self.typings = Paces()
        self.draining = False
        self._database = database
        self._wakeups = wakeups
        self._attendance = Attendance(database)
        self._sweep_seconds = sweep_seconds
        self._seats = Seating()
        self._departures = Departures(database, self._seats, self._attendance)
        self._desk_news = DeskNews(database, self._seats)
        self._inbox_news = InboxNews(database, self._seats)
        # The last rev told of each log. One that is forgotten is read again from the horizon on.
        self._told = Reached()
        self._woken: set[Thread] = set()
        self._unread: dict[Place, int] = {}
        self._work = asyncio.Event()
        self._horizon = self._epoch = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen first, then take the horizon: nothing can fall between. Raises when PostgreSQL is away."""
        await self._wakeups.listen(self.wake, self._take_hints)
        changes = await ask(self._database, Question(clock.now()))
        self._horizon, self._epoch = changes.horizon, changes.epoch
        loops = (
            self._keep_reading, self._keep_listing, self._keep_sweeping, self._keep_looking, self._keep_desk,
            self._keep_attending,
        )  # fmt: skip
        self._tasks = [asyncio.create_task(loop()) for loop in loops]

    async def close(self) -> None:
        """Say goodbye to every socket and stop."""
        self._dismiss_all()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        with patiently():
            await self._attendance.close()
        await self._wakeups.close()

    async def drain(self) -> None:
        """Send every socket away to come back elsewhere, spread over some seconds, and wait until they have left."""
        self._dismiss_all()
        deadline = asyncio.get_running_loop().time() + _DRAIN_SECONDS
        while self._seats.everybody() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  each tells nobody
            await asyncio.sleep(0.02)

    def _dismiss_all(self) -> None:
        self.draining = True
        for listener in self._seats.everybody():
            listener.end(Close.RESTART, wait=(0, RETURN_WITHIN))

    def join(self, listener: Listener) -> None:
        """From now on the listener hears everything that is committed. Read what it missed after this, not before."""
        self._seats.join(listener)
        self._attendance.note(listener)
        self._desk_news.note(listener)
        if self.draining or listener.epoch not in ("", self._epoch):  # greeted by another database than is told of
            listener.end(Close.RESTART, wait=(0, RETURN_WITHIN if self.draining else ANEW_WITHIN))

    def has_place(self, listener: Listener) -> bool:
        """Whether it may join without another of its account having to go."""
        return self._seats.has_place(listener)

    def leave(self, listener: Listener) -> None:
        """Nothing more is told to it. Leaving twice is leaving once."""
        self._seats.leave(listener)
        self._desk_news.forget(listener)
        self._attendance.note(listener, here=False)

    def look(self, listener: Listener, *, on: bool) -> None:
        """Somebody looks at this device, or no more."""
        listener.front = on
        self._attendance.note(listener)

    def renew(self, listener: Listener, speaker: Speaker, expires_at: datetime) -> None:
        """The same account goes on with a new token, perhaps of another session."""
        listener.renew(speaker, expires_at)
        self._seats.version += 1

    def watch(self, listener: Listener, conversation_id: UUID, thread: Thread) -> None:
        """A listener of the desk hears this thread's events, of both logs, instead of its line of the inbox."""
        self._seats.watch(listener, conversation_id, thread)

    def unwatch(self, listener: Listener, conversation_id: UUID) -> None:
        self._seats.unwatch(listener, conversation_id)

    def announce(self, thread: Thread, event: ConversationEvent, stands: Mapping[Log, int] = NOWHERE) -> None:
        """A committed event of this node: told here without a read where nothing stands before it, and to others.

        `stands`: where the logs stand after it, if the same commit may have written more.
        """
        if self._seats.is_followed(thread):
            told = self._told.of((thread, event.log))
            if event.rev == told + 1:
                self._tell(thread, event)
            behind = [(thread, log) for log, rev in stands.items() if self._is_behind((thread, log), rev)]
            self._unread.update({place: stands[place[1]] for place in behind})
            if behind or event.rev > told + 1:
                self._read_soon((thread,))
        self._inbox_news.tell_soon((thread,))
        self._wakeups.publish((thread,))

    def changed(self, thread: Thread) -> None:
        """Something of this thread was committed here by other means than a message or a mark."""
        self.wake((thread,))
        self._wakeups.publish((thread,))

    def _is_behind(self, place: Place, rev: int) -> bool:
        return rev > self._told.of(place) and self._seats.is_heard(*place)

    def wake(self, threads: Collection[Thread]) -> None:
        """Something was committed in these threads; those that nobody here listens to cost nothing more."""
        self._read_soon([thread for thread in threads if self._seats.is_followed(thread)])
        self._inbox_news.tell_soon(threads)

    def hint_typing(self, thread: Thread, conversation_id: UUID, by: Speaker, name: str) -> None:
        """Somebody is typing: for the others of the thread, if they have nothing better to read."""
        hint = Hint(*thread, by.account_id, frames.typing(conversation_id, by.side, name))
        self._take_hints([hint])
        self._wakeups.publish((), [hint])

    def _take_hints(self, hints: Sequence[Hint]) -> None:
        for hint in hints:
            if hint.patient_id is None:
                ears: Iterable[Listener] = self._seats.phones_of(hint.clinic_id)
            else:
                ears = self._seats.ears(Thread(hint.clinic_id, hint.patient_id), Log.SHARED)
            for listener in ears:
                if listener.speaker.account_id != hint.account_id:
                    listener.offer(hint.frame, hint=True)

    def _read_soon(self, threads: Collection[Thread]) -> None:
        if threads:
            self._woken.update(threads)
            self._work.set()

    def _tell(self, thread: Thread, event: ConversationEvent) -> None:
        self._told.reach((thread, event.log), event.rev)
        frame = frames.ev(event)
        # Its sender, whose ack waits in line, after those who learn of it by this; so do they who read slowly.
        for listener in sorted(self._seats.ears(thread, event.log), key=_WAITS):
            listener.offer(frame)

    async def _keep_reading(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            woken, self._woken = self._woken, set()
            unread, self._unread = self._unread, {}
            with patiently():
                await self._catch_up(woken, unread)

    async def _keep_listing(self) -> None:
        while True:
            threads = await self._inbox_news.gathered()
            with patiently():
                await self._inbox_news.tell(threads)

    async def _keep_sweeping(self) -> None:
        while True:
            # Nodes that started together shall not ask together.
            await asyncio.sleep(self._sweep_seconds * random.uniform(0.7, 1.0))  # noqa: S311  no secret
            with patiently():
                await self._sweep()

    async def _keep_attending(self) -> None:
        while True:
            await self._attendance.gathered(self._sweep_seconds)
            with patiently():
                await self._tell_attendance()

    async def _tell_attendance(self) -> None:
        """Who came, left or looks: for the push, and for the desk's lines on every node."""
        at = asyncio.get_running_loop().time()
        changed = await self._attendance.tell(at, clock.now())
        if changed:
            self._inbox_news.tell_soon(changed)
            self._wakeups.publish(changed)

    async def _keep_looking(self) -> None:
        """One look at who is due every second stands for a timer at each socket."""
        loop, pause = asyncio.get_running_loop(), min(1.0, self.ping_seconds / 5)
        while True:
            await asyncio.sleep(pause)
            at, now = loop.time(), clock.now()
            for listener in [each for each in self._seats.everybody() if each.due <= at]:
                listener.beat(at, now, self.ping_seconds)

    async def _keep_desk(self) -> None:
        """Whether somebody is there: told to a patient's new socket within a second, to all of them when it changes."""
        for beat in count():
            await asyncio.sleep(self._sweep_seconds)
            with patiently():
                await self._desk_news.tell(clock.now(), everybody=beat % _DESK_BEATS == 0)

    async def _sweep(self) -> None:
        answer = await ask(self._database, self._departures.question(clock.now(), self._horizon))
        with patiently():
            await self._take(answer)
        await self._departures.dismiss(answer)

    async def _take(self, changes: Answer) -> None:
        if changes.epoch != self._epoch or int(changes.horizon) < int(self._horizon):
            self._begin_anew(changes)
            return
        changed = {(Thread(clinic, patient), Log(log)): rev for clinic, patient, log, rev in changes.threads}
        behind = {place: rev for place, rev in changed.items() if self._is_behind(place, rev)}
        await self._catch_up({thread for thread, _ in behind}, behind)
        self._inbox_news.catch_up(changed)
        self._horizon = changes.horizon  # only now: what could not be read is asked for again

    def _begin_anew(self, changes: Answer) -> None:
        """The database is not the one we told of: forget what was told, and let everybody come back and hear it."""
        self._told, self._woken, self._unread = Reached(), set(), {}
        self._inbox_news.forget()
        self._horizon, self._epoch = changes.horizon, changes.epoch
        for listener in self._seats.everybody():
            listener.end(Close.RESTART, wait=(0, ANEW_WITHIN))

    async def _catch_up(self, threads: Collection[Thread], stands: Mapping[Place, int]) -> None:
        if not threads:
            return
        known = {
            thread: (self._told.of((thread, Log.SHARED)), self._told.of((thread, Log.STAFF))) for thread in threads
        }
        for number, news in enumerate(await watch.news_of(self._database, known, self._horizon), start=1):
            if news.event.rev > self._told.of((news.thread, news.event.log)):
                self._tell(news.thread, news.event)
            if number % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)  # a burst (a campaign's) is no reason to call a reader slow: let them write
        for place, rev in stands.items():
            self._told.reach(place, rev)  # what was of no kind we know was passed over, and is not asked again
