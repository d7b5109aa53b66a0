"""Stripe, played by a real HTTP server: one session for each key, pages that are paid, events that are signed."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from cabinet.webhook_signature import signed
from core.clock import now
from core.ids import new_id

SECRET_KEY = "sk_test_of_the_clinic"
WEBHOOK_SECRET = "whsec_of_the_clinic"


@dataclass(frozen=True, slots=True)
class Answer:
    """A scripted answer. `lost`: the session is made, then the connection is torn."""

    status: int = 200
    lost: bool = False


class StripePeer:
    """`script` holds the next answers to new sessions, `expiring` those to their ends; without one it is done.

    `arrivals_open` and `answers_open` are gates: closed, a request hangs before it is looked at, or after it is done.
    """

    def __init__(self) -> None:
        self.script: deque[Answer] = deque()
        self.expiring: deque[Answer] = deque()
        self._failed: dict[str, int] = {}
        self._coming = asyncio.Condition()
        self.sessions: dict[str, dict[str, Any]] = {}
        self.charges: list[str] = []
        self.calls: list[str] = []
        self.arrivals_open = asyncio.Event()
        self.answers_open = asyncio.Event()
        self.arrivals_open.set()
        self.answers_open.set()
        self.url = ""
        self._kept: dict[str, tuple[dict[str, Any], str]] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/checkout/sessions", self._create)
        app.router.add_get("/v1/checkout/sessions/{id}", self._retrieve)
        app.router.add_post("/v1/checkout/sessions/{id}/expire", self._expire)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self.arrivals_open.set()
        self.answers_open.set()
        assert self._runner is not None
        await self._runner.cleanup()

    def pay(self, session_id: str) -> dict[str, Any]:
        """What the patient does on the page; the charge. A session is paid once."""
        session = self.sessions[session_id]
        assert session["status"] == "open", "the page of a closed session takes no money"
        session |= {"status": "complete", "payment_status": "paid", "url": None}
        self.charges.append(session_id)
        return session

    def bank_refuses(self, session_id: str) -> None:
        """A payment by bank was begun on the page, and days later the bank said no."""
        intent = {"id": session_id.replace("cs_", "pi_"), "status": "requires_payment_method"}
        self.sessions[session_id] |= {"status": "complete", "url": None, "payment_intent": intent}

    def event(self, kind: str, thing: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """A webhook: its raw body and headers."""
        raw = json.dumps(
            {"id": f"evt_{new_id().hex}", "object": "event", "type": kind, "data": {"object": thing}}
        ).encode()
        return raw, {"stripe-signature": signed(WEBHOOK_SECRET, raw, now()), "content-type": "application/json"}

    async def arrived(self, many: int) -> None:
        """Waits until so many requests for a session have come."""
        async with self._coming:
            await self._coming.wait_for(lambda: self.calls.count("create") >= many)

    async def _create(self, request: web.Request) -> web.Response:
        self.calls.append("create")
        async with self._coming:
            self._coming.notify_all()
        await self.arrivals_open.wait()
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer = self._created(request, form)
        await self.answers_open.wait()
        return answer

    def _created(self, request: web.Request, form: dict[str, str]) -> web.Response:
        _check_access(request)
        reply = self.script.popleft() if self.script else Answer()
        if reply.status != 200:
            return web.json_response({"error": {"type": "api_error"}}, status=reply.status)
        key = request.headers["idempotency-key"]
        if key in self._kept:
            first, session_id = self._kept[key]
            if first != form:
                return web.json_response({"error": {"type": "idempotency_error"}}, status=400)
        else:
            session_id = f"cs_test_{len(self.sessions) + 1}"
            self._kept[key] = (form, session_id)
            self.sessions[session_id] = _session(session_id, form, self.url)
        if reply.lost:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(self.sessions[session_id])

    async def _retrieve(self, request: web.Request) -> web.Response:
        self.calls.append("retrieve")
        _check_access(request)
        found = self.sessions.get(request.match_info["id"])
        if found and "payment_intent" in found and request.query.get("expand[]") != "payment_intent":
            found = {**found, "payment_intent": found["payment_intent"]["id"]}
        return web.json_response(found or {"error": {"code": "resource_missing"}}, status=200 if found else 404)

    async def _expire(self, request: web.Request) -> web.Response:
        self.calls.append("expire")
        _check_access(request)
        session = self.sessions.get(request.match_info["id"])
        if session is None:
            return web.json_response({"error": {"code": "resource_missing"}}, status=404)
        key = request.headers.get("idempotency-key")
        failed = self._failed.get(key) if key else None
        if failed is None and self.expiring:
            failed = self.expiring.popleft().status
        if failed is not None:
            self._failed |= {key: failed} if key else {}
            return web.json_response({"error": {"type": "api_error"}}, status=failed)
        if session["status"] != "open":
            return web.json_response({"error": {"type": "invalid_request_error"}}, status=400)
        session |= {"status": "expired", "url": None}
        return web.json_response(session)


def _check_access(request: web.Request) -> None:
    assert request.headers["authorization"] == f"Bearer {SECRET_KEY}"


def _session(session_id: str, form: dict[str, str], url: str) -> dict[str, Any]:
    line = "line_items[0][price_data]"
    return {
        "id": session_id,
        "object": "checkout.session",
        "status": "open",
        "payment_status": "unpaid",
        "mode": form["mode"],
        "amount_total": int(form[f"{line}[unit_amount]"]) * int(form["line_items[0][quantity]"]),
        "currency": form[f"{line}[currency]"],
        "expires_at": int(form["expires_at"]),
        "metadata": {name: form[f"metadata[{name}]"] for name in ("clinic_id", "payment_id")},
        "url": f"{url}/c/pay/{session_id}",
    }


def intent_of(session: dict[str, Any]) -> dict[str, Any]:
    """The PaymentIntent of a session, as events show it: the metadata were given for it too."""
    return {
        "id": session["id"].replace("cs_", "pi_"),
        "object": "payment_intent",
        "amount": session["amount_total"],
        "currency": session["currency"],
        "metadata": session["metadata"],
    }


def charge_of(session: dict[str, Any], refunded: int) -> dict[str, Any]:
    """The charge of a session's intent: a copy of its metadata."""
    return {**intent_of(session), "object": "charge", "refunded": True, "amount_refunded": refunded}
