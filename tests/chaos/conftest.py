"""What the proofs stand on: a PostgreSQL of their own, which keeps its word when it crashes, and nodes to be killed."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chaos.node import Nodes, begin_to_import
from tests.chaos.storm import Cluster


@pytest.fixture(scope="module")
def grounds() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="enamel-chaos-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def nodes(grounds: Path) -> AsyncIterator[Nodes]:
    begin_to_import()
    made = Nodes(grounds)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def cluster(grounds: Path, nodes: Nodes) -> Iterator[Cluster]:
    """After the nodes: while they import, this makes a database."""
    assert nodes
    made = Cluster(grounds)
    made.make_schema()
    yield made
    made.stop()
