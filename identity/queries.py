"""What is known of accounts, sessions and apps."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlmodel import col

from core.database import Reading
from identity.permissions import PartnerScope
from identity.phone import brake_prefix
from identity.sign_in import CodeHistory
from identity.tables import CodeChallenge, PartnerApp, Session


@dataclass(frozen=True, slots=True)
class PartnerStanding:
    app_id: UUID
    clinic_id: UUID
    system: str
    scopes: frozenset[PartnerScope]


@dataclass(frozen=True, slots=True)
class DeviceSession:
    """One line of the list of signed-in devices."""

    session_id: UUID
    device_name: str
    created_at: datetime
    last_seen_at: datetime


async def code_history(reading: Reading, phone: str, address: str, now: datetime) -> CodeHistory:
    """All counts that the brakes need, in one statement.

    What was held back counts against the address that asked, and against nobody else: or each retry would keep
    a brake closed.
    """
    day, hour = now - timedelta(days=1), now - timedelta(hours=1)
    in_hour = col(CodeChallenge.created_at) > hour
    sent, alike = col(CodeChallenge.sent), col(CodeChallenge.phone).startswith(brake_prefix(phone), autoescape=True)
    statement = select(
        func.array_agg(col(CodeChallenge.created_at)).filter(sent, col(CodeChallenge.phone) == phone),
        func.count().filter(in_hour, col(CodeChallenge.address) == address),
        func.count().filter(in_hour, sent, alike),
        func.count().filter(in_hour, sent),
        func.coalesce(func.sum(CodeChallenge.failures).filter(in_hour), 0),
    ).where(col(CodeChallenge.created_at) > day, or_(in_hour, col(CodeChallenge.phone) == phone))
    row = (await reading.execute(statement)).one()
    return CodeHistory(tuple(sorted(row[0] or ())), row[1], row[2], row[3], row[4])


def live_session(session_id: Any, account_id: Any, now: Any) -> ColumnElement[bool]:
    """SQL: the session is this account's, was not revoked, and neither `idle_until` nor `ends_at` has come.

    The one meaning of signed in, for the statements of packages above.
    """
    return (
        select(col(Session.id))
        .where(
            col(Session.id) == session_id,
            col(Session.account_id) == account_id,
            *_live(now),
        )
        .exists()
    )


def _live(now: Any) -> tuple[ColumnElement[bool], ...]:
    return (col(Session.revoked_at).is_(None), col(Session.idle_until) > now, col(Session.ends_at) > now)


async def session_lives(reading: Reading, account_id: UUID, session_id: UUID, now: datetime) -> bool:
    """Whether the session a token speaks of is still signed in."""
    lives: bool = (await reading.execute(select(live_session(session_id, account_id, now)))).scalar_one()
    return lives


async def partner_standing(reading: Reading, app_id: UUID) -> PartnerStanding | None:
    app = (await reading.execute(_app(app_id))).scalar_one_or_none()
    if app is None:
        return None
    known = frozenset(scope for scope in PartnerScope if scope in app.scopes)
    return PartnerStanding(app.id, app.clinic_id, app.system, known)


def _app(app_id: UUID) -> Select[PartnerApp]:
    return select(PartnerApp).where(col(PartnerApp.id) == app_id, col(PartnerApp.revoked_at).is_(None))


async def device_sessions(reading: Reading, account_id: UUID, clinic_id: UUID, now: datetime) -> list[DeviceSession]:
    statement = (
        select(Session)
        .where(
            col(Session.account_id) == account_id,
            col(Session.clinic_id) == clinic_id,
            *_live(now),
        )
        .order_by(col(Session.last_seen_at).desc())
        .limit(100)
    )
    rows = (await reading.execute(statement)).scalars()
    return [DeviceSession(row.id, row.device_name, row.created_at, row.last_seen_at) for row in rows]
