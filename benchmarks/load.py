"""A small HTTP/1.1 load client of its own process: as many requests as go in a time, over keep-alive connections.

Reads a `Job` as JSON from standard input and prints a `Count` as JSON. It checks the status of every answer
and the length of its body, so that a fast refusal is not taken for speed.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import cast

import uvloop


@dataclass(frozen=True, slots=True)
class Job:
    """`requests`: whole, with their bodies; connections take them in turn, each from its own place."""

    port: int
    requests: list[str]
    status: int
    seconds: float
    connections: int
    least_bytes: int


@dataclass(slots=True)
class Count:
    answers: int = 0
    wrong: int = 0
    seconds: float = 0.0
    bytes_of_one: int = 0


class _Connection(asyncio.Protocol):
    def __init__(self, job: Job, count: Count, ends_at: float, done: asyncio.Future[None]) -> None:
        self._job, self._count, self._ends_at, self._done = job, count, ends_at, done
        place = random.randrange(len(job.requests))  # noqa: S311  no secret: where to begin
        self._requests = itertools.cycle([one.encode() for one in job.requests[place:] + job.requests[:place]])
        self._expected = f"HTTP/1.1 {job.status} ".encode()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass of it
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        size = _body_size(self._buffer[:head_end])
        if len(self._buffer) < head_end + 4 + size:
            return
        self._count.answers += 1
        self._count.wrong += not self._buffer.startswith(self._expected) or size < self._job.least_bytes
        self._count.bytes_of_one = size
        self._buffer = b""
        if time.monotonic() < self._ends_at:
            self._transport.write(next(self._requests))
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._count.wrong += exc is not None
        if not self._done.done():
            self._done.set_result(None)


def _body_size(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    return int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


async def fired(job: Job) -> Count:
    loop, count, began = asyncio.get_running_loop(), Count(), time.monotonic()
    over = [loop.create_future() for _ in range(job.connections)]
    for done in over:
        connect = partial(_Connection, job, count, began + job.seconds, done)
        await loop.create_connection(connect, "127.0.0.1", job.port)
    await asyncio.wait_for(asyncio.gather(*over), job.seconds + 15)
    count.seconds = time.monotonic() - began
    return count


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(fired(Job(**json.loads(Path("/dev/stdin").read_text())))))), file=sys.stdout)
