"""Serves the API and the sockets."""

import contextlib
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator
from types import FrameType
from typing import Any

import uvicorn

from api.app import create_app
from api.ports import Ports
from chat.conversation import LARGEST_HEARD
from core.settings import Settings
from enamel.api_ports import api_ports
from enamel.migrate import check_schema
from enamel.start import postgres
from enamel.watch import ends_with

_DRAIN_SECONDS = 10
# Ten times as seldom as usual through all: what thousands of sockets hold lives long and in no circles, and a look
# through it stops every one of them for longer the more there are.
_COLLECTED = (700, 10, 100)


def serve(settings: Settings) -> int:
    with stops_on_sigterm(), postgres(settings) as server, contextlib.suppress(KeyboardInterrupt):
        check_schema(server.url)
        http = uvicorn_server(api_ports(settings, server.url), settings)
        with ends_with(http, {"PostgreSQL": server.process}) as watch:
            http.run()
        return 1 if watch.failed else 0
    return 0


class Draining(uvicorn.Server):
    """Sends every socket away with a word before the server closes it without one.

    What is there once it serves (the code, the routes, their contracts) stays until it ends: the collector never
    looks through it again.
    """

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTED)
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # who comes now finds another node
        await self._drain()
        await super().shutdown(sockets)


def uvicorn_server(ports: Ports, settings: Settings) -> uvicorn.Server:
    """Serves the whole API over these ports."""
    config = uvicorn_config(ports, settings.allowed_hosts, host=settings.host, port=settings.port)
    return Draining(config, ports.hub.drain)


def uvicorn_config(ports: Ports, allowed_hosts: Collection[str], **place: Any) -> uvicorn.Config:
    """How the whole API is served, at whatever place; what `place` says goes before."""
    usual: dict[str, Any] = {
        "ws": "websockets-sansio",
        "ws_ping_interval": None,  # the hub pings, so that a lost client is ours to see
        "ws_max_size": LARGEST_HEARD,
        "ws_per_message_deflate": False,  # a compression bomb of 15 KB unpacks to 15 MB
        "access_log": False,  # it would hold every query
        "server_header": False,
        "date_header": True,
        "log_level": "warning",
        "timeout_graceful_shutdown": _DRAIN_SECONDS,
        "h11_max_incomplete_event_size": 32 * 1024,
    }
    return uvicorn.Config(create_app(ports, allowed_hosts), **(usual | place))


@contextlib.contextmanager
def stops_on_sigterm() -> Iterator[None]:
    """SIGTERM ends the block like Ctrl-C does: everything is closed on the way out."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
