"""The answer to a batch of another system's rows, and what in it is a change."""

from collections.abc import Sequence

from core.errors import Fault
from core.upsert import Outcome, Upserted

# A batch's answer: what became of each good row, and the faults of the bad ones by their index.
Taken = tuple[list[Upserted], dict[int, Fault]]


def changed(done: Sequence[Upserted]) -> list[Upserted]:
    return [each for each in done if each.outcome in (Outcome.CREATED, Outcome.UPDATED)]
