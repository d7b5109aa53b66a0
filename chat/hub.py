"""One node's sockets: who listens to what, and how news of any node reach them.

PostgreSQL is the truth and everything here is a hint of it. News come three ways: handed over by the node's
own send, announced by another node's wake-up, or found by the sweep. The sweep asks every second for whatever
committed since the last horizon, so a wake-up that is lost, or was never sent because its node died after the
commit, costs a second and never an event. Killed at any point, this loses nothing: devices resume from their
`rev` on whichever node they reach.
"""

import asyncio
import logging
import random
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import chain
from traceback import extract_tb
from typing import TypeVar
from uuid import UUID

from chat import frames, watch
from chat.commands import Speaker
from chat.conversation import Side
from chat.frames import Close
from chat.log import ConversationEvent, Thread
from chat.pace import Pace
from chat.wakeups import Wakeups
from core import clock
from core.database import Database

MOST_WAITING = 256
_MOST_SOCKETS = {Side.PATIENT: 5}
_MOST_OF_STAFF = 10
_MOST_KNOWN = 65_536
_TOLD_AT_ONCE = 64
_LOG = logging.getLogger("enamel.chat")


class Listener:
    """One socket's place: frames that wait for it, and the code it is to end with.

    Nobody waits for a listener: one that is too slow to read is ended and resumes later.
    """

    __slots__ = ("_frames", "_news", "ended", "expires_at", "patients", "speaker")

    def __init__(self, speaker: Speaker, patients: Collection[UUID], expires_at: datetime) -> None:
        self.speaker = speaker
        self.patients = frozenset(patients)
        self.expires_at = expires_at
        self.ended: Close | None = None
        self._frames: deque[str] = deque()
        self._news = asyncio.Event()

    @property
    def threads(self) -> list[Thread]:
        return [Thread(self.speaker.clinic_id, patient_id) for patient_id in self.patients]

    def offer(self, frame: str) -> None:
        """Put a frame in line. A line that is full ends the socket and is thrown away: the log has it all."""
        if self.ended is not None:
            return
        if len(self._frames) >= MOST_WAITING:
            self._frames.clear()
            self.end(Close.TOO_SLOW)
            return
        self._frames.append(frame)
        self._news.set()

    def greet(self, frame: str) -> None:
        """The first frame, before whatever was heard since joining."""
        self._frames.appendleft(frame)

    def end(self, code: Close) -> None:
        """End after what already waits; the first code counts."""
        self.ended = self.ended or code
        self._news.set()

    async def next(self) -> str | None:
        """The next frame to write; None when it is over."""
        while not self._frames:
            if self.ended is not None:
                return None
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()


class Hub:
    """All listeners of this process. `start` it inside the running loop, before the first socket is served."""

    def __init__(
        self, database: Database, wakeups: Wakeups, *, sweep_seconds: float = 1.0, ping_seconds: float = 25.0
    ) -> None:
        self.ping_seconds = ping_seconds
        self.pace = Pace()
        self._database = database
        self._wakeups = wakeups
        self._sweep_seconds = sweep_seconds
        self._desks: dict[UUID, set[Listener]] = {}
        self._phones: dict[Thread, set[Listener]] = {}
        self._of_account: dict[UUID, list[Listener]] = {}
        # The last rev told of each thread. Forgetting one is safe: it is then read again from the horizon on.
        self._told: OrderedDict[Thread, int] = OrderedDict()
        self._woken: set[Thread] = set()
        self._work = asyncio.Event()
        self._horizon = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen first, then take the horizon: nothing can fall between. Raises when PostgreSQL is away."""
        await self._wakeups.listen(self.wake)
        self._horizon = (await watch.changes_since(self._database, None)).horizon
        self._tasks = [asyncio.create_task(self._keep_reading()), asyncio.create_task(self._keep_sweeping())]

    async def close(self) -> None:
        """Say goodbye to every socket and stop."""
        for listener in self._everybody():
            listener.end(Close.RESTART)
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        await self._wakeups.close()

    def join(self, listener: Listener) -> None:
        """From now on the listener hears everything that is committed. Read what it missed after this, not before."""
        for heard in self._ears(listener):
            heard.add(listener)
        mine = self._of_account.setdefault(listener.speaker.account_id, [])
        mine.append(listener)
        if len(mine) > _MOST_SOCKETS.get(listener.speaker.side, _MOST_OF_STAFF):
            mine[0].end(Close.ELSEWHERE)
            self.leave(mine[0])

    def leave(self, listener: Listener) -> None:
        """Nothing more is told to it. Leaving twice is leaving once."""
        for thread in listener.threads:
            _drop(self._phones, thread, listener)
        _drop(self._desks, listener.speaker.clinic_id, listener)
        mine = self._of_account.get(listener.speaker.account_id, [])
        if listener in mine:
            mine.remove(listener)
        if not mine:
            self._of_account.pop(listener.speaker.account_id, None)

    def announce(self, thread: Thread, event: ConversationEvent) -> None:
        """A committed event of this node: told here without a read where nothing stands before it, and to others."""
        if self._heard(thread):
            told = self._told.get(thread, 0)
            if event.rev == told + 1:
                self._tell(thread, event)
            elif event.rev > told:
                self.wake((thread,))
        self._wakeups.publish((thread,))

    def wake(self, threads: Collection[Thread]) -> None:
        """Something was committed in these threads; those that nobody here listens to cost nothing more."""
        heard = [thread for thread in threads if self._heard(thread)]
        if heard:
            self._woken.update(heard)
            self._work.set()

    def _ears(self, listener: Listener) -> Iterable[set[Listener]]:
        if listener.speaker.side is Side.PATIENT:
            return [self._phones.setdefault(thread, set()) for thread in listener.threads]
        return [self._desks.setdefault(listener.speaker.clinic_id, set())]

    def _everybody(self) -> list[Listener]:
        return list(chain.from_iterable(self._of_account.values()))

    def _heard(self, thread: Thread) -> bool:
        return thread in self._phones or thread.clinic_id in self._desks

    def _tell(self, thread: Thread, event: ConversationEvent) -> None:
        self._pass(thread, event.rev)
        frame = frames.ev(event)
        for listener in chain(self._phones.get(thread, ()), self._desks.get(thread.clinic_id, ())):
            listener.offer(frame)

    def _pass(self, thread: Thread, rev: int) -> None:
        """Everything up to `rev` was told."""
        self._told[thread] = max(rev, self._told.get(thread, 0))
        self._told.move_to_end(thread)
        if len(self._told) > _MOST_KNOWN:
            self._told.popitem(last=False)

    async def _keep_reading(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            woken, self._woken = self._woken, set()
            with _patiently():
                await self._catch_up({thread: self._told.get(thread, 0) for thread in woken})

    async def _keep_sweeping(self) -> None:
        while True:
            # Nodes that started together shall not ask together.
            await asyncio.sleep(self._sweep_seconds * random.uniform(0.8, 1.2))  # noqa: S311  no secret
            with _patiently():
                await self._sweep()
            with _patiently():
                await self._dismiss(clock.now())

    async def _sweep(self) -> None:
        changes = await watch.changes_since(self._database, self._horizon)
        changed = {Thread(clinic_id, patient_id): rev for clinic_id, patient_id, rev in changes.threads}
        behind = {
            thread: rev for thread, rev in changed.items() if self._told.get(thread, 0) < rev and self._heard(thread)
        }
        await self._catch_up({thread: self._told.get(thread, 0) for thread in behind})
        for thread, rev in behind.items():
            self._pass(thread, rev)  # what was of no kind we know was passed over, and is not asked for again
        self._horizon = changes.horizon  # only now: what could not be read is asked for again

    async def _catch_up(self, known: dict[Thread, int]) -> None:
        if not known:
            return
        for number, news in enumerate(await watch.news_of(self._database, known, self._horizon), start=1):
            if news.event.rev > self._told.get(news.thread, 0):
                self._tell(news.thread, news.event)
            if number % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)  # a burst (a campaign's) is no reason to call a reader slow: let them write

    async def _dismiss(self, now: datetime) -> None:
        """End the sockets whose token, session or right is over, also where it was ended on another node."""
        listeners = self._everybody()
        for listener in listeners:
            if listener.expires_at <= now:
                listener.end(Close.TOKEN_ENDED)
        seats = [seat for number, listener in enumerate(listeners) for seat in _seats(number, listener)]
        for number, patient_id in await watch.fallen(self._database, seats, now) if seats else ():
            self._lose(listeners[number], patient_id)

    def _lose(self, listener: Listener, patient_id: UUID | None) -> None:
        """A guardian who loses one record goes on with the others; who has none left is ended."""
        if patient_id is not None:
            listener.patients -= {patient_id}
            _drop(self._phones, Thread(listener.speaker.clinic_id, patient_id), listener)
        if not listener.patients:
            listener.end(Close.NO_RIGHT)


_Key = TypeVar("_Key")


def _drop(heard: dict[_Key, set[Listener]], key: _Key, listener: Listener) -> None:
    listeners = heard.get(key)
    if listeners is None:
        return
    listeners.discard(listener)
    if not listeners:
        del heard[key]


def _seats(number: int, listener: Listener) -> list[watch.Seat]:
    who = listener.speaker
    return [
        watch.Seat(number, who.clinic_id, who.account_id, who.session_id, patient_id)
        for patient_id in listener.patients or (None,)
    ]


@contextmanager
def _patiently() -> Iterator[None]:
    """No failure ends a loop: the horizon stands, and the next sweep finds it all. Logged without its message."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  PostgreSQL away for a while, or our own mistake: others still listen
        place = extract_tb(error.__traceback__)[-1]
        _LOG.warning("the hub could not read: %s at %s:%s", type(error).__name__, place.filename, place.lineno)
