"""What is known of accounts, sessions and apps."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, ScalarSelect, Select, func, literal_column, or_, select
from sqlmodel import col

from core.database import MOMENT_PARAMETER, UUID_PARAMETER, Reading, written
from core.moments import Moment
from core.values import Value
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


class PartnerAppView(Value):
    """A system that may push facts in. `system` names whose external ids it speaks of."""

    app_id: UUID
    name: str
    system: str = Field(examples=["mis"])
    scopes: list[PartnerScope] = Field(max_length=20)
    created_at: Moment


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


async def partner_apps(reading: Reading, clinic_id: UUID, *, after: UUID | None, limit: int) -> list[PartnerAppView]:
    """The systems that may push facts into this clinic, in the order of their admission, past the id `after`."""
    mine = (col(PartnerApp.clinic_id) == clinic_id, col(PartnerApp.revoked_at).is_(None))
    statement = select(PartnerApp).where(*mine).order_by(col(PartnerApp.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(PartnerApp.id) > after)
    return [
        PartnerAppView(
            app_id=row.id, name=row.name, system=row.system, created_at=row.created_at,
            scopes=[scope for scope in PartnerScope if scope in row.scopes],
        )
        for row in (await reading.execute(statement)).scalars()
    ]  # fmt: skip


def account_of(phone: Any) -> ScalarSelect[UUID]:
    """SQL: the account that signs in with this phone, or null."""
    return select(col(Account.id)).where(col(Account.phone) == phone).correlate_except(Account).scalar_subquery()


def phone_of(account_id: Any) -> ScalarSelect[str | None]:
    """SQL: the phone an account signs in with, or null."""
    return select(col(Account.phone)).where(col(Account.id) == account_id).correlate_except(Account).scalar_subquery()


def live_session(session_id: Any, account_id: Any, now: Any, *within: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL: the session is this account's, was not revoked, and neither `idle_until` nor `ends_at` has come.

    The one meaning of signed in, for the statements of packages above.
    """
    return (
        select(col(Session.id))
        .where(
            col(Session.id) == session_id,
            col(Session.account_id) == account_id,
            *_live(now),
            *within,
        )
        .exists()
    )


def live_session_sql(session_id: str, account_id: str, now: str, clinic_id: str) -> str:
    """The same of a session in this clinic, as text for statements that are written by hand; all names are SQL."""
    session, account, clinic = (literal_column(each, UUID_PARAMETER) for each in (session_id, account_id, clinic_id))
    return written(
        live_session(session, account, literal_column(now, MOMENT_PARAMETER), col(Session.clinic_id) == clinic)
    )


def _live(now: Any) -> tuple[ColumnElement[bool], ...]:
    return (col(Session.revoked_at).is_(None), col(Session.idle_until) > now, col(Session.ends_at) > now)


async def session_lives(reading: Reading, account_id: UUID, session_id: UUID, now: datetime) -> bool:
    """Whether the session a token speaks of is still signed in."""
    lives: bool = (await reading.execute(select(live_session(session_id, account_id, now)))).scalar_one()
    return lives


async def account_phone(reading: Reading, account_id: UUID) -> str | None:
    """The phone this account signs in with."""
    statement = select(col(Account.phone)).where(col(Account.id) == account_id)
    return (await reading.execute(statement)).scalar_one_or_none()


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
