"""Two nodes, PostgreSQL and thirty devices in bad weather: nothing is lost, doubled or out of order. The short form."""

from tests.chaos.node import Nodes
from tests.chaos.storm import Cluster, Weather, raged

SEED = 5


async def test_nothing_is_lost_doubled_or_out_of_order_in_bad_weather(cluster: Cluster, nodes: Nodes) -> None:
    troubles = [
        (0.5, "before commit"), (1.5, "after commit"), (2.5, "after ack"), (3.5, "after notify"),
        (4.5, "listeners are cut off"), (5.0, "postgresql crashes"), (6.0, "postgresql stands still"),
    ]  # fmt: skip
    report = await raged(cluster, nodes, Weather(seconds=7.0, pause=0.4, seed=SEED, troubles=troubles))
    assert report.faults == []
    assert report.messages > 100
    assert report.deaths >= 4
    assert report.cuts > 20
