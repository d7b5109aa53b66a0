"""Payments through us and the links that ask for them, as patients, staff and the clinic's system see them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, case, func, or_, select
from sqlmodel import col

from cabinet.account_balance import PlanAccount
from cabinet.pay_link import PayLinkState
from cabinet.payment import OPEN, RECEIVED, PaymentStatus
from cabinet.payment_provider import Order
from cabinet.queries.account import account, pending_of_payment
from cabinet.queries.booked import booked_minor_sql
from cabinet.tables.payment import PayLink, PaymentIntent
from clinic.queries.title import clinic_title
from core.database import Reading
from core.moments import Moment
from core.money import Money
from core.values import Value


class Payment(Value):
    """A payment made, or being made, through us. While it is `pending`, `page` is where to pay."""

    payment_id: UUID
    amount: Money
    refunded: Money
    status: PaymentStatus
    plan_id: UUID | None
    page: str | None = Field(max_length=2000, examples=["https://checkout.stripe.com/c/pay/cs_1"])
    made_at: Moment
    expires_at: Moment


class ReceivedPayment(Value):
    """Money that came in through us and that the clinic's books do not say yet: book it with this `payment_id`."""

    payment_id: UUID
    patient_id: UUID
    amount: Money
    refunded: Money
    not_booked: Money = Field(description="What is missing in the books; below zero a refund is.")
    plan_id: UUID | None
    provider: str
    provider_id: str | None
    settled_at: Moment | None


class PayLinkView(Value):
    """What whoever holds a link may see: who asks, and how much. Not for what, nor of whom."""

    clinic_name: str
    amount: Money
    state: PayLinkState
    expires_at: Moment


@dataclass(frozen=True, slots=True)
class Debt:
    """What a patient can pay now, in whole or for one plan."""

    amount: Money
    plan_id: UUID | None


async def payment(reading: Reading, patient_id: UUID, payment_id: UUID) -> Payment | None:
    statement = select(PaymentIntent).where(
        col(PaymentIntent.patient_id) == patient_id, col(PaymentIntent.id) == payment_id
    )
    found = (await reading.execute(statement)).scalar_one_or_none()
    return payment_value(found) if found else None


async def provider_id_of(reading: Reading, payment_id: UUID) -> str | None:
    """How the provider names a payment, where it was asked already."""
    statement = select(col(PaymentIntent.provider_id)).where(col(PaymentIntent.id) == payment_id)
    return (await reading.execute(statement)).scalar_one_or_none()


async def payments(reading: Reading, patient_id: UUID, *, after: UUID | None, limit: int) -> list[Payment]:
    """A patient's payments, newest first, past the id `after`."""
    statement = (
        select(PaymentIntent)
        .where(col(PaymentIntent.patient_id) == patient_id)
        .order_by(col(PaymentIntent.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(PaymentIntent.id) < after)
    return [payment_value(found) for found in (await reading.execute(statement)).scalars()]


def payment_value(row: PaymentIntent) -> Payment:
    status = PaymentStatus(row.status)
    return Payment(
        payment_id=row.id,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        refunded=Money(amount_minor=row.refunded_minor, currency=row.currency),
        status=status,
        plan_id=row.plan_id,
        page=row.page if status in OPEN else None,
        made_at=row.made_at,
        expires_at=row.expires_at,
    )


async def payments_not_booked(
    reading: Reading, clinic_id: UUID, *, after: UUID | None, limit: int
) -> list[ReceivedPayment]:
    """What came in through us and the clinic's books do not say, oldest first, past the id `after`."""
    missing = pending_of_payment()
    in_part = case((col(PaymentIntent.booked), 0), else_=booked_minor_sql())
    statement = (
        select(PaymentIntent, missing - in_part)
        .where(
            col(PaymentIntent.clinic_id) == clinic_id,
            col(PaymentIntent.status).in_([status.value for status in sorted(RECEIVED)]),
            missing != 0,
        )
        .order_by(col(PaymentIntent.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(PaymentIntent.id) > after)
    return [_received(row, minor) for row, minor in (await reading.execute(statement))]


async def with_money_under_way(reading: Reading, clinic_id: UUID, patient_ids: Collection[UUID]) -> set[UUID]:
    """Those of these patients who are paying now, or of whose payments the clinic's books do not say all."""
    received = col(PaymentIntent.status).in_([status.value for status in sorted(RECEIVED)])
    statement = select(col(PaymentIntent.patient_id)).where(
        col(PaymentIntent.clinic_id) == clinic_id,
        col(PaymentIntent.patient_id).in_(list(patient_ids)),
        or_(
            col(PaymentIntent.status).in_([status.value for status in sorted(OPEN)]),
            and_(received, pending_of_payment() != 0),
        ),
    )
    return set((await reading.execute(statement)).scalars())


def _received(row: PaymentIntent, missing: int) -> ReceivedPayment:
    return ReceivedPayment(
        payment_id=row.id,
        patient_id=row.patient_id,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        refunded=Money(amount_minor=row.refunded_minor, currency=row.currency),
        not_booked=Money(amount_minor=missing, currency=row.currency),
        plan_id=row.plan_id,
        provider=row.provider,
        provider_id=row.provider_id,
        settled_at=row.settled_at,
    )


async def order_of(reading: Reading, clinic_id: UUID, payment_id: UUID) -> tuple[Payment, Order] | None:
    """A payment, and what the provider is asked for: from the row alone."""
    statement = select(PaymentIntent).where(
        col(PaymentIntent.clinic_id) == clinic_id, col(PaymentIntent.id) == payment_id
    )
    row = (await reading.execute(statement)).scalar_one_or_none()
    if row is None:
        return None
    amount = Money(amount_minor=row.amount_minor, currency=row.currency)
    return payment_value(row), Order(clinic_id, row.id, amount, row.title, row.return_url, row.expires_at)


async def debt(reading: Reading, patient_id: UUID, plan_id: UUID | None, now: datetime) -> Debt | None:
    """What this patient can pay now: for a plan, never more than is owed in whole. None where that is nothing.

    With debts in several currencies the first by its code: each is paid by itself.
    """
    found = await account(reading, patient_id, now)
    whole = {each.payable.currency: each.payable for each in found.balances} if found else {}
    if plan_id is None:
        return next((Debt(amount, None) for amount in whole.values() if amount.amount_minor > 0), None)
    of_plan = next((each for each in found.plans if each.plan_id == plan_id), None) if found else None
    return _debt_of_plan(of_plan, whole) if of_plan else None


def _debt_of_plan(of_plan: PlanAccount, whole: dict[str, Money]) -> Debt | None:
    limit = whole[of_plan.payable.currency].amount_minor
    minor = min(of_plan.payable.amount_minor, limit)
    amount = Money(amount_minor=minor, currency=of_plan.payable.currency)
    return Debt(amount, of_plan.plan_id) if minor > 0 else None


async def pay_link_view(reading: Reading, clinic_id: UUID, token_hash: bytes, now: datetime) -> PayLinkView | None:
    """A link by the hash of its token; None where there is none."""
    paid = (
        select(func.count())
        .where(
            col(PaymentIntent.clinic_id) == PayLink.clinic_id,
            col(PaymentIntent.id) == PayLink.payment_id,
            col(PaymentIntent.status).in_([status.value for status in sorted(RECEIVED)]),
        )
        .correlate(PayLink)
        .scalar_subquery()
    )
    state = case(
        (paid > 0, PayLinkState.PAID.value),
        (col(PayLink.withdrawn_at).is_not(None), PayLinkState.WITHDRAWN.value),
        (col(PayLink.expires_at) <= now, PayLinkState.EXPIRED.value),
        else_=PayLinkState.OPEN.value,
    )
    statement = select(PayLink, state).where(col(PayLink.clinic_id) == clinic_id, col(PayLink.token_hash) == token_hash)
    row = (await reading.execute(statement)).one_or_none()
    title = await clinic_title(reading, clinic_id)
    if row is None or title is None:
        return None
    link, standing = row
    amount = Money(amount_minor=link.amount_minor, currency=link.currency)
    return PayLinkView(clinic_name=title, amount=amount, state=PayLinkState(standing), expires_at=link.expires_at)
