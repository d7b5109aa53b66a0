"""Speaks Stripe's HTTP API: one Checkout Session for each payment, its events, and nothing tried twice.

A hosted page, so that no card number ever passes through us, and one address serves app, push, SMS and messenger.
Any server that speaks the same protocol will do. Sources: https://docs.stripe.com/api/checkout/sessions/create,
…/api/idempotent_requests, …/webhooks.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp

from cabinet.payment import PaymentStatus, Told
from cabinet.payment_provider import (
    Notice,
    Order,
    Page,
    PaymentRefused,
    PaymentsBroken,
    PaymentsUnreachable,
    PaymentUnknown,
    SignatureRefused,
)
from cabinet.webhook_signature import is_signed
from core.money import Money

STRIPE = "https://api.stripe.com"
_SECONDS = 10.0
_LARGEST_ANSWER = 256 * 1024
_OK = 200
_MISSING = 404
_FAULTS = range(400, 500)
_BROKEN = range(500, 600)
# Not about this payment: throttled, or the same key is being worked on by another call of ours.
_COME_AGAIN = frozenset({408, 409, 429})
# Stripe counts these in other units than ISO 4217 does (https://docs.stripe.com/currencies#special-cases).
_OTHER_UNITS = frozenset({"ISK", "MGA", "UGX"})
# Of these it takes no amount whose last digit is not zero (the same page, three-decimal currencies).
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# A bank's later "no": the session stays complete and unpaid, its PaymentIntent says why
# (https://docs.stripe.com/payments/paymentintents/lifecycle).
_UNPAID_FOR_GOOD = frozenset({"requires_payment_method", "canceled"})

_P = PaymentStatus


class StripePayments:
    """The port over one Stripe account. Make it where the event loop runs; `close` it there."""

    name = "stripe"

    def __init__(self, secret_key: str, webhook_secret: str, return_url: str, url: str = STRIPE) -> None:
        self._secret_key = secret_key
        self._webhook_secret = webhook_secret
        self.return_url = return_url
        self._url = url.rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    async def create(self, order: Order) -> Page:
        if not _is_taken(order.amount):
            raise PaymentRefused
        form = session_form(order)
        session = await self._asked("POST", "/v1/checkout/sessions", form, key=f"enamel-{order.payment_id}")
        if not isinstance(session.get("id"), str) or not isinstance(session.get("url"), str):
            raise PaymentsUnreachable
        return Page(session["id"], session["url"])

    async def retrieve(self, provider_id: str) -> Told:
        return told_of_session(await self._asked("GET", _seen(provider_id)))

    async def cancel(self, provider_id: str) -> Told:
        """Only an open session can be expired; of another one Stripe is asked what became of it.

        Without an idempotency key: twice is harmless, and a failure that is kept under a key would be told for a day.
        """
        try:
            await self._asked("POST", f"/v1/checkout/sessions/{provider_id}/expire", {})
        except PaymentRefused:
            return told_of_session(await self._asked("GET", _seen(provider_id)))
        return Told(_P.CANCELLED)

    def heard(self, raw: bytes, signature: str, now: datetime) -> Notice | None:
        if not is_signed(self._webhook_secret, raw, signature, now):
            raise SignatureRefused
        return notice_of(_object(raw))

    async def _asked(
        self, method: str, path: str, form: Mapping[str, str] | None = None, *, key: str = ""
    ) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._secret_key}", **({"idempotency-key": key} if key else {})}
        try:
            async with self._session().request(
                method, self._url + path, data=form, headers=headers, allow_redirects=False
            ) as answer:
                raw = await answer.content.read(_LARGEST_ANSWER)
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise PaymentsUnreachable from None
        if answer.status == _MISSING:
            raise PaymentUnknown  # another account's: the key was changed since
        if answer.status in _FAULTS and answer.status not in _COME_AGAIN:
            raise PaymentRefused
        if answer.status in _BROKEN:
            raise PaymentsBroken  # kept under the key: the same call would be told the same
        if answer.status != _OK:
            raise PaymentsUnreachable
        return _object(raw)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            # trust_env: a clinic's way out may lead through a proxy.
            timeout = aiohttp.ClientTimeout(total=_SECONDS)
            self._http = aiohttp.ClientSession(timeout=timeout, trust_env=True)
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def _seen(provider_id: str) -> str:
    """Where a session is read, with its PaymentIntent."""
    return f"/v1/checkout/sessions/{provider_id}?expand%5B%5D=payment_intent"


def _is_taken(amount: Money) -> bool:
    """Whether Stripe counts this currency as ISO 4217 does, and can charge this amount of it."""
    ends_in_zero = amount.amount_minor % 10 == 0
    return amount.currency not in _OTHER_UNITS and (ends_in_zero or amount.currency not in _THREE_DECIMALS)


def session_form(order: Order) -> dict[str, str]:
    """The parameters of a Checkout Session. The metadata stand on session and charge, so every event bears them."""
    line = "line_items[0]"
    names = {"clinic_id": str(order.clinic_id), "payment_id": str(order.payment_id)}
    return {
        "mode": "payment",
        "success_url": order.return_url,
        "cancel_url": order.return_url,
        "client_reference_id": str(order.payment_id),
        "expires_at": str(int(order.expires_at.timestamp())),
        f"{line}[quantity]": "1",
        f"{line}[price_data][currency]": order.amount.currency.lower(),
        f"{line}[price_data][unit_amount]": str(order.amount.amount_minor),
        f"{line}[price_data][product_data][name]": order.title,
        **{f"metadata[{name}]": value for name, value in names.items()},
        **{f"payment_intent_data[metadata][{name}]": value for name, value in names.items()},
    }


def told_of_session(session: Mapping[str, Any]) -> Told:
    """A session is `open`, `complete` (paid, or waiting for a bank) or `expired`."""
    if session.get("payment_status") == "paid":
        return Told(_P.SUCCEEDED)
    intent = session.get("payment_intent")
    if session.get("status") == "complete" and isinstance(intent, dict) and intent.get("status") in _UNPAID_FOR_GOOD:
        return Told(_P.FAILED)
    return Told(_P.EXPIRED if session.get("status") == "expired" else _P.PENDING)


def notice_of(event: Mapping[str, Any]) -> Notice | None:
    """What an event tells of a payment of ours. Kinds we do not know and other shops' payments tell nothing."""
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict):
        return None
    told = _told(str(event.get("type")), thing)
    names = thing.get("metadata")
    if told is None or not isinstance(names, dict):
        return None
    try:
        clinic_id, payment_id = UUID(str(names["clinic_id"])), UUID(str(names["payment_id"]))
        amount = Money(amount_minor=_amount(thing), currency=str(thing["currency"]).upper())
    except (KeyError, ValueError):
        return None
    return Notice(clinic_id, payment_id, told, amount)


def _told(kind: str, thing: Mapping[str, Any]) -> Told | None:
    match kind:
        case "checkout.session.completed":
            return told_of_session(thing)
        case "checkout.session.async_payment_succeeded" | "payment_intent.succeeded":
            return Told(_P.SUCCEEDED)
        case "checkout.session.async_payment_failed":
            return Told(_P.FAILED)
        case "checkout.session.expired":
            return Told(_P.EXPIRED)
        case "charge.refunded":
            return Told(_P.REFUNDED, _whole(thing.get("amount_refunded")))
        case _:
            return None


def _amount(thing: Mapping[str, Any]) -> int:
    """A session says `amount_total`, an intent and a charge say `amount`."""
    return _whole(thing["amount_total"] if "amount_total" in thing else thing["amount"])


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("not a whole number")
    return value


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
