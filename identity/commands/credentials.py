"""Credentials: the passwords of staff and the client secrets of partner apps."""

import hmac
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, or_, select, update
from sqlmodel import col

from core.database import Writing
from core.errors import Invalid, NotSignedIn, TooMany
from core.ids import new_id
from identity import passwords
from identity.keys import Keys
from identity.permissions import PartnerScope
from identity.queries import account_by_email
from identity.secrets import new_client_secret
from identity.sign_in import PARTNER_ACCESS_LIFE, PASSWORD_PAUSE, PASSWORD_TRIES, Audience
from identity.tables import Account, PartnerApp
from identity.tokens import Claims


class CredentialsWrong(NotSignedIn):
    slug = "credentials-wrong"


class PasswordTooShort(Invalid):
    slug = "password-too-short"


class PausedAfterFailures(TooMany):
    slug = "sign-in-paused"


async def check_password(writing: Writing, email: str, password: str, now: datetime) -> UUID | None:
    """The account whose password this is, or None (commit it: the failure is counted).

    Raises `PausedAfterFailures` when too many wrong ones came lately; that pause is per account and not
    per address, because addresses are cheap.
    """
    account = await account_by_email(writing, email.strip().lower())
    if account is None:
        await passwords.matches(password, None)  # takes its time all the same
        return None
    if not await _try_taken(writing, account.id, now):
        until = (account.failed_at or now) + PASSWORD_PAUSE
        raise PausedAfterFailures(retry_after_seconds=max(0, int((until - now).total_seconds())) + 1)
    if not await passwords.matches(password, account.password_hash):
        return None
    await writing.execute(update(Account).where(col(Account.id) == account.id).values(failures=0, failed_at=None))
    return account.id


async def _try_taken(writing: Writing, account_id: UUID, now: datetime) -> bool:
    """Count one failure before the password is looked at: the row's lock makes parallel tries take turns."""
    over = or_(col(Account.failed_at).is_(None), col(Account.failed_at) <= now - PASSWORD_PAUSE)
    counted = case((over, 1), else_=Account.failures + 1)
    taken = (
        update(Account)
        .where(col(Account.id) == account_id, or_(col(Account.failures) < PASSWORD_TRIES, over))
        .values(failures=counted, failed_at=now)
        .returning(col(Account.id))
    )
    return (await writing.execute(taken)).scalar_one_or_none() is not None


async def make_staff_account(writing: Writing, email: str, password: str, now: datetime) -> UUID:
    if len(password) < passwords.SHORTEST:
        raise PasswordTooShort
    account = Account(email=email.strip().lower(), password_hash=await passwords.hashed(password), created_at=now)
    writing.add(account)
    return account.id


async def make_partner_app(
    writing: Writing, keys: Keys, clinic_id: UUID, name: str, system: str, now: datetime
) -> tuple[UUID, str]:
    """A new app of the clinic and its secret, which is shown this once."""
    app_id, secret = new_id(), new_client_secret()
    writing.add(
        PartnerApp(
            id=app_id,
            clinic_id=clinic_id,
            name=name,
            system=system,
            secret_hash=keys.secrets.keyed_hash(f"client {app_id}", secret),
            scopes=[scope.value for scope in PartnerScope],
            created_at=now,
        )
    )
    return app_id, secret


async def admit_partner(writing: Writing, keys: Keys, app_id: UUID, secret: str, now: datetime) -> tuple[str, int]:
    """An access token of the app and its life in seconds; raises `CredentialsWrong`."""
    statement = select(PartnerApp).where(col(PartnerApp.id) == app_id, col(PartnerApp.revoked_at).is_(None))
    app = (await writing.execute(statement)).scalar_one_or_none()
    given = keys.secrets.keyed_hash(f"client {app_id}", secret)
    if app is None or not hmac.compare_digest(app.secret_hash, given):
        raise CredentialsWrong
    claims = Claims(Audience.PARTNER, app.id, app.id, app.clinic_id, now + PARTNER_ACCESS_LIFE)
    return keys.tokens.issue(claims, now), int(PARTNER_ACCESS_LIFE.total_seconds())
