"""The verbs of identity: send and spend codes, open, renew and end sessions, admit staff and apps."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.errors import Gone, Invalid, NotSignedIn, TooMany
from core.ids import new_id
from identity import passwords
from identity.permissions import PartnerScope
from identity.queries import account_by_email, code_history
from identity.secrets import RefreshToken, Secrets, new_client_secret, new_code, new_seed, parsed_refresh
from identity.sign_in import (
    ACCESS_LIFE,
    CODE_LIFE,
    CODE_TRIES,
    PARTNER_ACCESS_LIFE,
    PASSWORD_PAUSE,
    PASSWORD_TRIES,
    Audience,
    CodeVerdict,
    RefreshState,
    RefreshVerdict,
    code_verdict,
    refresh_life,
    refresh_verdict,
)
from identity.tables import Account, CodeChallenge, PartnerApp, Session
from identity.tokens import Claims, Tokens


class CodeTooSoon(TooMany):
    slug = "code-too-soon"


class CodeWrong(NotSignedIn):
    """Wrong, used, expired or tried too often: one answer for all, so that it is no oracle."""

    slug = "code-wrong"


class RefreshRefused(NotSignedIn):
    slug = "refresh-refused"


class CredentialsWrong(NotSignedIn):
    slug = "credentials-wrong"


class PasswordTooShort(Invalid):
    slug = "password-too-short"


class PausedAfterFailures(TooMany):
    slug = "sign-in-paused"


class SessionEnded(Gone):
    slug = "session-ended"


@dataclass(frozen=True, slots=True)
class CodeSent:
    """`code` goes to the phone and nowhere else; None where a silent brake held it back."""

    challenge_id: UUID
    code: str | None


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


class Keys:
    """What signs and hashes: made once from the secret and handed to the commands."""

    def __init__(self, secret: str) -> None:
        self.tokens = Tokens(secret)
        self.secrets = Secrets(secret)


async def send_code(writing: Writing, keys: Keys, phone: str, address: str, now: datetime) -> CodeSent:
    """Make a code for `phone` (E.164) asked for from `address`.

    Raises `CodeTooSoon` by the brakes that may be spoken of; the others are silent. The caller sends the
    code after the commit: a crash between the two costs the patient one "send again".
    """
    verdict, wait = code_verdict(await code_history(writing, phone, address, now), now)
    if verdict is CodeVerdict.WAIT:
        raise CodeTooSoon(retry_after_seconds=int(wait.total_seconds()) + 1)
    code, challenge_id = new_code(), new_id()
    # Earlier codes of the number die, so that a resend does not widen the guess.
    outdated = update(CodeChallenge).where(col(CodeChallenge.phone) == phone, col(CodeChallenge.used_at).is_(None))
    await writing.execute(outdated.values(used_at=now))
    writing.add(
        CodeChallenge(
            id=challenge_id,
            phone=phone,
            address=address,
            code_hash=keys.secrets.keyed_hash(f"code {challenge_id}", code),
            tries_left=CODE_TRIES,
            sent=verdict is CodeVerdict.SEND,
            created_at=now,
            expires_at=now + CODE_LIFE,
        )
    )
    return CodeSent(challenge_id, code if verdict is CodeVerdict.SEND else None)


async def spend_code(writing: Writing, keys: Keys, challenge_id: UUID, code: str, now: datetime) -> str | None:
    """Take one try; the phone that is proven, or None.

    It returns instead of raising because a wrong try must stay counted: commit before you refuse.
    Fifty parallel tries take at most five: the row's own update is the lock.
    """
    taken = (
        update(CodeChallenge)
        .where(
            col(CodeChallenge.id) == challenge_id,
            col(CodeChallenge.tries_left) > 0,
            col(CodeChallenge.used_at).is_(None),
            col(CodeChallenge.expires_at) > now,
        )
        .values(tries_left=CodeChallenge.tries_left - 1, failures=CodeChallenge.failures + 1)
        .returning(col(CodeChallenge.phone), col(CodeChallenge.code_hash))
    )
    row = (await writing.execute(taken)).one_or_none()
    given = keys.secrets.keyed_hash(f"code {challenge_id}", code)
    if row is None or not hmac.compare_digest(row.code_hash, given):
        return None
    right = update(CodeChallenge).where(col(CodeChallenge.id) == challenge_id)
    await writing.execute(right.values(used_at=now, failures=CodeChallenge.failures - 1))
    return str(row.phone)


async def account_of_phone(writing: Writing, phone: str, now: datetime) -> UUID:
    """The account of a proven phone, made when it is new."""
    made = insert(Account).values(id=new_id(), phone=phone, failures=0, created_at=now)
    kept = made.on_conflict_do_update(index_elements=["phone"], set_={"phone": made.excluded.phone})
    account_id: UUID = (await writing.execute(kept.returning(col(Account.id)))).scalar_one()
    return account_id


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


async def check_password(writing: Writing, email: str, password: str, now: datetime) -> UUID | None:
    """The account whose password this is, or None (commit it: the failure is counted).

    Raises `PausedAfterFailures` when too many wrong ones came lately; that pause is per account and not
    per address, because addresses are cheap.
    """
    account = await account_by_email(writing, email.strip().lower())
    if account is not None and account.failures >= PASSWORD_TRIES and account.failed_at is not None:
        until = account.failed_at + PASSWORD_PAUSE
        if now < until:
            raise PausedAfterFailures(retry_after_seconds=int((until - now).total_seconds()) + 1)
        account.failures = 0
    right = await passwords.matches(password, account.password_hash if account else None)
    if account is None:
        return None
    account.failures = 0 if right else account.failures + 1
    account.failed_at = None if right else now
    return account.id if right else None


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
