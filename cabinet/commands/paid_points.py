"""Points for money in the books: given for payments, and taken back when those are changed, voided or given back.

What an entry was when it was judged stands beside the ledger of points. An entry that reads otherwise now is judged
anew, under the account's lock: once, whether or not anything was left to take. What could not be taken, because it was
spent, is made good by points that come back: of a bill that is reversed, of an entry that is right after all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.account_balance import PAID, LedgerKind
from cabinet.commands.point_ledger import hold_accounts
from cabinet.commands.points import Accrual, accrue, take_back
from cabinet.loyalty import PointsKind, Programme, points_for, points_kept, points_of_payment
from cabinet.queries.points import programmes
from cabinet.tables.account import LedgerEntry
from cabinet.tables.loyalty import JudgedPayment, PointEntry, PointLot, ProgrammeRow
from clinic.queries.attendance import LOOK_BACK
from core.database import Sweeping, Writing
from core.events import SYSTEM, Actor
from core.money import Money
from core.upsert import OWN_SOURCE, hold_source

_REFUND = LedgerKind.REFUND.value
_MONEY = sorted(kind.value for kind in PAID)
_PAYMENTS = sorted(kind.value for kind in PAID - {LedgerKind.REFUND})
# What a change adds to the cause of its entry: the version that brought it.
_VERSION = re.compile(r":\d+$")
_MADE_GOOD = "owed:"


def payment_cause(source: str, external_id: str) -> str:
    """A payment's cause, from its name over there: told in the books and as points, it earns once."""
    return f"payment:{source}:{external_id}"


async def accrue_payments(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Judge up to `limit` payments that stand in the books and were not judged yet; how many there were."""
    due = (
        select(LedgerEntry)
        .join(
            ProgrammeRow,
            and_(
                col(ProgrammeRow.clinic_id) == LedgerEntry.clinic_id, col(ProgrammeRow.currency) == LedgerEntry.currency
            ),
        )
        .outerjoin(JudgedPayment, _judged())
        .where(
            col(LedgerEntry.kind).in_(_PAYMENTS),
            ~col(LedgerEntry.voided),
            col(LedgerEntry.posted_on) >= (now - LOOK_BACK).date(),
            col(ProgrammeRow.basis_points) > 0,
            col(LedgerEntry.posted_on) >= func.date(ProgrammeRow.payments_since),
            col(JudgedPayment.id).is_(None),
        )
        .order_by(col(LedgerEntry.clinic_id), col(LedgerEntry.id))
        .limit(limit)
    )
    rows = list((await sweeping.execute(due)).scalars())
    if rows:
        by_clinic = await programmes(sweeping, sorted({row.clinic_id for row in rows}))
        wanted = [_accrual(row, points_for(_paid(row), by_clinic[row.clinic_id])) for row in rows]
        fresh = {each.payment_id for each in await accrue(sweeping, wanted, SYSTEM, now)}
        earned = await _earned(sweeping, rows)
        theirs = [(row, earned.get((row.clinic_id, row.patient_id, _cause(row)))) for row in rows]
        await _hide_with(sweeping, [(row, entry.lot_id) for row, entry in theirs if entry and row.id not in fresh])
        judged = [_judgement(row, entry.points if entry else 0) for row, entry in theirs]
        await sweeping.execute(insert(JudgedPayment).on_conflict_do_nothing(), judged)
    return len(rows)


async def _hide_with(writing: Writing, lots: Sequence[tuple[LedgerEntry, UUID]]) -> None:
    """Points that were told before the books said the payment are hidden with it from now on (`core.private`)."""
    if lots:
        known = (col(PointLot.clinic_id) == bindparam("of_clinic"), col(PointLot.id) == bindparam("lot"))
        named = (
            update(PointLot.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
            .where(*known, col(PointLot.payment_id).is_(None))
            .values(payment_id=bindparam("payment"))
        )
        rows = [{"of_clinic": row.clinic_id, "lot": lot_id, "payment": row.id} for row, lot_id in lots]
        await writing.execute(named, rows)


async def _earned(writing: Writing, rows: Sequence[LedgerEntry]) -> dict[tuple[UUID, UUID, str], PointEntry]:
    """The accruals of these payments, made now or when their points were told."""
    statement = select(PointEntry).where(
        tuple_(col(PointEntry.clinic_id), col(PointEntry.cause)).in_([(row.clinic_id, _cause(row)) for row in rows]),
        col(PointEntry.kind) == PointsKind.ACCRUE.value,
    )
    found = (await writing.execute(statement)).scalars()
    return {(entry.clinic_id, entry.patient_id, entry.cause): entry for entry in found}


async def judge_anew(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Judge up to `limit` entries that changed since, and refunds that are new; how many there were.

    One by one: they are rare, and a refund is measured by what stands when its turn comes.
    """
    reads_otherwise = or_(
        col(JudgedPayment.paid_minor) != case((_counts(), -col(LedgerEntry.effect_minor)), else_=0),
        col(JudgedPayment.patient_id) != LedgerEntry.patient_id,
        col(JudgedPayment.currency) != LedgerEntry.currency,
    )
    new_refund = and_(
        col(JudgedPayment.id).is_(None),
        ~col(LedgerEntry.voided),
        col(LedgerEntry.currency) == ProgrammeRow.currency,
        col(LedgerEntry.posted_on) >= (now - LOOK_BACK).date(),
        col(LedgerEntry.posted_on) >= func.date(ProgrammeRow.payments_since),
    )
    due = (
        select(LedgerEntry)
        .join(ProgrammeRow, col(ProgrammeRow.clinic_id) == LedgerEntry.clinic_id)
        .outerjoin(JudgedPayment, _judged())
        .where(
            or_(
                and_(col(LedgerEntry.kind) == _REFUND, new_refund),
                reads_otherwise,  # of whatever kind it is now: a payment that is none any more earned nothing
            ),
            col(LedgerEntry.changed_at) >= now - LOOK_BACK,
        )
        .order_by(col(LedgerEntry.clinic_id), col(LedgerEntry.patient_id), col(LedgerEntry.id))
        .limit(limit)
    )
    rows = list((await sweeping.execute(due)).scalars())
    by_clinic = await programmes(sweeping, sorted({row.clinic_id for row in rows}))
    for row in rows:
        await _judge(sweeping, row, by_clinic[row.clinic_id], now)
    return len(rows)


@dataclass(frozen=True, slots=True)
class _Before:
    """What an entry was judged at; nobody's where it never was."""

    patient_id: UUID | None
    paid: Money
    points: int


async def _judge(writing: Writing, row: LedgerEntry, programme: Programme, now: datetime) -> None:
    """Give or take the difference between what the entry is worth now and what it was.

    The judgements of a clinic take turns, and what was read before one's turn is read anew.
    """
    await hold_source(writing, "judged_payment", row.clinic_id, OWN_SOURCE)
    await writing.refresh(row)
    before = await _before(writing, row)
    if (before.patient_id, before.paid) == (row.patient_id, _paid(row)):
        return
    patients = {row.patient_id, before.patient_id or row.patient_id}
    await hold_accounts(writing, {(row.clinic_id, patient_id) for patient_id in patients})
    if before.patient_id not in (None, row.patient_id):
        await _change(writing, row, before.patient_id, before.points, 0, now)
        before = _Before(None, before.paid.times(0), 0)
    points = await _points_of(writing, row, before, programme)
    await _change(writing, row, row.patient_id, before.points, points, now)
    written = insert(JudgedPayment).values(_judgement(row, points))
    columns = {name: written.excluded[name] for name in ("patient_id", "currency", "paid_minor", "points")}
    await writing.execute(written.on_conflict_do_update(index_elements=["clinic_id", "id"], set_=columns))


async def _before(writing: Writing, row: LedgerEntry) -> _Before:
    of_it = (col(JudgedPayment.clinic_id) == row.clinic_id, col(JudgedPayment.id) == row.id)
    statement = select(JudgedPayment).where(*of_it).execution_options(populate_existing=True)
    found = (await writing.execute(statement)).scalar_one_or_none()
    if found is None:
        return _Before(None, Money(amount_minor=0, currency=row.currency), 0)
    return _Before(found.patient_id, Money(amount_minor=found.paid_minor, currency=found.currency), found.points)


async def _points_of(writing: Writing, row: LedgerEntry, before: _Before, programme: Programme) -> int:
    if row.kind != _REFUND:
        return points_of_payment(before.points, before.paid, _paid(row), programme)
    paid_minor, earned = await _standing(writing, row)
    stays = Money(amount_minor=max(paid_minor + _paid(row).amount_minor, 0), currency=row.currency)
    return points_kept(earned, paid_minor, stays, programme) - earned


async def _standing(writing: Writing, row: LedgerEntry) -> tuple[int, int]:
    """The money of this patient that earned points and was not given back, and those points: without this entry."""
    statement = select(
        func.coalesce(func.sum(col(JudgedPayment.paid_minor)), 0), func.coalesce(func.sum(col(JudgedPayment.points)), 0)
    ).where(
        col(JudgedPayment.clinic_id) == row.clinic_id,
        col(JudgedPayment.patient_id) == row.patient_id,
        col(JudgedPayment.currency) == row.currency,
        col(JudgedPayment.id) != row.id,
        col(JudgedPayment.points) != 0,
    )
    paid_minor, points = (await writing.execute(statement)).one()
    return max(int(paid_minor), 0), max(int(points), 0)


async def _change(
    writing: Writing, row: LedgerEntry, patient_id: UUID, before: int, points: int, now: datetime
) -> None:
    cause = f"{_cause(row)}:{row.source_version}"
    if points > before:
        room = points - await _owed(writing, row.clinic_id, patient_id, row)
        more = min(points - before, room)
        given = Accrual(row.clinic_id, patient_id, cause, more, payment_id=row.id, private=row.private)
        await accrue(writing, [given], SYSTEM, now)
    elif points < before:
        taken = Accrual(row.clinic_id, patient_id, _cause(row), before - points)
        await take_back(writing, taken, f"un{cause}", SYSTEM, now)


async def make_good(
    writing: Writing, clinic_id: UUID, patient_id: UUID, returned: int, cause: str, actor: Actor, now: datetime
) -> None:
    """So many points came back to this patient: take those of them that a changed entry found spent."""
    owed = min(await _owed(writing, clinic_id, patient_id), returned)
    if owed > 0:
        await take_back(writing, Accrual(clinic_id, patient_id, cause, owed), f"{_MADE_GOOD}{cause}", actor, now)


async def _owed(writing: Writing, clinic_id: UUID, patient_id: UUID, besides: LedgerEntry | None = None) -> int:
    """How many points this patient was given for money beyond those it was judged at: they were spent when it changed.

    Below zero where fewer were given. Of `besides` what was given counts, and not what it was judged at.
    """
    mine = (col(JudgedPayment.clinic_id) == clinic_id, col(JudgedPayment.patient_id) == patient_id)
    judged = select(col(LedgerEntry.source), col(LedgerEntry.external_id), col(JudgedPayment.points)).where(
        *mine, _judged(), *([] if besides is None else [col(JudgedPayment.id) != besides.id])
    )
    worth = {payment_cause(row.source, row.external_id): int(row.points) for row in await writing.execute(judged)}
    causes = {*worth, *([] if besides is None else [_cause(besides)])}
    moved = select(col(PointEntry.cause), col(PointEntry.points)).where(
        col(PointEntry.clinic_id) == clinic_id, col(PointEntry.patient_id) == patient_id
    )
    given = sum(int(row.points) for row in await writing.execute(moved) if _is_of(row.cause, causes))
    return given - sum(worth.values())


def _is_of(cause: str, causes: set[str]) -> bool:
    """Whether a line of the ledger moved points for one of these: at first, with a change, or to make it good."""
    named = cause.removeprefix("un")
    return cause.startswith(_MADE_GOOD) or named in causes or _VERSION.sub("", named) in causes


def _accrual(row: LedgerEntry, points: int) -> Accrual:
    return Accrual(row.clinic_id, row.patient_id, _cause(row), points, payment_id=row.id, private=row.private)


def _cause(row: LedgerEntry) -> str:
    return payment_cause(row.source, row.external_id)


def _judgement(row: LedgerEntry, points: int) -> dict[str, object]:
    return {
        "clinic_id": row.clinic_id, "id": row.id, "patient_id": row.patient_id, "currency": row.currency,
        "paid_minor": _paid(row).amount_minor, "points": points,
    }  # fmt: skip


def _paid(row: LedgerEntry) -> Money:
    """The money an entry counts for: below zero where it was given back, none where it was voided or is none."""
    counts = row.kind in _MONEY and not row.voided
    return Money(amount_minor=-row.effect_minor if counts else 0, currency=row.currency)


def _counts() -> ColumnElement[bool]:
    """SQL: whether an entry is money that counts. The twin of `_paid`."""
    return and_(col(LedgerEntry.kind).in_(_MONEY), ~col(LedgerEntry.voided))


def _judged() -> ColumnElement[bool]:
    same = col(JudgedPayment.id) == LedgerEntry.id
    return and_(col(JudgedPayment.clinic_id) == LedgerEntry.clinic_id, same)
