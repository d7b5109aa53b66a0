"""Credentials: the passwords of staff and the client secrets of partner apps."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.errors import Invalid, NotFound, NotSignedIn, TooMany
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import OWN_SOURCE
from identity import passwords
from identity.keys import Keys
from identity.permissions import PartnerScope
from identity.secrets import new_client_secret
from identity.sign_in import PARTNER_ACCESS_LIFE, PASSWORD_PAUSE, PASSWORD_TRIES, PASSWORD_TRIES_IN_ALL, Audience
from identity.tables import Account, PartnerApp, PasswordTry, Session
from identity.tokens import Claims


class CredentialsWrong(NotSignedIn):
    slug = "credentials-wrong"


class PasswordTooShort(Invalid):
    slug = "password-too-short"


class SystemNameReserved(Invalid):
    """A system outside may not bear the name under which Enamel keeps its own rows."""

    slug = "system-name-reserved"


class PausedAfterFailures(TooMany):
    slug = "sign-in-paused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a password: at whose, and from where."""

    email: str
    address: str
    device_key: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What the password is to be compared with (None and None where nobody has this e-mail), and where it counts."""

    account_id: UUID | None
    password_hash: str | None
    buckets: frozenset[bytes]


async def take_try(writing: Writing, keys: Keys, attempt: Attempt, now: datetime) -> Tried:
    """Count a try before the password is looked at: commit it, compare with no session open, then `forgive`.

    Raises `PausedAfterFailures` when too many wrong ones came lately, from this address or from everywhere
    together. A device that was signed in before has a count of its own: nobody elsewhere can shut its owner out.
    """
    email = attempt.email.strip().lower()
    known_device = select(col(Session.id)).where(
        col(Session.account_id) == col(Account.id),
        col(Session.audience) == Audience.STAFF.value,
        col(Session.device_key) == attempt.device_key,
    )
    statement = select(col(Account.id), col(Account.password_hash), known_device.exists().label("known_device"))
    account = (await writing.execute(statement.where(col(Account.email) == email))).one_or_none()
    if account is not None and account.known_device:
        limits = {keys.secrets.keyed_hash("tries of a device", f"{email} {attempt.device_key}"): PASSWORD_TRIES}
    else:
        limits = {
            keys.secrets.keyed_hash("tries from an address", f"{email} {attempt.address}"): PASSWORD_TRIES,
            keys.secrets.keyed_hash("tries in all", email): PASSWORD_TRIES_IN_ALL,
        }
    if full := limits.keys() - await _counted(writing, limits, now):
        last = select(func.max(PasswordTry.failed_at)).where(col(PasswordTry.bucket).in_(full))
        until = ((await writing.execute(last)).scalar_one() or now) + PASSWORD_PAUSE
        raise PausedAfterFailures(retry_after_seconds=max(0, int((until - now).total_seconds())) + 1)
    if account is None:
        return Tried(None, None, frozenset(limits))
    return Tried(account.id, account.password_hash, frozenset(limits))


async def _counted(writing: Writing, limits: dict[bytes, int], now: datetime) -> set[bytes]:
    """The buckets that still had room. The rows' locks make parallel tries take turns, in one order for everybody."""
    over = col(PasswordTry.failed_at) <= now - PASSWORD_PAUSE
    fresh = insert(PasswordTry).values([{"bucket": each, "failures": 1, "failed_at": now} for each in sorted(limits)])
    counted = fresh.on_conflict_do_update(
        index_elements=["bucket"],
        set_={"failures": case((over, 1), else_=PasswordTry.failures + 1), "failed_at": now},
        where=or_(over, col(PasswordTry.failures) < case(limits, value=col(PasswordTry.bucket))),
    )
    return set((await writing.execute(counted.returning(col(PasswordTry.bucket)))).scalars())


async def forgive(writing: Writing, tried: Tried) -> None:
    """The password was right: what was counted on the way to it is forgotten."""
    mine = select(col(PasswordTry.bucket)).where(col(PasswordTry.bucket).in_(tried.buckets))
    locked = mine.order_by(col(PasswordTry.bucket)).with_for_update()
    await writing.execute(delete(PasswordTry).where(col(PasswordTry.bucket).in_(locked)))


async def make_staff_account(writing: Writing, email: str, password: str, now: datetime) -> UUID:
    if len(password) < passwords.SHORTEST:
        raise PasswordTooShort
    account = Account(email=email.strip().lower(), password_hash=await passwords.hashed(password), created_at=now)
    writing.add(account)
    return account.id


async def make_partner_app(
    writing: Writing, keys: Keys, clinic_id: UUID, name: str, system: str, now: datetime
) -> tuple[UUID, str]:
    """A new app of the clinic and its secret, which is shown this once. Raises `SystemNameReserved`."""
    if system == OWN_SOURCE:
        raise SystemNameReserved
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


async def revoke_partner_app(writing: Writing, clinic_id: UUID, app_id: UUID, actor: Actor, now: datetime) -> None:
    """Shut a clinic's app out: its secret and the tokens it holds stop at once. Raises `NotFound`."""
    mine = (col(PartnerApp.id) == app_id, col(PartnerApp.clinic_id) == clinic_id, col(PartnerApp.revoked_at).is_(None))
    revoked = update(PartnerApp).where(*mine).values(revoked_at=now).returning(col(PartnerApp.id))
    if (await writing.execute(revoked)).scalar_one_or_none() is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("partner_app.revoked", app_id)], now)
