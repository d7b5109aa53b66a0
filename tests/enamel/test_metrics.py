"""What Prometheus is told of the outbox, read over HTTP as it reads it."""

import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from enamel.worker.metrics import Metrics
from enamel.worker.push import deliver_due, only
from push.channel import Message, Target, Way
from push.notice import NoticeKind, Purpose
from push.outcome import Outcome, Result
from push.printed import Printed, PrintedPushes
from tests.push.fcm_peer import FcmPeer
from tests.push.lines import fcm, make, make_usual
from tests.push.phones import HOUR, MINUTE, NOON, give_phone, notice, tell
from tests.world import World


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.fixture
async def peer() -> AsyncIterator[FcmPeer]:
    made = FcmPeer()
    await made.start()
    yield made
    await made.stop()


async def read(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample, by its name and the values of its labels."""
    port = free_port()
    metrics.serve("127.0.0.1", port)
    async with httpx.AsyncClient() as http:
        page = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    return {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value for sample in samples
    }


async def test_age_outcomes_by_build_and_time_to_acceptance_are_told_and_nobody_is_named(
    world: World, peer: FcmPeer, tmp_path: Path
) -> None:
    metrics = Metrics()
    await give_phone(world.database, world.keys, world.here, "token-of-anna")
    await make(world.database, world.here, fcm(peer))
    await tell(world.database, world.here, notice(world.here, kind=NoticeKind.CHAT, purpose=Purpose.CHAT))
    late = NOON + MINUTE
    await metrics.look(world.database, late)
    told = await read(metrics)
    assert told["enamel_push_waiting", ("urgent",)] == 1
    assert told["enamel_push_queue_age_seconds", ("urgent",)] == 60
    assert told["enamel_push_waiting", ("bulk",)] == 0

    pushes = PrintedPushes(Printed(tmp_path / "printed.jsonl"))
    assert await deliver_due(world.database, only(pushes), now=lambda: late, seen=metrics.note) == 1
    await metrics.look(world.database, late)
    told = await read(metrics)
    assert told["enamel_push_outcomes_total", ("it.example.clinic", "accepted", "fcm")] == 1
    assert told["enamel_push_due_to_accepted_seconds_sum", ("push",)] == 60
    assert told["enamel_push_waiting", ("urgent",)] == 0
    labels = " ".join(label for _, values in told for label in values)
    for private in (world.here.phone, str(world.here.patient_id), "Anna", "token-of-anna"):
        assert private not in labels


async def test_what_a_phone_calls_its_build_is_no_label(world: World, tmp_path: Path) -> None:
    metrics = Metrics()
    await give_phone(world.database, world.keys, world.here, "token-of-anna")
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update device set app_build = 'made-up-' || id"))
    await tell(world.database, world.here, notice(world.here, kind=NoticeKind.CHAT, purpose=Purpose.CHAT))
    pushes = PrintedPushes(Printed(tmp_path / "printed.jsonl"))
    assert await deliver_due(world.database, only(pushes), now=lambda: NOON, seen=metrics.note) == 1
    assert (await read(metrics))["enamel_push_outcomes_total", ("", "accepted", "fcm")] == 1


class Refusing:
    """The credentials are refused."""

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:  # noqa: ARG002
        return Outcome(Result.CONFIG, "bad-key")

    async def check(self, deadline: timedelta) -> Outcome:  # noqa: ARG002
        return Outcome(Result.CONFIG, "bad-key")

    async def close(self) -> None:
        """Nothing is held open."""


async def test_a_line_whose_credentials_are_refused_is_seen_to_be_open(world: World) -> None:
    metrics = Metrics()
    await make_usual(world.database, world.here, Way.SMS)
    told = [notice(world.here, kind=NoticeKind.REMINDING, expires_at=NOON + HOUR) for _ in range(3)]
    await tell(world.database, world.here, *told)
    await deliver_due(world.database, only(Refusing()), now=lambda: NOON, seen=metrics.note)
    await metrics.look(world.database, NOON)
    told_then = await read(metrics)
    assert told_then["enamel_push_lines_open", ()] == 1
    assert told_then["enamel_push_outcomes_total", ("our sms", "config", "sms")] == 3
