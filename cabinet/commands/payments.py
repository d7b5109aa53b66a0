"""Payments through us: set one out, write down what the provider made of it, and what it tells.

Crash safety of a payment, from the patient's tap to the money:

- `open_payment` commits the row before anybody is asked. Killed after that, the same tap finds the same row.
- The provider is called outside any transaction, with the row's id as idempotency key and every parameter taken
  from the row: called again after a kill, a lost answer or by a second phone, it gives the one page it made.
- `note_page` writes the page down. Killed before its commit, the next call gets the same page.
- A notice that arrives before `note_page` finds the row by its id; what is told later never weighs less.
- A notice that never arrives: the worker asks (`payments_to_look_at`).

Nobody can pay on a page whose address was never handed out, so a row without a page just runs out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.payment import OPEN, PAGE_LIFE, PaymentStatus, Standing, Told, after, happened
from cabinet.payment_provider import Notice, Page, PaymentProvider
from cabinet.queries.booked import booked_sql, refunds_booked_sql
from cabinet.queries.payments import Debt, Payment, debt, payment_value
from cabinet.tables.account import LedgerEntry
from cabinet.tables.payment import PaymentIntent
from cabinet.tables.plan import TreatmentPlan
from clinic.commands import hold_patient, hold_patients
from clinic.queries.title import clinic_title
from core.database import Sweeping, Writing
from core.errors import Conflict, Invalid, NotFound
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id
from core.money import Money
from core.private import hold_marks

# The provider tells by itself; this is for when it does not.
_FIRST_LOOK = timedelta(minutes=5)
_NEXT_LOOK = timedelta(minutes=30)
LEASE = timedelta(minutes=2)


class NothingToPay(Conflict):
    """Nothing is owed, or what is owed is already on its way."""

    slug = "nothing-to-pay"


class PaymentOpen(Conflict):
    """Another payment of this patient waits for its money."""

    slug = "payment-open"


class PaymentDiffers(Invalid):
    """A notice speaks of another amount than we asked for: a person must look."""

    slug = "payment-differs"


@dataclass(frozen=True, slots=True)
class Look:
    """A payment of which nothing was heard for a while."""

    clinic_id: UUID
    payment_id: UUID
    provider: str
    provider_id: str | None
    expires_at: datetime


async def open_payment(
    writing: Writing,
    clinic_id: UUID,
    patient_id: UUID,
    plan_id: UUID | None,
    provider: PaymentProvider,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Set out to pay what is owed now, in whole or for a plan; the open payment of the same, where there is one.

    Raises `NotFound` (patient, plan), `NothingToPay`, `PaymentOpen`.
    """
    await hold_patient(writing, patient_id)
    await check_plan(writing, clinic_id, patient_id, plan_id)
    owed = await debt(writing, patient_id, plan_id, now)
    if owed is None:
        raise NothingToPay
    return await opened(writing, clinic_id, patient_id, owed, provider, actor, now)


async def check_plan(writing: Writing, clinic_id: UUID, patient_id: UUID, plan_id: UUID | None) -> None:
    """Raises `NotFound` for a plan that is not this patient's, or that this caller may not see any more.

    The patient's row must be held. Until the commit nobody hides the plan.
    """
    if plan_id is None:
        return
    await hold_marks(writing, clinic_id)
    theirs = exists().where(col(TreatmentPlan.id) == plan_id, col(TreatmentPlan.patient_id) == patient_id)
    if not (await writing.execute(select(theirs))).scalar_one():
        raise NotFound


async def opened(
    writing: Writing, clinic_id: UUID, patient_id: UUID, owed: Debt, provider: PaymentProvider, actor: Actor,
    now: datetime,
) -> UUID:  # fmt: skip
    """The payment of this debt, made or found. The patient's row must be held. Raises `PaymentOpen`.

    One that pays something private is private: who may not see the debt does not see it paid either.
    """
    standing = await _open_payment(writing, patient_id)
    if standing is not None:
        if _asks(standing) != owed or standing.expires_at <= now:
            raise PaymentOpen
        return standing.id
    row = PaymentIntent(
        clinic_id=clinic_id, id=new_id(), patient_id=patient_id, plan_id=owed.plan_id,
        amount_minor=owed.amount.amount_minor, currency=owed.amount.currency, status=PaymentStatus.CREATED.value,
        provider=provider.name, title=await clinic_title(writing, clinic_id) or "", return_url=provider.return_url,
        made_by_kind=actor.kind.value, made_by=actor.id, made_at=now, expires_at=now + PAGE_LIFE,
        look_at=now + _FIRST_LOOK, private=await _pays_private(writing, patient_id, owed),
    )  # fmt: skip
    # An open payment that this caller may not see is met here.
    made = insert(PaymentIntent).values(row.model_dump()).on_conflict_do_nothing().returning(col(PaymentIntent.id))
    if (await writing.execute(made)).scalar_one_or_none() is None:
        raise PaymentOpen
    await record(writing, clinic_id, actor, [_happening("payment.opened", row)], now)
    return row.id


async def _open_payment(writing: Writing, patient_id: UUID) -> PaymentIntent | None:
    statement = select(PaymentIntent).where(
        col(PaymentIntent.patient_id) == patient_id,
        col(PaymentIntent.status).in_([status.value for status in sorted(OPEN)]),
    )
    return (await writing.execute(statement)).scalar_one_or_none()


async def _pays_private(writing: Writing, patient_id: UUID, owed: Debt) -> bool:
    """Whether this debt has a part that is private, as far as the caller may see it."""
    mine = [col(LedgerEntry.patient_id) == patient_id, col(LedgerEntry.currency) == owed.amount.currency]
    if owed.plan_id is not None:
        mine.append(col(LedgerEntry.plan_id) == owed.plan_id)
    hidden = (col(LedgerEntry.private), col(LedgerEntry.voided).is_(False))
    statement = select(func.coalesce(func.sum(LedgerEntry.effect_minor), 0)).where(*mine, *hidden)
    return bool((await writing.execute(statement)).scalar_one())


def _asks(row: PaymentIntent) -> Debt:
    return Debt(Money(amount_minor=row.amount_minor, currency=row.currency), row.plan_id)


async def note_page(writing: Writing, payment_id: UUID, page: Page) -> Payment:
    """Write down where a payment is paid. Raises `NotFound`."""
    row = await _held(writing, payment_id)
    row.provider_id, row.page = page.provider_id, page.url
    row.status = after(_standing(row), Told(PaymentStatus.PENDING)).status.value
    return payment_value(row)


async def note_told(
    writing: Writing, clinic_id: UUID, payment_id: UUID, told: Told, actor: Actor, now: datetime
) -> Payment:
    """Write down what became of a payment. Told again, late or out of order, it changes nothing. Raises `NotFound`."""
    row = await _held(writing, payment_id)
    before = _standing(row)
    then = after(before, told)
    row.status, row.refunded_minor = then.status.value, min(then.refunded_minor, row.amount_minor)
    if before.status in OPEN and then.status not in OPEN:
        row.settled_at = now
    await record(writing, clinic_id, actor, [_happening(kind, row) for kind in happened(before, then)], now)
    return payment_value(row)


async def note_unmade(writing: Writing, clinic_id: UUID, payment_id: UUID, now: datetime) -> Payment:
    """Write down that the provider made no page, unless another call got one: nobody holds the address of this one.

    The patient may begin anew. Raises `NotFound`.
    """
    row = await _held(writing, payment_id)
    if row.provider_id is not None:
        return payment_value(row)
    return await note_told(writing, clinic_id, payment_id, Told(PaymentStatus.FAILED), SYSTEM, now)


async def note_booked(writing: Writing, clinic_id: UUID, references: Collection[str]) -> None:
    """Write down anew what the books say of the payments of these names, ours or the provider's."""
    if not references:
        return
    ours = [name for reference in references if (name := _uuid(reference)) is not None]
    named = or_(col(PaymentIntent.id).in_(ours), col(PaymentIntent.provider_id).in_(references))
    told = update(PaymentIntent).where(col(PaymentIntent.clinic_id) == clinic_id, named)
    told = told.values(booked=booked_sql(), refunds_booked_minor=refunds_booked_sql())
    await writing.execute(told.execution_options(synchronize_session=False))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def take_notice(writing: Writing, notice: Notice, now: datetime) -> None:
    """Believe a signed notice. Raises `NotFound`, `PaymentDiffers`."""
    row = await _held(writing, notice.payment_id)
    if _asks(row).amount != notice.amount:
        raise PaymentDiffers
    await note_told(writing, notice.clinic_id, notice.payment_id, notice.told, SYSTEM, now)


async def payments_to_look_at(sweeping: Sweeping, now: datetime, limit: int) -> Sequence[Look]:
    """Open payments of which nothing was heard, each leased to the caller for `LEASE`."""
    statement = (
        select(PaymentIntent)
        .where(
            col(PaymentIntent.look_at) <= now,
            col(PaymentIntent.status).in_([status.value for status in sorted(OPEN)]),
        )
        .order_by(col(PaymentIntent.look_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = (await sweeping.execute(statement)).scalars().all()
    for row in found:
        row.look_at = now + LEASE
    return [Look(row.clinic_id, row.id, row.provider, row.provider_id, row.expires_at) for row in found]


async def looked(writing: Writing, look: Look, told: Told, now: datetime) -> None:
    """Write down what the provider answered, and when to ask again."""
    await note_told(writing, look.clinic_id, look.payment_id, told, SYSTEM, now)
    row = await _held(writing, look.payment_id)
    row.look_at = now + _NEXT_LOOK


async def _held(writing: Writing, payment_id: UUID) -> PaymentIntent:
    """The patient first, as an erasure locks them. What came in while one waits is written down all the same."""
    owner = select(col(PaymentIntent.patient_id)).where(col(PaymentIntent.id) == payment_id)
    await hold_patients(writing, list((await writing.execute(owner)).scalars()))
    statement = select(PaymentIntent).where(col(PaymentIntent.id) == payment_id).with_for_update()
    row = (await writing.execute(statement)).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


def _standing(row: PaymentIntent) -> Standing:
    return Standing(PaymentStatus(row.status), row.refunded_minor)


def _happening(kind: str, row: PaymentIntent) -> Happening:
    facts = {"plan_id": str(row.plan_id)} if row.plan_id else {}
    return Happening(kind, row.id, patient_id=row.patient_id, facts=facts)
