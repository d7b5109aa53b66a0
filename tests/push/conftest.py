"""Fixtures of push: the scripted peer, and the adapter that speaks to it."""

import socket
from collections.abc import AsyncIterator

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
async def fcm(peer: FcmPeer) -> AsyncIterator[Fcm]:
    made = Fcm(peer.line(), peer.url, peer.token_url)
    yield made
    await made.close()


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
