"""A telephone system that tells of calls, as one of a clinic would: signed over the raw bytes."""

import json
from typing import Any

import httpx

from automation.telephone import signature
from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from tests.world import Party, World

Exchange = dict[str, Any]


async def exchange(world: World, party: Party, **said: Any) -> Exchange:
    answer = await world.post("/v1/staff/phone-exchanges", party.staff, {"name": "Reception", **said})
    assert answer.status_code == 201, answer.text
    made: Exchange = answer.json()
    return made


async def ring(world: World, of: Exchange, call_id: str, **said: Any) -> httpx.Response:
    """One notice of one call; by default that a call from outside began now."""
    news = {"call_id": call_id, "what": "started", "direction": "in", "at": rfc3339(now()), **said}
    return await post(world, of, json.dumps(news).encode())


async def post(
    world: World, of: Exchange, body: bytes, *, secret: str = "", seconds: int = 0, signed: bytes | None = None
) -> httpx.Response:
    notice_id, timestamp = str(new_id()), str(int(now().timestamp()) + seconds)
    made = signature(secret or of["secret"], notice_id, timestamp, body if signed is None else signed)
    headers = {
        "webhook-id": notice_id, "webhook-timestamp": timestamp, "webhook-signature": made,
        "content-type": "application/json",
    }  # fmt: skip
    return await world.http.post(f"/v1/hooks/telephony/{of['exchange']['exchange_id']}", headers=headers, content=body)
