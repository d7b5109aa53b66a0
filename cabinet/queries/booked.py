"""What the clinic's books say of payments through us: SQL to stand in a statement over payments."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, cast, func, or_, select
from sqlmodel import col

from cabinet.account_balance import LedgerKind
from cabinet.payment import BOOKED_AS
from cabinet.tables.account import LedgerEntry
from cabinet.tables.payment import PaymentIntent


def booked_sql() -> Any:
    """SQL: whether the books hold a payment whole, in one entry or in parts."""
    return booked_minor_sql() >= col(PaymentIntent.amount_minor)


def booked_minor_sql() -> Any:
    """SQL: what of a payment came in as the books say, in minor units."""
    return -_in_books(*BOOKED_AS)


def refunds_booked_sql() -> Any:
    """SQL: what of a payment was given back as the books say, in minor units."""
    return _in_books(LedgerKind.REFUND)


def _in_books(*kinds: LedgerKind) -> Any:
    summed = select(cast(func.coalesce(func.sum(LedgerEntry.effect_minor), 0), BigInteger))
    of_kind = col(LedgerEntry.kind).in_([kind.value for kind in kinds])
    return summed.where(*_speaks_of_payment(), of_kind).correlate(PaymentIntent).scalar_subquery()


def _speaks_of_payment() -> tuple[ColumnElement[bool], ...]:
    named = or_(
        col(LedgerEntry.reference) == cast(PaymentIntent.id, Text),
        col(LedgerEntry.reference) == PaymentIntent.provider_id,
    )
    return (
        col(LedgerEntry.clinic_id) == PaymentIntent.clinic_id,
        col(LedgerEntry.patient_id) == PaymentIntent.patient_id,
        col(LedgerEntry.currency) == PaymentIntent.currency,
        col(LedgerEntry.voided).is_(False),
        named,
    )
