"""Serves the API and the sockets."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from api.app import create_app
from core.settings import Settings
from enamel.migrate import check_schema
from enamel.start import api_ports, postgres
from enamel.watch import ends_with

# Long enough for a slow request; sockets are told to come back elsewhere at once.
_DRAIN_SECONDS = 10


def serve(settings: Settings) -> int:
    with stops_on_sigterm(), postgres(settings) as server, contextlib.suppress(KeyboardInterrupt):
        check_schema(server.url)
        http = uvicorn_server(application(settings, server.url), settings)
        with ends_with(http, {"PostgreSQL": server.process}) as watch:
            http.run()
        return 1 if watch.failed else 0
    return 0


def application(settings: Settings, database_url: str) -> ASGIApp:
    return create_app(api_ports(settings, database_url), settings.allowed_hosts)


def uvicorn_server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_ping_interval=None,  # the hub pings, so that a lost client is ours to see
        ws_max_size=16 * 1024,
        ws_per_message_deflate=False,  # a compression bomb of 15 KB unpacks to 15 MB
        access_log=False,  # it would hold every query
        server_header=False,
        date_header=True,
        log_level="warning",
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        h11_max_incomplete_event_size=32 * 1024,
    )
    return uvicorn.Server(config)


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
