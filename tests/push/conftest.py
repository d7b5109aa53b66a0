"""Fixtures of push: the scripted peer, and the adapter that speaks to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from push.fcm import Fcm
from tests.push.fcm_peer import FcmPeer


@pytest.fixture
async def peer() -> AsyncIterator[FcmPeer]:
    made = FcmPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def fcm(peer: FcmPeer, tmp_path: Path) -> AsyncIterator[Fcm]:
    made = Fcm(peer.certificate(tmp_path), peer.url)
    yield made
    await made.close()
