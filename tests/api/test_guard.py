"""The outermost layer: a request may take long as long as it moves, and a stranger's body is not read."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


async def given(scope: dict[str, Any], app: ASGIApp, pieces: list[Message], **limits: Any) -> list[Message]:
    """What a guarded application answers to a body that comes in these pieces and then stops."""
    said: list[Message] = []

    async def receive() -> Message:
        if pieces:
            return pieces.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        said.append(message)

    asked = {
        "type": "http", "method": "PUT", "path": "/", "raw_path": b"/", "query_string": b"", "http_version": "1.1",
        "headers": [(b"host", b"127.0.0.1")], **scope,
    }  # fmt: skip
    await Guard(app, {"127.0.0.1"}, **limits)(asked, receive, send)
    return said


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await Request(scope, receive).body()
    except Exception:  # noqa: BLE001  as the framework does where it reads a form
        await Response(status_code=400)(scope, receive, send)
    else:
        await Response(status_code=200)(scope, receive, send)


@pytest.mark.parametrize("limit", ["silence_seconds", "request_seconds"])
async def test_a_body_that_stops_coming_is_told_so_and_the_connection_ends(
    limit: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun = {"type": "http.request", "body": b"x", "more_body": True}
    start, body, *_ = await given({}, reading, [begun], **{limit: 0.05})
    assert (start["status"], json.loads(body["body"])["code"]) == (408, "body-too-slow")
    assert (b"connection", b"close") in start["headers"]
    assert caplog.records == []


async def test_a_body_that_is_whole_is_not_waited_for() -> None:
    async def working(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await asyncio.sleep(0.15)
        await Response(status_code=200)(scope, receive, send)

    whole = {"type": "http.request", "body": b"x", "more_body": False}
    assert (await given({}, working, [whole], silence_seconds=0.05))[0]["status"] == 200


async def test_who_hangs_up_is_no_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def streaming(scope: Scope, receive: Receive, _send: Send) -> None:
        async for _ in Request(scope, receive).stream():
            pass

    begun = {"type": "http.request", "body": b"x", "more_body": True}
    assert await given({}, streaming, [begun, {"type": "http.disconnect"}]) == []
    assert caplog.records == []
