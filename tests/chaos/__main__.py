"""The long form: storm after storm, then a hundred thousand frames of nonsense.."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from random import Random, SystemRandom

from tests.chaos.failpoints import KILLING
from tests.chaos.fuzz import fuzzed
from tests.chaos.node import Nodes, begin_to_import
from tests.chaos.people import made_people
from tests.chaos.proofs import Stage
from tests.chaos.storm import Cluster, Weather, raged

_ROUND_SECONDS = 60.0
_OTHERS = ("postgresql crashes", "postgresql stands still for long", "listeners are cut off")
_MOST_GROWN = 16 * 2**20
_OUR_MISTAKE = 1011


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="storms of a minute each")
    parser.add_argument("--frames", type=int, default=100_000, help="frames of nonsense after them")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    given = parser.parse_args()
    _say(f"seed {given.seed}")
    folder = Path(tempfile.mkdtemp(prefix="enamel-chaos-"))
    folder.chmod(0o711)
    begin_to_import()
    cluster = Cluster(folder)
    try:
        cluster.make_schema()
        return asyncio.run(_all(cluster, folder, given))
    finally:
        cluster.stop()
        shutil.rmtree(folder)


async def _all(cluster: Cluster, folder: Path, given: argparse.Namespace) -> int:
    nodes = Nodes(folder)
    try:
        for number in range(given.rounds):
            if not await _one_storm(cluster, nodes, given.seed + number):
                return 1
        return 0 if await _nonsense(cluster, nodes, given) else 1
    finally:
        await nodes.close()


async def _one_storm(cluster: Cluster, nodes: Nodes, seed: int) -> bool:
    chance = Random(seed)  # noqa: S311  a run can be repeated
    words = [*map(str, KILLING), *_OTHERS] * 2
    chance.shuffle(words)
    pause = (_ROUND_SECONDS - 5) / len(words)
    troubles = [(1 + pause * place, word) for place, word in enumerate(words)]
    report = await raged(cluster, nodes, Weather(_ROUND_SECONDS, 0.5, seed, troubles))
    _say(
        f"seed {seed}: {report.messages} said, {report.cuts} lines cut, {report.deaths} nodes died,"
        f" {report.reconnects} reconnects, {report.seconds:.0f} s: {len(report.faults)} faults"
    )
    for fault in report.faults[:20]:
        _say(f"  {fault}")
    return not report.faults


async def _nonsense(cluster: Cluster, nodes: Nodes, given: argparse.Namespace) -> bool:
    stage = Stage(cluster.url, await made_people(cluster.url, patients=2, staff=2), nodes)
    found = await fuzzed(stage, given.frames, given.seed)
    _say(f"{found.frames} frames of nonsense: ends {dict(found.ends)}, grown {found.grown / 2**20:.1f} MiB")
    _say(f"  the others: {found.reconnects} reconnects, faults {found.faults}")
    _say(f"  answers {dict(found.answers)}")
    mistakes = found.ends[_OUR_MISTAKE] + found.answers[str(_OUR_MISTAKE)]
    return not (found.faults or found.reconnects or mistakes or found.grown > _MOST_GROWN)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  somebody watches it


if __name__ == "__main__":
    sys.exit(main())
