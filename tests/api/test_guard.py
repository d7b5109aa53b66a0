"""The outermost layer: a request may take long as long as it moves, and a stranger's body is not read."""

import asyncio

import httpx
from starlette.types import Receive, Scope, Send

from api.guard import Guard
from tests.world import HOST, World


def slowly(steps: int, pause: float) -> httpx.AsyncClient:
    """A client of an application that sends a byte after each pause."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(steps):
            await asyncio.sleep(pause)
            await send({"type": "http.response.body", "body": b".", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    guard = Guard(app, {"127.0.0.1"}, pause_seconds=0.3)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=guard), base_url=HOST)


async def test_an_answer_that_moves_may_take_longer_than_the_longest_pause() -> None:
    async with slowly(steps=8, pause=0.05) as client:
        assert (await client.get("/")).text == "." * 8


async def test_a_request_that_stands_still_is_ended_with_a_problem() -> None:
    async def stuck(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    guard = Guard(stuck, {"127.0.0.1"}, pause_seconds=0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=guard), base_url=HOST) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily-unavailable")


async def test_a_strangers_body_is_not_looked_at(world: World) -> None:
    answer = await world.http.post(
        "/v1/partner/sync/patients", content=b"{not json", headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
