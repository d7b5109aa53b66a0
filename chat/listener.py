"""One socket's place at the hub: frames that wait for it, how it is doing, and the code it is to end with."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

from chat import frames
from chat.conversation import Side
from chat.frames import Close
from chat.log import Thread
from chat.speaker import Speaker
from core.ids import new_id

MOST_WAITING = 256
MOST_WAITING_BYTES = 512 * 1024
SLOWEST_READER_SECONDS = 10.0
GOODBYE_SECONDS = 2.0
RENEWAL_SECONDS = 60
GRACE = timedelta(seconds=25)
_PONG_PART = 0.4


def _nobody() -> None:
    """Nobody writes yet."""


class Listener:
    """Frames in line for one socket. Nobody waits for a listener: one too slow to read is ended and resumes later.

    `news` is called when there is something to write or to end, `abandon` when saying goodbye takes too long.
    Many thousands of these idle in one process: no queue, event or task stands behind one.
    """

    __slots__ = (
        "_bytes",
        "_line",
        "_over_at",
        "abandon",
        "asked",
        "blocked_at",
        "connection_id",
        "desk",
        "device",
        "due",
        "ended",
        "epoch",
        "expires_at",
        "front",
        "heard_at",
        "is_abandoned",
        "marked",
        "news",
        "patience",
        "patients",
        "pinged",
        "polls",
        "since",
        "speaker",
        "tied",
        "wait",
        "warned",
        "watched",
    )

    def __init__(
        self, speaker: Speaker, patients: Collection[UUID], expires_at: datetime, *, device: str = "",
        tied: int | None = None,
    ) -> None:  # fmt: skip
        self.speaker = speaker
        self.patients = frozenset(patients)
        self.watched: dict[UUID, Thread] | None = None
        self.expires_at = expires_at
        self.device = device
        # Of a desk: the transaction in which its branches were said, as it sat down.
        self.tied = tied
        self.desk = ""
        # The history in which it follows the logs.
        self.epoch = ""
        # When it was seated, by PostgreSQL's clock: of two of one device on two nodes, the newer one stays.
        self.since: datetime | None = None
        self.connection_id = new_id()
        self.front = False
        # A request that waits for news: no socket, and nobody is connected by it.
        self.polls = False
        self.ended: Close | None = None
        self.wait: tuple[int, int] | None = None
        self.news: Callable[[], None] = _nobody
        self.abandon: Callable[[], None] = _nobody
        # When it has to be looked at again, of the loop's clock; earlier is no harm.
        self.due = 0.0
        self.heard_at = self.blocked_at = self._over_at = 0.0
        self.asked = self.marked = self.patience = 0.0
        self.pinged = self.warned = self.is_abandoned = False
        self._line: list[tuple[str, int]] = []
        self._bytes = 0

    @property
    def threads(self) -> list[Thread]:
        """What a patient's socket listens to."""
        if self.speaker.side is not Side.PATIENT:
            return []
        return [Thread(self.speaker.clinic_id, patient_id) for patient_id in self.patients]

    @property
    def waits(self) -> bool:
        """Whether something stands in line for it."""
        return bool(self._line)

    def offer(self, frame: str, *, hint: bool = False, later: bool = False) -> None:
        """Put a frame in line. A line that is full ends the socket and is thrown away: the log has it all.

        A hint is the first to be dropped, from half a line on. `later`: whoever offers it calls `news` soon.
        """
        if self.ended is not None or (hint and not self._has_room_for_hints()):
            return
        size = len(frame) if frame.isascii() else len(frame.encode())
        if len(self._line) >= MOST_WAITING or (self._line and self._bytes + size > MOST_WAITING_BYTES):
            self.cut()
            return
        self._line.append((frame, size))
        self._bytes += size
        if not later:
            self.news()

    def _has_room_for_hints(self) -> bool:
        return not self.polls and 2 * len(self._line) < MOST_WAITING and 2 * self._bytes < MOST_WAITING_BYTES

    def greet(self, *said: str) -> None:
        """The first frames, before whatever was heard since joining."""
        self._line[:0] = [(frame, 0) for frame in said]  # they take no room from what is heard

    def take(self) -> str | None:
        """The next frame to write, if any."""
        if not self._line:
            return None
        frame, size = self._line.pop(0)
        self._bytes -= size
        return frame

    def end(self, code: Close, *, wait: tuple[int, int] | None = None) -> None:
        """End after what already waits; the first code counts. `wait`: milliseconds to come back after, from and to."""
        if self.ended is None:
            self.ended, self.wait, self.due = code, wait, 0.0
            self.news()

    def cut(self) -> None:
        """End a reader that does not read, and throw away what waits for it."""
        self._line.clear()
        self._bytes = 0
        self.end(Close.TOO_SLOW)

    def heard(self, at: float) -> None:
        self.heard_at = at
        self.pinged = False

    def renew(self, speaker: Speaker, expires_at: datetime) -> None:
        """The same account with a new token."""
        self.speaker, self.expires_at = speaker, expires_at
        self.warned, self.due = False, 0.0

    def wait_for_reader(self, at: float) -> None:
        """From `at` on, of the loop's clock, the other end takes nothing more."""
        self.blocked_at = at
        self.due = min(self.due, at + SLOWEST_READER_SECONDS)

    def beat(self, at: float, now: datetime, ping_seconds: float) -> None:
        """Look at it when it is `due` (`at`: of the loop's clock): alive, reading, still signed in?"""
        if self.ended is not None:
            self._over_at = self._over_at or at
            if at - self._over_at > GOODBYE_SECONDS:
                self.abandon()
            return
        if self.blocked_at and at - self.blocked_at > SLOWEST_READER_SECONDS:
            self.cut()
            return
        self._ping(at, ping_seconds)
        self._remind(now)
        if self.ended is None:
            self._look_again(at, now, ping_seconds)

    def _look_again(self, at: float, now: datetime, ping_seconds: float) -> None:
        silent = self.heard_at + ping_seconds * (1 + _PONG_PART if self.pinged else 1)
        rest = (self.expires_at - now).total_seconds()
        token = at + (rest + GRACE.total_seconds() if self.warned else rest - RENEWAL_SECONDS)
        slow = self.blocked_at + SLOWEST_READER_SECONDS if self.blocked_at else silent
        self.due = min(silent, token, slow)

    def _ping(self, at: float, ping_seconds: float) -> None:
        self.heard_at = self.heard_at or at
        silence = at - self.heard_at
        if silence > ping_seconds * (1 + _PONG_PART):
            self.end(Close.SILENT)
        elif silence > ping_seconds and not self.pinged:
            self.pinged = True
            self.offer(frames.PING)

    def _remind(self, now: datetime) -> None:
        """Ask for a new token in time; without one the socket lives a little longer than the old one."""
        rest = self.expires_at - now
        if rest <= -GRACE:
            self.end(Close.TOKEN_ENDED)
        elif rest <= timedelta(seconds=RENEWAL_SECONDS) and not self.warned:
            self.warned = True
            self.offer(frames.auth(rest))
