"""Links that let somebody pay one amount without signing in: make, withdraw, begin to pay."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from cabinet.commands.payments import NothingToPay, check_plan, opened
from cabinet.pay_link import new_pay_token
from cabinet.payment import LINK_LIFE, RECEIVED
from cabinet.payment_provider import PaymentProvider
from cabinet.queries.payments import Debt, debt
from cabinet.tables.payment import PayLink, PaymentIntent
from clinic.commands import hold_patient, hold_patients
from core.database import Writing
from core.errors import Fault, Gone, Invalid, NotFound
from core.events import Actor, ActorKind, Happening, record
from core.ids import new_id
from core.money import Money
from identity.secrets import Secrets

_PURPOSE = "pay link"


class PayLinkOver(Gone):
    """Paid, withdrawn or past its time."""

    slug = "pay-link-over"


class MoreThanOwed(Invalid):
    slug = "more-than-owed"


def pay_token_hash(secrets: Secrets, token: str) -> bytes:
    """What is kept of a link's token."""
    return secrets.keyed_hash(_PURPOSE, token)


async def make_pay_link(
    writing: Writing, secrets: Secrets, clinic_id: UUID, patient_id: UUID, plan_id: UUID | None,
    amount: Money | None, actor: Actor, now: datetime,
) -> tuple[UUID, str, Money, datetime]:  # fmt: skip
    """A link for what is owed now, or for a part of it: its id, its token (shown this once), amount and end.

    Raises `NotFound` (patient, plan), `Invalid` (nothing, or in another currency), `NothingToPay`, `MoreThanOwed`.
    """
    await hold_patient(writing, patient_id)
    await check_plan(writing, clinic_id, patient_id, plan_id)
    asked = _asked(await debt(writing, patient_id, plan_id, now), amount)
    token, expires_at = new_pay_token(clinic_id), now + LINK_LIFE
    row = PayLink(
        clinic_id=clinic_id, id=new_id(), patient_id=patient_id, plan_id=plan_id, amount_minor=asked.amount_minor,
        currency=asked.currency, token_hash=pay_token_hash(secrets, token), made_by_kind=actor.kind.value,
        made_by=actor.id, made_at=now, expires_at=expires_at,
    )  # fmt: skip
    writing.add(row)
    await record(writing, clinic_id, actor, [Happening("pay_link.made", row.id, patient_id=patient_id)], now)
    return row.id, token, asked, expires_at


def _asked(owed: Debt | None, amount: Money | None) -> Money:
    if amount is not None and amount.amount_minor <= 0:
        raise Invalid(Fault("/amount/amount_minor", "not-positive"))
    if owed is None:
        raise NothingToPay
    if amount is None:
        return owed.amount
    if amount.currency != owed.amount.currency:
        raise Invalid(Fault("/amount/currency", "mixed-currencies"))
    if amount.amount_minor > owed.amount.amount_minor:
        raise MoreThanOwed(Fault("/amount/amount_minor", "more-than-owed"))
    return amount


async def withdraw_pay_link(
    writing: Writing, clinic_id: UUID, patient_id: UUID, link_id: UUID, actor: Actor, now: datetime
) -> None:
    """End a link. A payment that was begun by it goes on. Raises `NotFound`."""
    mine = (col(PayLink.id) == link_id, col(PayLink.patient_id) == patient_id)
    await hold_patients(writing, [patient_id])
    row = (await writing.execute(select(PayLink).where(*mine).with_for_update())).scalar_one_or_none()
    if row is None:
        raise NotFound
    if row.withdrawn_at is None:
        row.withdrawn_at = now
        await record(writing, clinic_id, actor, [Happening("pay_link.withdrawn", row.id, patient_id=patient_id)], now)


async def withdraw_pay_links(writing: Writing, clinic_id: UUID, patient_id: UUID, now: datetime) -> None:
    """End every link of a patient who is being erased; the erasure itself is what is recorded."""
    open_links = (col(PayLink.clinic_id) == clinic_id, col(PayLink.patient_id) == patient_id)
    ended = update(PayLink).where(*open_links, col(PayLink.withdrawn_at).is_(None), col(PayLink.expires_at) > now)
    await writing.execute(ended.values(withdrawn_at=now))


async def pay_by_link(
    writing: Writing, clinic_id: UUID, token_hash: bytes, provider: PaymentProvider, now: datetime
) -> UUID:
    """The payment of a link, begun or found: one at a time, for the link's amount.

    Raises `NotFound`, `PayLinkOver`, `NothingToPay` (it was paid elsewhere meanwhile), `PaymentOpen`.
    """
    of_token = (col(PayLink.clinic_id) == clinic_id, col(PayLink.token_hash) == token_hash)
    row = (await writing.execute(select(PayLink).where(*of_token))).scalar_one_or_none()
    if row is None:
        raise NotFound
    # The patient first, then the link: in the order everybody takes them in.
    await hold_patient(writing, row.patient_id)
    await writing.refresh(row, with_for_update=True)
    if row.withdrawn_at is not None or row.expires_at <= now or await _is_paid(writing, row):
        raise PayLinkOver
    amount = Money(amount_minor=row.amount_minor, currency=row.currency)
    owed = await debt(writing, row.patient_id, row.plan_id, now)
    if owed is None or owed.amount.currency != amount.currency or owed.amount.amount_minor < amount.amount_minor:
        raise NothingToPay
    actor = Actor(ActorKind.PATIENT)  # whoever holds the link: nobody signed in
    asked = Debt(amount, row.plan_id)
    row.payment_id = await opened(writing, clinic_id, row.patient_id, asked, provider, actor, now)
    return row.payment_id


async def _is_paid(writing: Writing, row: PayLink) -> bool:
    statement = select(col(PaymentIntent.status)).where(col(PaymentIntent.id) == row.payment_id)
    status = (await writing.execute(statement)).scalar_one_or_none()
    return status in {each.value for each in RECEIVED}
