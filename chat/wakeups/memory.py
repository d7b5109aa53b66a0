"""The bus of one node: there is nobody else to wake."""

from collections.abc import Collection, Sequence

from chat.log import Thread
from chat.wakeups.port import Heard, Hint, Hinted, nobody


class MemoryWakeups:
    """Carries nothing. Several nodes on it still tell everything, a sweep later."""

    async def listen(self, heard: Heard, hinted: Hinted = nobody) -> None:
        """Nothing ever comes."""

    def publish(self, threads: Collection[Thread], hints: Sequence[Hint] = ()) -> None:
        """Nobody has to hear it."""

    async def close(self) -> None:
        """Nothing is open."""
