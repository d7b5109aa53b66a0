"""How long a client that lost its node waits before it comes back."""

from random import Random

FIRST_SECONDS, LONGEST_SECONDS = 0.5, 30.0
_MOST_DOUBLINGS = 6


class Backoff:
    """Pauses of up to 0.5 s, doubled with each failure to at most 30 s, each with full jitter.

    What the server asks for in `bye.wait` goes before, once.
    """

    def __init__(self, chance: Random, *, longest: float = LONGEST_SECONDS) -> None:
        self._chance = chance
        self._longest = longest
        self._failures = 0
        self._asked: tuple[float, float] | None = None

    def succeeded(self) -> None:
        """A welcome came."""
        self._failures = 0

    def asked(self, wait: tuple[float, float]) -> None:
        """The server said how long: milliseconds, from and to."""
        self._asked = wait

    def pause(self) -> float:
        """Seconds to wait now; each call is one failure more."""
        asked, self._asked = self._asked, None
        if asked is not None:
            return self._chance.uniform(*asked) / 1000
        most = min(FIRST_SECONDS * 2 ** min(self._failures, _MOST_DOUBLINGS), self._longest)
        self._failures += 1
        return self._chance.uniform(0, most)
