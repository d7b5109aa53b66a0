"""A clinic's own system over real HTTP: checks signatures as the documentation says, and answers what a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web


def _documented() -> Any:
    """The check of a signature as the documentation gives it, run as it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    room: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], room)  # noqa: S102  our own page
    return room["is_genuine"]


is_genuine = _documented()


class WebhookPeer:
    def __init__(self) -> None:
        self.url = ""
        self.told: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []
        """Of the next calls; then 204."""
        self.open = asyncio.Event()
        self.open.set()

    async def is_told(self) -> bool:
        return bool(self.told)

    async def hear(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(body)
        self.told.append(json.loads(body))
        await self.open.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"location": "/hear"} if status in (302, 307) else {})


@asynccontextmanager
async def a_system() -> AsyncIterator[WebhookPeer]:
    peer = WebhookPeer()
    app = web.Application()
    app.router.add_post("/hear", peer.hear)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    assert isinstance(server, asyncio.Server)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hear"
    try:
        yield peer
    finally:
        peer.open.set()
        await runner.cleanup()
