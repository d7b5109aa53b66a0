"""What the tests of payments share: a clinic over the played Stripe, debts, notices, and what was written down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from sqlalchemy import text

from api.app import create_app
from cabinet.stripe_payments import StripePayments
from tests.api.test_account import entry, push
from tests.cabinet.stripe_peer import SECRET_KEY, WEBHOOK_SECRET, StripePeer
from tests.documented import check
from tests.world import HOST, World

HOOK = "/v1/hooks/payments"
MINE = "/v1/me/payments"


@dataclass(frozen=True, slots=True)
class Till:
    """A world whose payments go to the played Stripe."""

    world: World
    peer: StripePeer

    async def owe(self, minor: int = 10_000, name: str = "c", **more: Any) -> None:
        await push(self.world, "ledger", entry(name, "charge", minor, **more))

    async def start(self, **body: Any) -> httpx.Response:
        return await self.world.post(MINE, self.world.here.patient, body)

    async def started(self, **body: Any) -> dict[str, Any]:
        answer = await self.start(**body)
        assert answer.status_code == 201, answer.text
        payment: dict[str, Any] = answer.json()
        return payment

    def session(self, payment: dict[str, Any]) -> dict[str, Any]:
        """The session that the peer made of a payment."""
        [found] = [
            each for each in self.peer.sessions.values() if each["metadata"]["payment_id"] == payment["payment_id"]
        ]
        return found

    async def tell(self, kind: str, thing: dict[str, Any]) -> httpx.Response:
        raw, headers = self.peer.event(kind, thing)
        return await self.world.http.post(HOOK, content=raw, headers=headers)

    async def paid(self, payment: dict[str, Any]) -> None:
        """The patient pays on the page, and Stripe tells."""
        session = self.peer.pay(self.session(payment)["id"])
        told = await self.tell("checkout.session.completed", session)
        assert told.status_code == 204, told.text

    async def payment(self, payment: dict[str, Any]) -> dict[str, Any]:
        answer = await self.world.get(f"{MINE}/{payment['payment_id']}", self.world.here.patient)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def balance(self) -> dict[str, int]:
        answer = await self.world.get("/v1/me/account", self.world.here.patient)
        [balance] = answer.json()["balances"]
        return {name: each["amount_minor"] for name, each in balance.items()}

    async def events(self) -> list[str]:
        """The kinds of what happened to payments, in order."""
        async with self.world.database.reading(self.world.here.scope) as reading:
            told = text(
                "select kind from event where kind ~ '^(payment|pay_link)[.]' and kind <> 'payment.posted' order by id"
            )
            return list((await reading.execute(told)).scalars())


@asynccontextmanager
async def a_till(world: World) -> AsyncIterator[Till]:
    peer = StripePeer()
    await peer.start()
    provider = StripePayments(SECRET_KEY, WEBHOOK_SECRET, f"{HOST}/paid", peer.url)
    ports = replace(world.ports, payments=provider)
    transport = httpx.ASGITransport(app=create_app(ports, {"127.0.0.1"}), raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url=HOST, event_hooks={"response": [check]})
    try:
        yield Till(replace(world, ports=ports, http=http), peer)
    finally:
        await http.aclose()
        await provider.close()
        await peer.stop()
