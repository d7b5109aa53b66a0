"""The socket benchmark's clients, a process of its own that is told what to do: one command a line, one answer a line.

Commands are JSON: `open` (credentials to connect), `leave`, `talk` (pairs that talk at a rate for so long: a `Count`),
`follow` (whoever is sent away with a `bye` comes back elsewhere after the wait it names, while pairs talk there),
`gone` (how many lines were lost).
"""

import asyncio
import itertools
import json
import random
import sys
import time
from dataclasses import asdict
from functools import partial
from typing import Any

import uvloop

from benchmarks.chat_load import Count, Job, dialled, loaded
from benchmarks.chat_wires import WIRES, EnamelSocket, Wire, WireFailed

_RETURN_SECONDS = 40.0
# Milliseconds: who hears no word tries again within them.
_FIRST_TRY, _LONGEST_PAUSE = 500, 30_000


class Crowd:
    """Idle sockets, and what became of them."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.returned_at: list[float] = []
        self.waits: list[int] = []
        self.refused = 0

    async def open(self, wire: str, port: int, credentials: list[str]) -> dict[str, Any]:
        began = time.monotonic()
        fresh = [WIRES[wire](one, lambda _: None, lambda _: None) for one in credentials]
        await dialled(fresh, port)
        self.wires += fresh
        return {"seconds": time.monotonic() - began}

    async def gone(self) -> dict[str, Any]:
        return {"gone": sum(wire.gone.done() for wire in self.wires), "open": len(self.wires)}

    async def leave(self) -> dict[str, Any]:
        for wire in self.wires:
            wire.leave()
        self.wires.clear()
        await asyncio.sleep(1)
        return {}

    async def follow(self, port: int, elsewhere: int, job: dict[str, Any]) -> dict[str, Any]:
        """See everybody who is sent away from `port` back at `elsewhere`, while the pairs of `job` talk."""
        sent_away = [wire for wire in self.wires if _port_of(wire) == port]
        print(json.dumps({"following": len(sent_away)}), flush=True)
        talking = asyncio.create_task(loaded(Job(**job)))
        began = time.monotonic()
        async with asyncio.timeout(_RETURN_SECONDS + job["seconds"]):
            await asyncio.gather(*(self._back(wire, elsewhere) for wire in sent_away))
        count = await talking
        return {"count": asdict(count), **self._spread(began)}

    async def _back(self, wire: Wire, port: int) -> None:
        """After the wait that a `bye` names; refused, or without a word, after twice as long each time."""
        await wire.gone
        bye = wire.bye if isinstance(wire, EnamelSocket) else None
        low, high = (bye or {}).get("wait", (0, _FIRST_TRY))
        self.waits.append(high)
        for tries in itertools.count():
            await asyncio.sleep(random.uniform(low, high) / 1000)  # noqa: S311  no secret: when to come back
            fresh = type(wire)(wire.credential, lambda _: None, lambda _: None)
            try:
                await asyncio.get_running_loop().create_connection(partial(_same, fresh), "127.0.0.1", port)
                await fresh.ready
                break
            except (WireFailed, OSError):
                self.refused += 1
                low, high = 0, min(_FIRST_TRY * 2**tries, _LONGEST_PAUSE)
        self.returned_at.append(time.monotonic())
        self.wires[self.wires.index(wire)] = fresh

    def _spread(self, began: float) -> dict[str, Any]:
        """How long the return took, and the most that came within one second."""
        seconds = [int(at - began) for at in self.returned_at]
        return {
            "returned": len(seconds),
            "took": max(self.returned_at) - min(self.returned_at) if seconds else 0.0,
            "most_in_a_second": max((seconds.count(one) for one in set(seconds)), default=0),
            "refused": self.refused,
            "told_to_wait": sum(wait > _FIRST_TRY for wait in self.waits),
        }


def _same(wire: Wire) -> Wire:
    return wire


def _port_of(wire: Wire) -> int:
    peer = wire.transport.get_extra_info("peername")
    return int(peer[1]) if peer else 0


async def talked(job: dict[str, Any]) -> Count:
    return await loaded(Job(**job))


async def obeyed() -> None:
    crowd, loop = Crowd(), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        kind = told.pop("do")
        answer = asdict(await talked(**told)) if kind == "talk" else await getattr(crowd, kind)(**told)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(obeyed())
