"""Takes due messages out of the outbox, and judges each while its row is locked.

Lock order everywhere: the notice, then its deliveries. A claim never waits (SKIP LOCKED), so any number of
workers share the outbox, and no row is in two hands.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, insert, or_, select, update
from sqlmodel import col

from clinic.hours import Hours
from clinic.queries import openers
from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from core.ids import new_id
from identity.queries import live_session
from push.channel import Message, Target
from push.commands.batch import MOMENTS, NUMBERS, TEXTS, UNTRACKED, UUIDS, batch, keys, same_key
from push.commands.finishing import STILL_OPEN, finish
from push.commands.outbox import suppression
from push.consent import ConsentChannel
from push.gate import Claimed, Hold, Send, Stop, gate
from push.notice import NoticeKind, Purpose
from push.outcome import DeliveryState
from push.queries import consent_word
from push.tables import DeliveryRow, DeviceRow, NoticeRow
from push.wording import lock_screen

Passage = Send | Hold | Stop


@dataclass(frozen=True, slots=True)
class Due:
    """One message to one phone, held by one worker until its lease ends."""

    clinic_id: UUID
    delivery_id: UUID
    notice_id: UUID
    patient_id: UUID
    device_id: UUID
    cause_id: UUID | None
    purpose: Purpose
    attempt: int
    claimed_at: datetime
    expires_at: datetime
    """Of the notice, which may outlive `message`: what closes today may be tried again tomorrow."""
    target: Target
    message: Message
    account_id: UUID
    session_id: UUID
    """Whose phone it is, and by which sign-in."""


async def claim(sweeping: Sweeping, now: datetime, limit: int, lease: timedelta) -> list[Due]:
    """Up to `limit` notices that begin and `limit` tries that go on, each leased to the caller.

    What may not go out is not given: held rows wait for the opening, stopped ones end with their reason.
    """
    again = await _claim_tries(sweeping, now, limit, lease)
    return again + await _claim_notices(sweeping, now, limit, lease)


async def _claim_notices(sweeping: Sweeping, now: datetime, limit: int, lease: timedelta) -> list[Due]:
    """Spread notices that begin over the phones of everybody who may open the record."""
    rows = (await sweeping.execute(_beginning(now, limit))).all()
    judged = [(notice, gate(_claimed(notice, consent), now)) for notice, consent in rows]
    phones = await _phones(sweeping, [notice for notice, passage in judged if isinstance(passage, Send)], now)
    due = [
        _due(notice, phone, new_id(), 1, now)
        for notice, passage in judged
        for phone in phones[notice.id]
        if isinstance(passage, Send)
    ]
    unsent = [(notice, stop) for notice, passage in judged if (stop := _unsent(passage, phones[notice.id]))]
    await _insert_deliveries(sweeping, due, unsent, now, now + lease)
    ended = {notice.id for notice, _ in unsent}
    moved = [
        (notice.clinic_id, notice.id, "done" if notice.id in ended else "due", _look_again(passage))
        for notice, passage in judged
    ]
    await _move_notices(sweeping, moved)
    await _record_stops(sweeping, unsent, now)
    return due


def _beginning(now: datetime, limit: int) -> Select[NoticeRow, bool | None]:
    return (
        select(NoticeRow, consent_word(NoticeRow, ConsentChannel.PUSH))
        .where(col(NoticeRow.next_at).is_not(None), col(NoticeRow.next_at) <= now)
        .order_by(col(NoticeRow.next_at))
        .limit(limit)
        .with_for_update(of=NoticeRow, skip_locked=True)
    )


def _claimed(notice: NoticeRow, consent: bool | None, **more: Any) -> Claimed:
    return Claimed(Purpose(notice.purpose), notice.expires_at, _hours(notice), consent, **more)


def _hours(notice: NoticeRow) -> Hours | None:
    if notice.hours_zone is None or notice.hours_opens is None or notice.hours_closes is None:
        return None
    return Hours(
        notice.hours_zone, notice.hours_opens, notice.hours_closes, frozenset(notice.hours_weekdays or range(7))
    )


async def _phones(sweeping: Sweeping, notices: Sequence[NoticeRow], now: datetime) -> dict[UUID, list[DeviceRow]]:
    """The live phones by notice, in one statement."""
    phones: dict[UUID, list[DeviceRow]] = defaultdict(list)
    if not notices:
        return phones
    opener, names = openers(now), keys((notice.clinic_id, notice.id) for notice in notices)
    same_record = and_(
        opener.c.hears, opener.c.clinic_id == NoticeRow.clinic_id, opener.c.patient_id == NoticeRow.patient_id
    )
    same_account = and_(
        col(DeviceRow.clinic_id) == opener.c.clinic_id, col(DeviceRow.account_id) == opener.c.account_id
    )
    statement = (
        select(col(NoticeRow.id), DeviceRow)
        .join_from(names, NoticeRow, same_key(NoticeRow, names))
        .join(opener, same_record)
        .join(DeviceRow, same_account)
        .where(_alive(now), _for_this_phone())
    )
    for notice_id, phone in await sweeping.execute(statement):
        phones[notice_id].append(phone)
    return phones


def _for_this_phone() -> Any:
    """SQL: the notice is for every phone, or for this one's account and not brought about by this one."""
    whose, spared = col(NoticeRow.account_id), col(NoticeRow.spared_session_id)
    return and_(
        or_(whose.is_(None), whose == DeviceRow.account_id), or_(spared.is_(None), spared != DeviceRow.session_id)
    )


def _alive(now: datetime) -> Any:
    """SQL: the phone was not given up, and the session that brought its token is still signed in."""
    return and_(col(DeviceRow.dead_at).is_(None), live_session(DeviceRow.session_id, DeviceRow.account_id, now))


def _due(notice: NoticeRow, phone: DeviceRow, delivery_id: UUID, attempt: int, now: datetime) -> Due:
    kind = NoticeKind(notice.kind)
    title, text = ("", "") if notice.silent else lock_screen(kind, phone.locale)
    # A provider that reaches the phone only at night must let it be: the inbox keeps it.
    hours = _hours(notice)
    until = min(notice.expires_at, hours.closes_after(now)) if hours else notice.expires_at
    message = Message(
        notice.id, kind, title, text, notice.link, until, until - now,
        thread_id=notice.cause_id if kind is NoticeKind.CHAT else None, seq=notice.seq,
        badge=(notice.badges or {}).get(str(phone.account_id)), silent=notice.silent,
    )  # fmt: skip
    target = Target(phone.platform, phone.app_build, phone.token)
    purpose = Purpose(notice.purpose)
    return Due(
        notice.clinic_id, delivery_id, notice.id, notice.patient_id, phone.id,
        notice.cause_id, purpose, attempt, now, notice.expires_at, target, message,
        phone.account_id, phone.session_id,
    )  # fmt: skip


def _unsent(passage: Passage, phones: Sequence[DeviceRow]) -> Stop | None:
    match passage:
        case Stop():
            return passage
        case Send() if not phones:
            return Stop(DeliveryState.NO_DEVICE, "no-device")
    return None


def _look_again(passage: Passage) -> datetime | None:
    return passage.until if isinstance(passage, Hold) else None


async def _insert_deliveries(
    sweeping: Sweeping, due: list[Due], unsent: list[tuple[NoticeRow, Stop]], now: datetime, lease_until: datetime
) -> None:
    leased = DeliveryState.LEASED.value
    rows = [
        _delivery(each.clinic_id, each.delivery_id, each.notice_id, each.device_id, leased, "", 1, lease_until, now)
        for each in due
    ] + [
        _delivery(notice.clinic_id, new_id(), notice.id, None, stop.state.value, stop.reason, 0, now, now)
        for notice, stop in unsent
    ]
    if rows:
        await sweeping.execute(insert(DeliveryRow).execution_options(render_nulls=True), rows)


def _delivery(*values: Any) -> dict[str, Any]:
    names = ("clinic_id", "id", "notice_id", "device_id", "state", "reason", "attempt", "next_at", "created_at")
    return dict(zip(names, values, strict=True))


async def _move_notices(sweeping: Sweeping, rows: list[tuple[UUID, UUID, str, datetime | None]]) -> None:
    if not rows:
        return
    moved = batch({"clinic_id": UUIDS, "id": UUIDS, "state": TEXTS, "next_at": MOMENTS}, rows)
    statement = update(NoticeRow).where(same_key(NoticeRow, moved))
    await sweeping.execute(statement.values(state=moved.c.state, next_at=moved.c.next_at), execution_options=UNTRACKED)


async def _claim_tries(sweeping: Sweeping, now: datetime, limit: int, lease: timedelta) -> list[Due]:
    """Go on with tries whose time has come, and with those of workers that never answered."""
    rows = (await sweeping.execute(_going_on(now, limit))).all()
    judged = [
        (notice, tried, phone, gate(_claimed_again(notice, tried, consent, reachable), now))
        for tried, notice, phone, consent, reachable in rows
    ]
    await _move_tries(sweeping, [_moved(tried, passage, now + lease) for _, tried, _, passage in judged])
    stopped = [(notice, passage) for notice, _, _, passage in judged if isinstance(passage, Stop)]
    await finish(sweeping, [(notice.clinic_id, notice.id) for notice, _ in stopped])
    await _record_stops(sweeping, stopped, now)
    return [
        _due(notice, phone, tried.id, tried.attempt + 1, now)
        for notice, tried, phone, passage in judged
        if isinstance(passage, Send)
    ]


def _going_on(now: datetime, limit: int) -> Select[DeliveryRow, NoticeRow, DeviceRow, bool | None, bool]:
    opener = openers(now)
    hears = exists().where(
        opener.c.hears,
        opener.c.clinic_id == NoticeRow.clinic_id,
        opener.c.patient_id == NoticeRow.patient_id,
        opener.c.account_id == DeviceRow.account_id,
    )
    same_notice = and_(
        col(NoticeRow.clinic_id) == DeliveryRow.clinic_id, col(NoticeRow.id) == col(DeliveryRow.notice_id)
    )
    same_phone = and_(
        col(DeviceRow.clinic_id) == DeliveryRow.clinic_id, col(DeviceRow.id) == col(DeliveryRow.device_id)
    )
    return (
        select(
            DeliveryRow, NoticeRow, DeviceRow, consent_word(NoticeRow, ConsentChannel.PUSH), and_(_alive(now), hears)
        )
        .join(NoticeRow, same_notice)
        .join(DeviceRow, same_phone)
        .where(STILL_OPEN, col(DeliveryRow.next_at) <= now)
        .order_by(col(DeliveryRow.next_at))
        .limit(limit)
        .with_for_update(of=[DeliveryRow, NoticeRow], skip_locked=True)
    )


def _claimed_again(notice: NoticeRow, tried: DeliveryRow, consent: bool | None, reachable: bool) -> Claimed:
    lost = tried.state == DeliveryState.LEASED.value
    return _claimed(notice, consent, cancelled=notice.state == "cancelled", reachable=reachable, lease_lost=lost)


def _moved(tried: DeliveryRow, passage: Passage, lease_until: datetime) -> tuple[Any, ...]:
    key = (tried.clinic_id, tried.id)
    match passage:
        case Send():
            return (*key, DeliveryState.LEASED.value, "", tried.attempt + 1, lease_until)
        case Hold(until):
            return (*key, DeliveryState.DUE.value, tried.reason, tried.attempt, until)
        case Stop(state, reason):
            return (*key, state.value, reason, tried.attempt, tried.next_at)


async def _move_tries(sweeping: Sweeping, rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    moved = batch(
        {"clinic_id": UUIDS, "id": UUIDS, "state": TEXTS, "reason": TEXTS, "attempt": NUMBERS, "next_at": MOMENTS}, rows
    )
    news = {name: moved.c[name] for name in ("state", "reason", "attempt", "next_at")}
    statement = update(DeliveryRow).where(same_key(DeliveryRow, moved)).values(news)
    await sweeping.execute(statement, execution_options=UNTRACKED)


async def _record_stops(sweeping: Sweeping, stopped: Sequence[tuple[NoticeRow, Stop]], now: datetime) -> None:
    happenings: list[tuple[UUID, Happening]] = [
        (notice.clinic_id, suppression(notice, stop.reason)) for notice, stop in stopped
    ]
    await record_across(sweeping, SYSTEM, happenings, now)
