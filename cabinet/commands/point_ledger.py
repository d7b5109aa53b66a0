"""The ledger of points: lines are appended, and the lots and balances they move are moved with them.

The ledger itself never changes. Balance and lots are what it adds up to, kept beside it so that one row can be
locked and one number be read; PostgreSQL refuses a balance below zero and a lot that holds more than it began with.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from cabinet.loyalty import Drawn, PointsKind
from cabinet.tables.loyalty import PointAccount, PointEntry, PointLot
from core.database import Writing
from core.events import Actor
from core.ids import new_id

Account = tuple[UUID, UUID]
"""(clinic_id, patient_id)."""


async def hold_accounts(writing: Writing, accounts: Iterable[Account]) -> None:
    """Open the accounts that are not there yet and lock all of them, in one order for everybody."""
    ordered = sorted(accounts)
    rows = [{"clinic_id": clinic_id, "patient_id": patient_id, "balance": 0} for clinic_id, patient_id in ordered]
    await writing.execute(upsert(PointAccount).values(rows).on_conflict_do_nothing())
    statement = (
        select(col(PointAccount.patient_id))
        .where(tuple_(col(PointAccount.clinic_id), col(PointAccount.patient_id)).in_(ordered))
        .order_by(col(PointAccount.clinic_id), col(PointAccount.patient_id))
        .with_for_update()
    )
    (await writing.execute(statement)).all()


def entry(
    clinic_id: UUID, patient_id: UUID, kind: PointsKind, moved: Drawn, cause: str, actor: Actor, now: datetime
) -> dict[str, Any]:
    """A line of the ledger. Whether it is hidden it has from its lot (`core.private`)."""
    return {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "lot_id": moved.lot_id, "kind": kind.value,
        "points": moved.points, "cause": cause, "reason": "", "actor_kind": actor.kind.value, "actor_id": actor.id,
        "at": now,
    }  # fmt: skip


async def _change_lots(writing: Writing, entries: Sequence[dict[str, Any]]) -> None:
    if entries:
        changed = (
            update(PointLot.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
            .where(col(PointLot.clinic_id) == bindparam("of_clinic"), col(PointLot.id) == bindparam("lot"))
            .values(left_points=col(PointLot.left_points) + bindparam("moved"))
        )
        rows = [{"of_clinic": each["clinic_id"], "lot": each["lot_id"], "moved": each["points"]} for each in entries]
        await writing.execute(changed, rows)


async def book(writing: Writing, entries: Sequence[dict[str, Any]]) -> None:
    """Append to the ledger and move lots and balances with it. Lots of accruals are full already."""
    if not entries:
        return
    await _change_lots(writing, [each for each in entries if each["kind"] != PointsKind.ACCRUE.value])
    await writing.execute(insert(PointEntry).execution_options(render_nulls=True), list(entries))
    moved: dict[Account, int] = {}
    for each in entries:
        account = (each["clinic_id"], each["patient_id"])
        moved[account] = moved.get(account, 0) + each["points"]
    changed = (
        update(PointAccount.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
        .where(
            col(PointAccount.clinic_id) == bindparam("of_clinic"), col(PointAccount.patient_id) == bindparam("patient")
        )
        .values(balance=col(PointAccount.balance) + bindparam("moved"))
    )
    rows = [
        {"of_clinic": clinic_id, "patient": patient_id, "moved": points}
        for (clinic_id, patient_id), points in sorted(moved.items())
    ]
    await writing.execute(changed, rows)
