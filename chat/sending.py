"""Group commit: what the accounts of one node do at the same moment goes as one statement and one commit.

While `AT_ONCE` batches are under way, whatever comes waits for the next one; an ask alone goes at once and alone.
A batch never waits for one conversation's lock: what is held by somebody else comes back without an answer and is asked
once more by itself, waiting. `WAITING_AT_ONCE` of those wait at a time, the senders in turn, so that they never take
all connections of the pool. A batch that PostgreSQL refuses is asked again one by one, so a poisoned ask fails alone.

Nothing is lost or doubled, wherever a node or PostgreSQL is killed. An answer is given to its sender after the commit
of the whole batch and never before, so what was acknowledged is on disk. Killed before the commit, none of the batch
is there and nobody was told so; each sender asks again. Killed after the commit, before the answers: all of it is
there; each sender asks again and is answered from the log, under the same id, with the same numbers. The same holds
for the parts of a batch that is asked again one by one: what an earlier try kept is found by its id. Numbers are
given under the lock of each conversation's row, which the batch holds until its commit: readers and other writers
see all of its numbers or none, so no number is given twice and none is left out.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from chat.functions import ALL
from core.database import Database
from core.gathering import Ask, Gathering

AT_ONCE, MOST = 1, 64
# A quarter of the usual pool: each holds a connection for up to 5 s, the longest that a lock is waited for.
WAITING_AT_ONCE = 2
_NOT_FREE = b"null"
# Longer than the 15 s that PostgreSQL lets a statement run: then the connection is dead, not slow.
_LONGEST_SECONDS = 20.0
_ENCODER = msgspec.json.Encoder()
_ANSWERS = msgspec.json.Decoder(list[msgspec.Raw])


async def done_together(database: Database, item: dict[str, Any]) -> bytes:
    """`item` (a member for each column of `chat_all`) done and committed; its answer as JSON.

    Raises what PostgreSQL raised of this item, `OSError` where the connection or the answer was lost, and `ValueError`
    for what is no text.
    """

    async def together(_: Any, asks: Sequence[Ask]) -> list[bytes | None]:
        answers = await _batch(database, [ask["item"] for ask in asks], wait=False)
        return [None if answer == _NOT_FREE else answer for answer in answers]

    gathering = database.gathering(ALL, lambda: Gathering(together, at_once=AT_ONCE, most=MOST))
    # Written here, and not with its neighbours: what cannot be written fails its own sender only.
    written = _ENCODER.encode(item)
    answer = await gathering.ask(ALL, {"item": written})
    return answer if answer is not None else await _waited(database, item, written)


async def _waited(database: Database, item: dict[str, Any], written: bytes) -> bytes:
    """The answer to one that is held by somebody else, when it no longer is."""

    async def alone(_: Any, asks: Sequence[Ask]) -> list[bytes]:
        return await _batch(database, [ask["item"] for ask in asks], wait=True)

    gathering = database.gathering((ALL, "held"), lambda: Gathering(alone, at_once=WAITING_AT_ONCE, most=1))
    whose = (item["clinic"], item["conversation"], item["patient"], item["account"])
    answer = await gathering.ask(whose, {"item": written})
    assert answer is not None
    return answer


async def _batch(database: Database, items: Sequence[bytes], *, wait: bool) -> list[bytes]:
    async with asyncio.timeout(_LONGEST_SECONDS):
        answers = await database.trip(ALL, f"[{b','.join(items).decode()}]", wait)
    assert answers is not None
    return [bytes(answer) for answer in _ANSWERS.decode(answers)]
