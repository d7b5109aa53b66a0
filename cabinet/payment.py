"""A payment through us: its states, what a provider may tell of it in any order, and what that changes."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from cabinet.account_balance import LedgerKind


class PaymentStatus(StrEnum):
    CREATED = "created"
    """Ours alone: the provider was not asked yet, or its answer was lost."""
    PENDING = "pending"
    """The provider waits for the patient, or for their bank."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    """All or part of it was given back."""


_P = PaymentStatus

OPEN = frozenset({_P.CREATED, _P.PENDING})
RECEIVED = frozenset({_P.SUCCEEDED, _P.REFUNDED})
# What a provider is told of as paid stands in the books as one of these.
BOOKED_AS = (LedgerKind.PAYMENT, LedgerKind.DEPOSIT)

# How much each state weighs against what is told later: money that came in is never untold, whatever came before.
_WEIGHT = {_P.CREATED: 0, _P.PENDING: 1, _P.FAILED: 2, _P.CANCELLED: 2, _P.EXPIRED: 2, _P.SUCCEEDED: 3, _P.REFUNDED: 4}

# A hosted page lives from 30 minutes to 24 hours (https://docs.stripe.com/api/checkout/sessions/create, expires_at).
PAGE_LIFE = timedelta(hours=23)
LINK_LIFE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a payment stands: its state and how much of it was given back, in minor units."""

    status: PaymentStatus
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider says of one payment. `refunded_minor` is all that was given back so far."""

    status: PaymentStatus
    refunded_minor: int = 0


def after(standing: Standing, told: Told) -> Standing:
    """Where a payment stands after something was told of it, twice, late or out of order: all ends the same."""
    refunded = max(standing.refunded_minor, told.refunded_minor)
    heavier = _WEIGHT[told.status] > _WEIGHT[standing.status]
    return replace(standing, status=told.status if heavier else standing.status, refunded_minor=refunded)


def happened(before: Standing, then: Standing) -> list[str]:
    """The events between two standings, each of which happens once in a payment's life (a refund: once a height)."""
    kinds = []
    if then.status in RECEIVED and before.status not in RECEIVED:
        kinds.append("payment.succeeded")
    if then.refunded_minor > before.refunded_minor:
        kinds.append("payment.refunded")
    if then.status is not before.status and then.status in (_P.FAILED, _P.CANCELLED, _P.EXPIRED):
        kinds.append(f"payment.{then.status.value}")
    return kinds


def under_way(standing: Standing, amount_minor: int, *, booked: bool, refunds_booked_minor: int) -> int:
    """What of a payment the clinic's books do not say yet; below zero where money is on its way back.

    Booked in part is not booked: too little is asked for meanwhile, and never the same money twice.
    """
    if standing.status not in RECEIVED:
        return 0
    received = 0 if booked else amount_minor
    return received - max(standing.refunded_minor - refunds_booked_minor, 0)
