"""What every bus between nodes does."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from chat.log import Thread


class Hint(NamedTuple):
    """A frame that is worth something only now (somebody types, the desk opened): never stored, never repeated.

    It is for everybody who hears the patient's thread, or, without one, for all patients' sockets of the clinic;
    never for the account it comes from. `frame` is the frame as it will be written.
    """

    clinic_id: UUID
    patient_id: UUID | None
    account_id: UUID
    frame: str


Heard = Callable[[Collection[Thread]], None]
Hinted = Callable[[Sequence[Hint]], None]


def nobody(_hints: Sequence[Hint]) -> None:
    """No hint is wanted here."""


class Wakeups(Protocol):
    """Tells other nodes that something of these threads was committed. `publish` never waits and never fails.

    What a node publishes itself is not told to it again.
    """

    async def listen(self, heard: Heard, hinted: Hinted = nobody) -> None: ...

    def publish(self, threads: Collection[Thread], hints: Sequence[Hint] = ()) -> None: ...

    async def close(self) -> None: ...
