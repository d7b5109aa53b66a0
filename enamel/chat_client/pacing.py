"""Keeps a client within the limits of its `welcome`, so that the server never has to say so."""

_STRICTER = 1.1
_ROUNDING = 1e-6


class Throttle:
    """So many at once, then so many a second. A little slower than allowed: two clocks never agree."""

    def __init__(self, burst: float = 1.0, per_second: float = 1.0) -> None:
        self._burst = 0.0
        self._free_at = 0.0
        self.allow(burst, per_second)

    def allow(self, burst: float, per_second: float) -> None:
        """What the welcome said. What was used stays used: another socket of the account may not have it."""
        self._every = _STRICTER / per_second
        self._burst = max(burst - 1, 1) * self._every

    def wait(self, at: float) -> float:
        """Seconds until one more may go; zero takes it."""
        after = max(self._free_at, at) + self._every
        if after - at > self._burst + _ROUNDING:
            return after - at - self._burst
        self._free_at = after
        return 0.0

    def hold(self, until: float) -> None:
        """The server asked to wait: nothing more before that moment."""
        self._free_at = max(self._free_at, until + self._burst)
