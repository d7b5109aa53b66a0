"""Spares everybody the wait for a server that does not answer: after one failure the others are refused at once."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class Breaker:
    """Shut for `pause` seconds after each failure to answer; then one a pause goes through, until one is answered.

    Moments are seconds of any clock that only goes forward. Many threads may ask it at once.
    """

    pause: float
    _until: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def is_shut(self, at: float) -> bool:
        """Whether whoever comes now would only wait."""
        until = self._until
        return until is not None and at < until

    def enter(self, at: float) -> bool:
        """Whether this one may ask the server; the first after a pause may, and for another pause nobody else."""
        with self._lock:
            if self.is_shut(at):
                return False
            if self._until is not None:
                self._until = at + self.pause
            return True

    def failed(self, at: float) -> None:
        with self._lock:
            self._until = at + self.pause

    def answered(self) -> None:
        with self._lock:
            self._until = None
