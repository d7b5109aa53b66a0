"""Where a reader goes on: a number, and the history of the database in which it was counted.

A cursor is text that devices keep and give back as it is. One that we cannot read, or that counts further than this
database did, is of another history: what its reader holds may never have been.
"""

from typing import NamedTuple, Self

OLDEST = 200_000
"""Transactions of the whole database: that many events at one each are found in some tenths of a second."""
PATTERN = "^[0-9a-z.]{1,64}$"


class Cursor(NamedTuple):
    """`place` is a transaction (of a desk or a socket) or a `rev` (of one conversation)."""

    epoch: str
    place: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Of text that is no cursor of ours: one of no epoch."""
        epoch, _, place = text.partition(".")
        return cls(epoch, int(place)) if place.isascii() and place.isdecimal() else cls("", 0)

    def __str__(self) -> str:
        return f"{self.epoch}.{self.place}"


def is_of_another_history(given: Cursor, now: Cursor) -> bool:
    """Whether its reader holds what is not in this database's past, as far as can be told."""
    return given.epoch != now.epoch or given.place > now.place


def horizon_to_resume(given: Cursor | None, now: Cursor, tied: int = 0) -> str | None:
    """The horizon a desk goes on from, or None where it is no use: of another history, before the transaction in which
    who asks was `tied` to other branches, or so old that looking through everything written since costs more than
    starting over.
    """
    if given is None or is_of_another_history(given, now) or now.place - given.place > OLDEST:
        return None
    if tied and given.place <= tied:
        return None
    return str(given.place)
