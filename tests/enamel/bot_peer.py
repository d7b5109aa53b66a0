"""A clinic's own bot over real HTTP: checks signatures as the documentation says, and answers what a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

SECRET = "the secret of the clinic and its bot, 1234"


def _documented() -> Any:
    """The check of a signature as the documentation gives it, run as it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "bot.md").read_text(encoding="utf-8")
    room: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], room)  # noqa: S102  our own page
    return room["is_genuine"]


is_genuine = _documented()


class BotPeer:
    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: Any = {"texts": ["The peer's answer"]}
        self.status = 200
        self.open = asyncio.Event()
        self.open.set()

    async def is_asked(self) -> bool:
        return bool(self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.headers.append({**request.headers, "body": body.decode()})
        self.asked.append(json.loads(body))
        await self.open.wait()
        said = self.answers if isinstance(self.answers, bytes) else json.dumps(self.answers).encode()
        headers = {"location": "/elsewhere"} if self.status == 302 else {}
        return web.Response(body=said, status=self.status, headers=headers, content_type="application/json")


@asynccontextmanager
async def a_bot() -> AsyncIterator[BotPeer]:
    peer = BotPeer()
    app = web.Application()
    app.router.add_post("/bot", peer.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    assert isinstance(server, asyncio.Server)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bot"
    try:
        yield peer
    finally:
        peer.open.set()
        await runner.cleanup()
