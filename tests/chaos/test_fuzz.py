"""Random frames at one node: it never fails over one, keeps nothing of them, and serves everybody else meanwhile."""

from tests.chaos.fuzz import fuzzed
from tests.chaos.node import Nodes
from tests.chaos.people import made_people
from tests.chaos.proofs import Stage
from tests.chaos.storm import Cluster

FRAMES, SEED = 5_000, 5
OUR_MISTAKE = 1011
MOST_GROWN = 8 * 2**20


async def test_nonsense_harms_nobody(cluster: Cluster, nodes: Nodes) -> None:
    stage = Stage(cluster.url, await made_people(cluster.url, patients=2, staff=2), nodes)
    try:
        found = await fuzzed(stage, FRAMES, SEED)
    finally:
        await nodes.kill_all()
    assert (found.ends[OUR_MISTAKE], found.answers[str(OUR_MISTAKE)]) == (0, 0), found
    assert found.faults == []
    assert found.reconnects == 0
    assert found.frames >= FRAMES
    assert found.answers["invalid-input"] > 0
    assert found.grown < MOST_GROWN
