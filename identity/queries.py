"""What is known of accounts, sessions and apps."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import col

from core.database import Reading
from identity.permissions import PartnerScope
from identity.phone import brake_prefix
from identity.sign_in import CodeHistory
from identity.tables import Account, CodeChallenge, PartnerApp, Session


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
    """All counts that the brakes need, in one statement."""
    day, hour = now - timedelta(days=1), now - timedelta(hours=1)
    in_hour = col(CodeChallenge.created_at) > hour
    statement = select(
        func.array_agg(col(CodeChallenge.created_at)).filter(col(CodeChallenge.phone) == phone),
        func.count().filter(and_(in_hour, col(CodeChallenge.address) == address)),
        func.count().filter(and_(in_hour, col(CodeChallenge.phone).startswith(brake_prefix(phone), autoescape=True))),
        func.count().filter(in_hour),
        func.coalesce(func.sum(CodeChallenge.failures).filter(in_hour), 0),
    ).where(col(CodeChallenge.created_at) > day, or_(in_hour, col(CodeChallenge.phone) == phone))
    row = (await reading.execute(statement)).one()
    return CodeHistory(tuple(sorted(row[0] or ())), row[1], row[2], row[3], row[4])


def live_session(session_id: Any, account_id: Any) -> ColumnElement[bool]:
    """SQL: the session exists, is this account's and was not revoked. For the statements of packages above."""
    return (
        select(col(Session.id))
        .where(
            col(Session.id) == session_id,
            col(Session.account_id) == account_id,
            col(Session.revoked_at).is_(None),
        )
        .exists()
    )


async def session_lives(reading: Reading, account_id: UUID, session_id: UUID) -> bool:
    """Whether the session a token speaks of is still signed in."""
    lives: bool = (await reading.execute(select(live_session(session_id, account_id)))).scalar_one()
    return lives


async def partner_standing(reading: Reading, app_id: UUID) -> PartnerStanding | None:
    app = (await reading.execute(_app(app_id))).scalar_one_or_none()
    if app is None:
        return None
    return PartnerStanding(app.id, app.clinic_id, app.system, frozenset(PartnerScope(scope) for scope in app.scopes))


def _app(app_id: UUID) -> Select[PartnerApp]:
    return select(PartnerApp).where(col(PartnerApp.id) == app_id, col(PartnerApp.revoked_at).is_(None))


async def device_sessions(reading: Reading, account_id: UUID, clinic_id: UUID, now: datetime) -> list[DeviceSession]:
    statement = (
        select(Session)
        .where(
            col(Session.account_id) == account_id,
            col(Session.clinic_id) == clinic_id,
            col(Session.revoked_at).is_(None),
            col(Session.idle_until) > now,
            col(Session.ends_at) > now,
        )
        .order_by(col(Session.last_seen_at).desc())
        .limit(100)
    )
    rows = (await reading.execute(statement)).scalars()
    return [DeviceSession(row.id, row.device_name, row.created_at, row.last_seen_at) for row in rows]


async def account_by_email(reading: Reading, email: str) -> Account | None:
    statement = select(Account).where(col(Account.email) == email)
    return (await reading.execute(statement)).scalar_one_or_none()
