"""The port every payment provider fills: a page to pay on, what became of it, and what it tells by itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from cabinet.payment import Told
from core.errors import Conflict, NotSignedIn, Unavailable
from core.money import Money


class PaymentsUnreachable(Unavailable):
    """The provider does not answer, or its answer was lost: the same call may be made again."""

    slug = "payments-unreachable"


class PaymentsBroken(Unavailable):
    """The provider failed at this call and would say the same again: the payment is begun anew."""

    slug = "payments-broken"


class PaymentRefused(Conflict):
    """The provider will not take this payment: its amount, its currency, or our account there."""

    slug = "payment-refused"


class PaymentUnknown(PaymentRefused):
    """The provider has no such payment: it was made in another account there, and runs out when its page does."""

    slug = "payment-unknown"


class SignatureRefused(NotSignedIn):
    """A notice that the provider did not sign, or signed too long ago."""

    slug = "signature-refused"


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask money for. Everything in it comes from one row: asked again, it is the same to the letter."""

    clinic_id: UUID
    payment_id: UUID
    amount: Money
    title: str
    """What the page and the bank statement say: the clinic's name, never what was treated."""
    return_url: str
    """Where the page leads when it is done with."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Where the patient pays, and how the provider names this payment."""

    provider_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider tells by itself of one of our payments."""

    clinic_id: UUID
    payment_id: UUID
    told: Told
    amount: Money
    """What the payment was made for, as the provider knows it."""


class PaymentProvider(Protocol):
    """Each call is one request, never tried again here. Raises the refusals above."""

    name: str
    return_url: str
    """For new payments: it is kept in their rows."""

    async def create(self, order: Order) -> Page:
        """The page of this payment. However often it is called for one `payment_id`, there is one page."""
        ...

    async def retrieve(self, provider_id: str) -> Told: ...

    async def cancel(self, provider_id: str) -> Told:
        """Close the page; what is told is `cancelled`, or whatever made that impossible."""
        ...

    def heard(self, raw: bytes, signature: str, now: datetime) -> Notice | None:
        """A notice as it arrived; None for one that concerns no payment of ours. Raises `SignatureRefused`."""
        ...

    async def close(self) -> None: ...
