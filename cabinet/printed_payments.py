"""The plain twin of a payment provider: its page is an address that one POST pays. For development, demo and tests.

`enamel` refuses it elsewhere. Its notices are signed and heard like a real provider's.
"""

import json
from datetime import datetime
from uuid import UUID

from cabinet.payment import PaymentStatus, Told
from cabinet.payment_provider import Notice, Order, Page, SignatureRefused
from cabinet.webhook_signature import is_signed, signed
from core.money import Money

PAGES = "/v1/hooks/printed-payments"


class PrintedPayments:
    """Remembers what it made for as long as the process lives; a worker beside it knows nothing and says `pending`."""

    name = "printed"

    def __init__(self, public_url: str, secret: str) -> None:
        self.return_url = public_url
        self._public_url = public_url.rstrip("/")
        self._secret = f"printed payments {secret}"
        self._orders: dict[str, Order] = {}
        self._told: dict[str, Told] = {}

    async def create(self, order: Order) -> Page:
        name = str(order.payment_id)
        self._orders.setdefault(name, order)
        return Page(name, f"{self._public_url}{PAGES}/{name}")

    async def retrieve(self, provider_id: str) -> Told:
        return self._told.get(provider_id, Told(PaymentStatus.PENDING))

    async def cancel(self, provider_id: str) -> Told:
        return self._told.setdefault(provider_id, Told(PaymentStatus.CANCELLED))

    def pay(self, payment_id: UUID, now: datetime) -> tuple[bytes, str] | None:
        """What the page's button does: the notice of a payment and its signature; None for a page that is not there."""
        name = str(payment_id)
        order = self._orders.get(name)
        if order is None or self._told.setdefault(name, Told(PaymentStatus.SUCCEEDED)).status in _CLOSED:
            return None
        body = {
            "clinic_id": str(order.clinic_id),
            "payment_id": name,
            "status": PaymentStatus.SUCCEEDED.value,
            "amount": order.amount.model_dump(),
        }
        raw = json.dumps(body).encode()
        return raw, signed(self._secret, raw, now)

    def heard(self, raw: bytes, signature: str, now: datetime) -> Notice | None:
        if not is_signed(self._secret, raw, signature, now):
            raise SignatureRefused
        body = json.loads(raw)
        told = Told(PaymentStatus(body["status"]), body.get("refunded_minor", 0))
        return Notice(UUID(body["clinic_id"]), UUID(body["payment_id"]), told, Money.model_validate(body["amount"]))

    async def close(self) -> None:
        """Nothing is held open."""


_CLOSED = frozenset({PaymentStatus.CANCELLED, PaymentStatus.EXPIRED})
