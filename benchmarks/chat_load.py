"""The chat benchmark's load, a process of its own: W-chat over any wire, and a crowd of idle sockets.

Reads a `Job` as JSON from standard input and prints a `Count` as JSON. All clocks are this process's, so how long a
message took is receipt at the peer less the call that sent it. A message lost, doubled or out of order is counted.
"""

import asyncio
import json
import sys
import time
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

from benchmarks.chat_wires import WIRES, EnamelSocket, Wire
from benchmarks.processes import core_cpu_seconds, family_cpu_seconds

_BODY_BYTES = 120
_DRAIN_SECONDS = 15.0
_DIALS_AT_ONCE = 16
_TICK = 0.001


@dataclass(frozen=True, slots=True)
class Job:
    """`pairs`: credentials of (sender, receiver). Without a `rate` a pair sends its next message after its own ack and
    the receipt at its peer; with one, so many a second go out over all pairs, whatever came of the ones before.
    `crowd`: credentials of sockets that are opened first, stand idle for `crowd_seconds` and leave before the load.
    `watched`: processes whose CPU is counted, the server and PostgreSQL, with their children; they run on `core`.
    """

    wire: str
    port: int
    pairs: list[tuple[str, str]]
    warm_seconds: float = 1.0
    seconds: float = 5.0
    rate: float = 0.0
    crowd: list[str] = field(default_factory=list)
    crowd_seconds: float = 3.0
    watched: tuple[int, int] = (0, 0)
    core: int = 0


@dataclass(slots=True)
class Count:
    """What came of one job; milliseconds, and CPU seconds while it was measured."""

    acked: int = 0
    heard: int = 0
    seconds: float = 0.0
    wrong: int = 0
    sent_in_all: int = 0
    ack_p50: float = 0.0
    ack_p99: float = 0.0
    heard_p50: float = 0.0
    heard_p99: float = 0.0
    server_cpu: float = 0.0
    database_cpu: float = 0.0
    crowd_dial_seconds: float = 0.0
    others_cpu: float = 0.0
    """What anybody else used of their core."""


class Measure:
    """What is counted while the window is open."""

    def __init__(self) -> None:
        self.open = False
        self.acks: list[float] = []
        self.receipts: list[float] = []


class Pair:
    """A sender and its peer. `closed_loop`: the next message goes out when this one is acked and was heard."""

    def __init__(self, job: Job, number: int, measure: Measure) -> None:
        sender, receiver = job.pairs[number]
        self._number, self._measure = number, measure
        self._closed_loop = not job.rate
        self.sender: Wire = WIRES[job.wire](sender, lambda _: None, self._on_ack)
        self.receiver: Wire = WIRES[job.wire](receiver, self._on_heard, lambda _: None)
        self._sent_at: dict[Hashable, float] = {}
        self.sent = self.heard = self.wrong = 0
        self._stopped = False

    @property
    def is_done(self) -> bool:
        return not self._sent_at and self.heard == self.sent

    def stop(self) -> None:
        self._stopped = True

    def send(self) -> None:
        self.sent += 1
        at = time.perf_counter_ns()
        body = f"{self._number}|{self.sent}|{at}|".ljust(_BODY_BYTES, "x")
        self._sent_at[self.sender.send(body)] = at

    def _on_ack(self, name: Hashable) -> None:
        at = self._sent_at.pop(name, None)
        if at is None:
            self.wrong += 1
        elif self._measure.open:
            self._measure.acks.append(time.perf_counter_ns() - at)
        self._go_on()

    def _on_heard(self, body: bytes) -> None:
        pair, number, at, _ = body.split(b"|")
        if int(pair) != self._number:
            self.wrong += 1
            return
        self.heard += 1
        self.wrong += int(number) != self.heard
        if self._measure.open:
            self._measure.receipts.append(time.perf_counter_ns() - int(at))
        self._go_on()

    def _go_on(self) -> None:
        if self._closed_loop and not self._stopped and self.is_done:
            self.send()


async def dialled(wires: Sequence[Wire], port: int) -> None:
    """Connect and wait until all of them may talk; so many at a time."""
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(_DIALS_AT_ONCE)

    async def dial(wire: Wire) -> None:
        async with gate:
            await loop.create_connection(lambda: wire, "127.0.0.1", port)
            async with asyncio.timeout(30):
                await wire.ready

    await asyncio.gather(*map(dial, wires))


async def loaded(job: Job) -> Count:
    count, measure = Count(), Measure()
    if job.crowd:
        await _crowded(job, count)
    pairs = [Pair(job, number, measure) for number in range(len(job.pairs))]
    await dialled([wire for pair in pairs for wire in (pair.sender, pair.receiver)], job.port)
    await _introduced(pairs)
    talking = asyncio.create_task(_at_a_rate(pairs, job.rate) if job.rate else _each_after_the_last(pairs))
    await asyncio.sleep(job.warm_seconds)
    await _measured(job, count, measure)
    for pair in pairs:
        pair.stop()
    talking.cancel()
    await _drained(pairs)
    _sum_up(count, measure, pairs)
    return count


async def _crowded(job: Job, count: Count) -> None:
    began = time.monotonic()
    crowd = [WIRES[job.wire](one, lambda _: None, lambda _: None) for one in job.crowd]
    await dialled(crowd, job.port)
    count.crowd_dial_seconds = time.monotonic() - began
    await asyncio.sleep(job.crowd_seconds)
    count.wrong += sum(wire.gone.done() for wire in crowd)
    for wire in crowd:
        wire.leave()
    await asyncio.sleep(1)


async def _introduced(pairs: Sequence[Pair]) -> None:
    """Where staff hears only what it looks at, it looks at its patient's conversation first."""
    for pair in pairs:
        if isinstance(pair.sender, EnamelSocket) and isinstance(pair.receiver, EnamelSocket):
            acked = asyncio.Event()
            begin, pair.sender.acked = pair.sender.acked, lambda _, done=acked: done.set()  # type: ignore[misc]
            take, pair.receiver.heard = pair.receiver.heard, lambda _: None
            pair.sender.send("a first message, so that there is a conversation")
            async with asyncio.timeout(10):
                await acked.wait()
            assert pair.sender.opened_conversation is not None
            pair.receiver.watch(pair.sender.opened_conversation)
            await asyncio.sleep(0.005)
            pair.sender.acked, pair.receiver.heard = begin, take
    await asyncio.sleep(0.5)


async def _each_after_the_last(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        pair.send()


async def _at_a_rate(pairs: Sequence[Pair], rate: float) -> None:
    began, sent = time.perf_counter(), 0
    while True:
        due = int((time.perf_counter() - began) * rate)
        while sent < due:
            pairs[sent % len(pairs)].send()
            sent += 1
        await asyncio.sleep(_TICK)


async def _measured(job: Job, count: Count, measure: Measure) -> None:
    before = [family_cpu_seconds(pid) for pid in job.watched]
    core_before = core_cpu_seconds(job.core)
    began, measure.open = time.perf_counter(), True
    await asyncio.sleep(job.seconds)
    measure.open = False
    count.seconds = time.perf_counter() - began
    after = [family_cpu_seconds(pid) for pid in job.watched]
    count.server_cpu, count.database_cpu = (late - early for late, early in zip(after, before, strict=True))
    count.others_cpu = max(core_cpu_seconds(job.core) - core_before - count.server_cpu - count.database_cpu, 0.0)


async def _drained(pairs: Sequence[Pair]) -> None:
    """Everything that was sent must still be acked and heard; who waits in vain is counted."""
    ends_at = time.monotonic() + _DRAIN_SECONDS
    while time.monotonic() < ends_at and not all(pair.is_done for pair in pairs):  # noqa: ASYNC110  counters, no event
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.1)  # whatever is heard twice


def _sum_up(count: Count, measure: Measure, pairs: Sequence[Pair]) -> None:
    count.acked, count.heard = len(measure.acks), len(measure.receipts)
    count.sent_in_all = sum(pair.sent for pair in pairs)
    count.wrong += sum(pair.wrong + abs(pair.sent - pair.heard) for pair in pairs)
    count.wrong += sum(wire.gone.done() for pair in pairs for wire in (pair.sender, pair.receiver))
    count.ack_p50, count.ack_p99 = percentile(measure.acks, 0.5), percentile(measure.acks, 0.99)
    count.heard_p50, count.heard_p99 = percentile(measure.receipts, 0.5), percentile(measure.receipts, 0.99)


def percentile(nanoseconds: Sequence[float], part: float) -> float:
    """In milliseconds; endless where there is nothing."""
    if not nanoseconds:
        return float("inf")
    ordered = sorted(nanoseconds)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] / 1e6


if __name__ == "__main__":
    asked = json.loads(Path("/dev/stdin").read_text())
    print(json.dumps(asdict(uvloop.run(loaded(Job(**asked))))), file=sys.stdout)
