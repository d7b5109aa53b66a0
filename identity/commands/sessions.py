"""Sessions: open one for a device, renew it with its refresh token, end it."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from core.database import Writing
from core.errors import NotSignedIn
from identity.keys import Keys
from identity.secrets import RefreshToken, new_seed, parsed_refresh
from identity.sign_in import ACCESS_LIFE, Audience, RefreshState, RefreshVerdict, refresh_life, refresh_verdict
from identity.tables import Session
from identity.tokens import Claims


class RefreshRefused(NotSignedIn):
    slug = "refresh-refused"


class SessionEnded(NotSignedIn):
    """The token is in time, but its session was signed out."""

    slug = "session-ended"


@dataclass(frozen=True, slots=True)
class Device:
    """The phone or browser that signs in: a random key it keeps, and a name for the list."""

    key: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in_seconds: int


async def open_session(
    writing: Writing, keys: Keys, audience: Audience, account_id: UUID, clinic_id: UUID, device: Device, now: datetime
) -> TokenPair:
    """A new refresh family for this device; an earlier session of the same device ends."""
    idle, absolute = refresh_life(audience)
    same = (
        col(Session.account_id) == account_id,
        col(Session.clinic_id) == clinic_id,
        col(Session.device_key) == device.key,
        col(Session.revoked_at).is_(None),
    )
    await writing.execute(update(Session).where(*same).values(revoked_at=now))
    session = Session(
        account_id=account_id,
        clinic_id=clinic_id,
        audience=audience.value,
        device_key=device.key,
        device_name=device.name,
        refresh_seed=new_seed(),
        created_at=now,
        last_seen_at=now,
        idle_until=now + idle,
        ends_at=now + absolute,
    )
    writing.add(session)
    return _pair(keys, session, now)


async def renew_session(writing: Writing, keys: Keys, refresh: str, device_key: str, now: datetime) -> TokenPair | None:
    """Rotate: a new pair, or None where the token is refused.

    The row lock makes fifty parallel renewals one rotation and 49 repeats of the same pair. Reuse of an
    older token, or use on another device, ends the family; None is returned so that this is committed.
    """
    token = parsed_refresh(refresh)
    session = await _locked_session(writing, token) if token else None
    if token is None or session is None or not keys.secrets.proves(token, session.refresh_seed):
        return None
    match refresh_verdict(_state(session, token, device_key), now):
        case RefreshVerdict.ROTATE:
            session.generation += 1
            session.rotated_at = session.last_seen_at = now
            session.idle_until = now + refresh_life(Audience(session.audience))[0]
        case RefreshVerdict.REPEAT:
            pass
        case RefreshVerdict.REUSE:
            session.revoked_at = now
            return None
        case RefreshVerdict.REFUSE:
            return None
    return _pair(keys, session, now)


async def _locked_session(writing: Writing, token: RefreshToken) -> Session | None:
    statement = select(Session).where(col(Session.id) == token.session_id).with_for_update()
    return (await writing.execute(statement)).scalar_one_or_none()


def _state(session: Session, token: RefreshToken, device_key: str) -> RefreshState:
    return RefreshState(
        is_current=token.generation == session.generation,
        is_predecessor=token.generation == session.generation - 1,
        same_device=hmac.compare_digest(session.device_key.encode(), device_key.encode()),
        rotated_at=session.rotated_at,
        idle_until=session.idle_until,
        ends_at=session.ends_at,
        revoked=session.revoked_at is not None,
    )


def _pair(keys: Keys, session: Session, now: datetime) -> TokenPair:
    audience = Audience(session.audience)
    claims = Claims(audience, session.account_id, session.id, session.clinic_id, now + ACCESS_LIFE)
    return TokenPair(
        keys.tokens.issue(claims, now),
        keys.secrets.refresh_token(session.id, session.refresh_seed, session.generation),
        int(ACCESS_LIFE.total_seconds()),
    )


async def end_session(writing: Writing, account_id: UUID, session_id: UUID, now: datetime) -> bool:
    """Sign one device out; False where the account has no such live session."""
    statement = (
        update(Session)
        .where(col(Session.id) == session_id, col(Session.account_id) == account_id, col(Session.revoked_at).is_(None))
        .values(revoked_at=now)
        .returning(col(Session.id))
    )
    return (await writing.execute(statement)).scalar_one_or_none() is not None


async def end_staff_sessions(writing: Writing, clinic_id: UUID, account_id: UUID, now: datetime) -> None:
    """Sign a person out of every desk of this clinic."""
    mine = (
        col(Session.account_id) == account_id,
        col(Session.clinic_id) == clinic_id,
        col(Session.audience) == Audience.STAFF.value,
        col(Session.revoked_at).is_(None),
    )
    await writing.execute(update(Session).where(*mine).values(revoked_at=now))
