"""Sends what failed for good again, once the cause is mended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, cast, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from push.commands.batch import TEXTS, UNTRACKED, UUIDS, batch, same_key
from push.commands.forgetting import forget_deliveries
from push.commands.standing import reached, still_tried
from push.consent import ConsentChannel
from push.kinds import repeats
from push.notice import NoticeKind, Purpose
from push.outcome import DeliveryState
from push.tables import DeliveryRow, NoticeRow

_FAILED = DeliveryState.FAILED.value
MOST_REPLAYED = 1_000


async def replay(sweeping: Sweeping, reason: str, since: datetime, clinic_id: UUID | None, now: datetime) -> int:
    """Put up to `MOST_REPLAYED` notices back before the gate that failed for this reason since then; how many.

    Each keeps its id, so that what a phone shows is replaced, and passes consent, hours and caps anew. Passed over is
    what has expired, was cancelled, has reached somebody another way, or may have arrived and would be read twice.
    """
    found: dict[tuple[UUID, UUID], tuple[NoticeRow, list[DeliveryRow]]] = {}
    for notice, failed in (await sweeping.execute(_failed(reason, since, clinic_id, now))).all():
        found.setdefault((notice.clinic_id, notice.id), (notice, []))[1].append(failed)
    again = [(notice, failed) for notice, failed in found.values() if all(_may_repeat(notice, each) for each in failed)]
    if not again:
        return 0
    await _forget(sweeping, [each for _, failed in again for each in failed])
    await _put_back(sweeping, again, now)
    told = [(notice.clinic_id, _replayed(notice, reason)) for notice, _ in again]
    await record_across(sweeping, SYSTEM, told, now)
    return len(again)


def _failed(reason: str, since: datetime, clinic_id: UUID | None, now: datetime) -> Select[NoticeRow, DeliveryRow]:
    same = and_(col(NoticeRow.clinic_id) == DeliveryRow.clinic_id, col(NoticeRow.id) == col(DeliveryRow.notice_id))
    statement = (
        select(NoticeRow, DeliveryRow)
        .join(DeliveryRow, same)
        .where(
            col(DeliveryRow.state) == _FAILED,
            col(DeliveryRow.reason) == reason,
            col(DeliveryRow.created_at) >= since,
            col(NoticeRow.expires_at) > now,
            col(NoticeRow.state) != "cancelled",
            col(NoticeRow.reason) == "",
            ~reached(),
            ~still_tried(),
            or_(~col(DeliveryRow.maybe_arrived), col(NoticeRow.purpose) != Purpose.MARKETING.value),
        )
        .order_by(col(NoticeRow.clinic_id), col(NoticeRow.id))
        .limit(MOST_REPLAYED)
        .with_for_update(of=NoticeRow, skip_locked=True)
    )
    return statement if clinic_id is None else statement.where(col(DeliveryRow.clinic_id) == clinic_id)


def _may_repeat(notice: NoticeRow, failed: DeliveryRow) -> bool:
    channel = ConsentChannel(failed.channel)
    return not failed.maybe_arrived or repeats(NoticeKind(notice.kind), Purpose(notice.purpose), channel)


async def _forget(sweeping: Sweeping, failed: Sequence[DeliveryRow]) -> None:
    """Every delivery of these notices on these ways, also to other phones: the way begins anew."""
    named = sorted({(each.clinic_id, each.notice_id, each.channel) for each in failed})
    names = batch({"clinic_id": UUIDS, "notice_id": UUIDS, "channel": TEXTS}, named)
    same = and_(*(col(getattr(DeliveryRow, name)) == names.c[name] for name in ("clinic_id", "notice_id", "channel")))
    found = await sweeping.execute(select(col(DeliveryRow.clinic_id), col(DeliveryRow.id)).join(names, same))
    await forget_deliveries(sweeping, [(clinic_id, row_id) for clinic_id, row_id in found])


async def _put_back(sweeping: Sweeping, again: Sequence[tuple[NoticeRow, list[DeliveryRow]]], now: datetime) -> None:
    rows = []
    for notice, failed in again:
        gone = {each.channel for each in failed}
        # A place under a cap was given back unless a message may have left: then it is still this notice's own.
        keeps = "1" if any(each.maybe_arrived for each in failed) else ""
        rows.append((notice.clinic_id, notice.id, ",".join(each for each in notice.tried if each not in gone), keeps))
    kinds: dict[str, TypeEngine[Any]] = {"clinic_id": UUIDS, "id": UUIDS, "tried": TEXTS, "keeps": TEXTS}
    names = batch(kinds, rows)
    kept = func.nullif(names.c.keeps, "").is_not(None)
    news: dict[str, Any] = {
        "state": "due",
        "next_at": now,
        "tried": func.string_to_array(names.c.tried, ","),
        "rings": case((kept, col(NoticeRow.rings)), else_=cast(null(), JSONB)),
    }
    statement = update(NoticeRow).where(same_key(NoticeRow, names)).values(news)
    await sweeping.execute(statement, execution_options=UNTRACKED)


def _replayed(notice: NoticeRow, reason: str) -> Happening:
    facts = {"kind": notice.kind, "purpose": notice.purpose, "reason": reason}
    return Happening("push.replayed", notice.id, notice.patient_id, facts, notice.cause_id)
