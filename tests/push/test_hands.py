"""Where more is due than one claim takes, a worker has two hands: everything goes out, and once."""

from collections import Counter
from pathlib import Path

import pytest

from enamel.worker import push
from enamel.worker.push import deliver_due, only
from push.kinds import Lane
from push.outcome import DeliveryState
from tests.push.lines import Kept
from tests.push.phones import NOON, deliveries, give_phone, notice, tell
from tests.push.test_reaching_killed import sent
from tests.world import World


@pytest.mark.parametrize("count", [1, 2, 3, 19, 20])
async def test_two_hands_send_everything_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(push, "MOST_AT_ONCE", 2)
    await give_phone(world.database, world.keys, world.here, "token-of-anna")
    ids = await tell(world.database, world.here, *(notice(world.here) for _ in range(count)))
    channel, done = only(Kept(tmp_path / "sent.jsonl")), 0
    while more := await deliver_due(world.database, channel, lanes=[Lane.URGENT], now=lambda: NOON):
        done += more
    assert done == count
    assert sent(tmp_path / "sent.jsonl") == Counter(map(str, ids))
    states = {each.state for each in await deliveries(world.database, world.here.patient_id)}
    assert states == {DeliveryState.ACCEPTED}


async def test_a_hand_that_fails_is_heard_of_and_leaves_the_other_at_work(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "MOST_AT_ONCE", 2)
    await give_phone(world.database, world.keys, world.here, "token-of-anna")
    await tell(world.database, world.here, *(notice(world.here) for _ in range(6)))
    calls = 0

    def breaks(_: object) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError
        return ""

    channel = only(Kept(tmp_path / "sent.jsonl"))
    with pytest.raises(RuntimeError):
        await deliver_due(world.database, channel, lanes=[Lane.URGENT], now=lambda: NOON, receipt=breaks)
    assert len(sent(tmp_path / "sent.jsonl")) >= 4
