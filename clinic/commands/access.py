"""Who may open which record: given, changed, taken back, given up, and blocked whatever else was said."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from clinic.household import EVERY_SCOPE, AccessScope, Relation, Ward, first_minute, may_be_private
from clinic.queries import ward_of
from clinic.tables import Access, LinkCode
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotAllowed, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from core.private import mark_private
from identity.commands import account_of_phone

# SQL: what a guardian or carer holds: not one's own record, and not taken back.
_OF_OTHERS = (col(Access.relation) != Relation.SELF.value, col(Access.revoked_at).is_(None))


class NoRecordLinked(NotAllowed):
    """Signed in by phone, but no record is opened to this account yet: the desk's link code is the second proof."""

    slug = "no-record-linked"


class AccessTooNarrow(NotAllowed):
    """The account may open this record, but was not given this part of it."""

    slug = "access-too-narrow"


class OwnRecordAlreadyLinked(Conflict):
    """An account has one record of its own; every other one it opens as a guardian."""

    slug = "own-record-already-linked"


class WardOfAge(Conflict):
    """Grown-ups have no guardian: a carer acts for them, by a court or by proxy."""

    slug = "ward-of-age"


class WardNotOfAge(NotAllowed):
    """Who is a minor does not shut their guardians out; the clinic may."""

    slug = "ward-not-of-age"


class TooYoungForPrivate(Conflict):
    """Below the country's age nothing is hidden from a guardian."""

    slug = "too-young-for-private"


class AccessEndsInThePast(Invalid):
    slug = "access-ends-in-the-past"


async def grant_access(
    writing: Writing, clinic_id: UUID, account_id: UUID, patient_id: UUID, relation: str, now: datetime,
    *, scopes: Collection[AccessScope] = EVERY_SCOPE, ends_at: datetime | None = None,
) -> bool:  # fmt: skip
    """Let an account open a record, which proves it; granting again renews what was revoked, and one's own stays so.

    False where staff has blocked the account from this record: it stays shut.
    Raises `OwnRecordAlreadyLinked` where the account has another record of its own.
    """
    row = {
        "clinic_id": clinic_id, "id": new_id(), "account_id": account_id, "patient_id": patient_id,
        "relation": relation, "granted_at": now, "proven_at": now, "scopes": sorted(scopes),
        "ends_at": ends_at,
    }  # fmt: skip
    fresh = insert(Access).values(row)
    own = and_(col(Access.relation) == Relation.SELF.value, col(Access.revoked_at).is_(None))
    renewed = {
        "relation": case((own, col(Access.relation)), else_=fresh.excluded.relation),
        "scopes": fresh.excluded.scopes, "ends_at": case((own, None), else_=fresh.excluded.ends_at),
        "granted_at": now, "proven_at": now, "revoked_at": None, "guardian_id": None,
    }  # fmt: skip
    key = ["clinic_id", "account_id", "patient_id"]
    granted = fresh.on_conflict_do_update(index_elements=key, set_=renewed).returning(col(Access.blocked_at))
    try:
        return (await writing.execute(granted)).scalar_one() is None
    except IntegrityError as error:
        if "access_own" in str(error.orig):
            raise OwnRecordAlreadyLinked from None
        raise


async def change_access(
    writing: Writing, clinic_id: UUID, patient_id: UUID, access_id: UUID,
    scopes: Collection[AccessScope], ends_on: date | None, actor: Actor, now: datetime,
) -> None:  # fmt: skip
    """Give somebody else's access other bounds, from their next request on; they hold until the clinic says anew.

    Raises `NotFound` where there is none (one's own record has no bounds), `AccessEndsInThePast`.
    """
    ends_at = end_of_access(await ward(writing, patient_id), ends_on, now)
    bounds = {"scopes": sorted(scopes), "ends_at": ends_at, "guardian_id": None}
    named = (col(Access.id) == access_id, col(Access.patient_id) == patient_id)
    changed = update(Access).where(*named, *_OF_OTHERS).values(bounds)
    await _tell(writing, clinic_id, "record.access_changed", patient_id, changed, actor, now)


async def ward(writing: Writing, patient_id: UUID) -> Ward:
    """Whose record it is. Raises `NotFound`."""
    found = await ward_of(writing, patient_id)
    if found is None:
        raise NotFound
    return found


def end_of_access(whose: Ward, ends_on: date | None, now: datetime) -> datetime | None:
    """The first minute of `ends_on` where the patient is at home. Raises `AccessEndsInThePast`."""
    ends_at = first_minute(ends_on, whose.zone) if ends_on else None
    if ends_at is not None and ends_at <= now:
        raise AccessEndsInThePast(Fault("/ends_on", "in-the-past"))
    return ends_at


async def revoke_access(
    writing: Writing, clinic_id: UUID, patient_id: UUID, access_id: UUID, actor: Actor, now: datetime
) -> None:
    """Shut a record to an account, from its next request on. Raises `NotFound` where it was not open.

    Link codes of the same relation that nobody used yet end too: one of them may be in the same hands.
    """
    named = (col(Access.id) == access_id, col(Access.patient_id) == patient_id)
    relation = await _revoke(writing, clinic_id, patient_id, named, actor, now)
    await void_link_codes(writing, patient_id, relation, now)


async def give_up_ward(
    writing: Writing, clinic_id: UUID, account_id: UUID, patient_id: UUID, actor: Actor, now: datetime
) -> None:
    """A guardian or carer lays it down. Raises `NotFound` where they are none of this patient."""
    mine = (col(Access.account_id) == account_id, col(Access.patient_id) == patient_id)
    await _revoke(writing, clinic_id, patient_id, (*mine, *_OF_OTHERS), actor, now)


async def shut_out(
    writing: Writing, clinic_id: UUID, patient_id: UUID, access_id: UUID, actor: Actor, now: datetime
) -> None:
    """A grown-up shuts their record to somebody else. Raises `NotFound`, `WardNotOfAge`."""
    if not (await ward(writing, patient_id)).of_age(now):
        raise WardNotOfAge
    named = (col(Access.id) == access_id, col(Access.patient_id) == patient_id)
    relation = await _revoke(writing, clinic_id, patient_id, (*named, *_OF_OTHERS), actor, now)
    await void_link_codes(writing, patient_id, relation, now)


async def keep_private(
    writing: Writing, clinic_id: UUID, patient_id: UUID, kind: str, thing_id: UUID, actor: Actor, now: datetime,
    *, private: bool,
) -> None:  # fmt: skip
    """Hide one thing (see `core.private.mark_private`) from a teenager's guardians, or show it again.

    Raises `NotFound`, `TooYoungForPrivate`.
    """
    whose = await ward(writing, patient_id)
    await mark_private(writing, clinic_id, patient_id, kind, thing_id, private=private, actor=actor, now=now)
    if private and not may_be_private(whose, now):
        raise TooYoungForPrivate


async def block_access(
    writing: Writing, clinic_id: UUID, patient_id: UUID, phone: str, reason: str, actor: Actor, now: datetime
) -> UUID:
    """Keep whoever signs in with `phone` out of this record, whatever was or will be granted; the access's id.

    `reason` (the court's order, a danger to the child) is for staff alone. Raises `NotFound`.
    """
    await ward(writing, patient_id)
    account_id = await account_of_phone(writing, phone, now)
    block: dict[str, Any] = {"blocked_at": now, "block_reason": reason}
    row = {
        "clinic_id": clinic_id, "id": new_id(), "account_id": account_id, "patient_id": patient_id,
        "relation": Relation.GUARDIAN.value, "scopes": [], "granted_at": now, "revoked_at": now, **block,
    }  # fmt: skip
    key = ["clinic_id", "account_id", "patient_id"]
    blocked = insert(Access).values(row).on_conflict_do_update(index_elements=key, set_=block)
    access_id, relation = await _tell(writing, clinic_id, "record.blocked", patient_id, blocked, actor, now)
    await void_link_codes(writing, patient_id, relation, now)
    return access_id


async def lift_block(
    writing: Writing, clinic_id: UUID, patient_id: UUID, access_id: UUID, actor: Actor, now: datetime
) -> None:
    """What was granted before the block holds again. Raises `NotFound`; where there is no block, nothing changes."""
    named = (col(Access.id) == access_id, col(Access.patient_id) == patient_id)
    lifted = update(Access).where(*named).values(blocked_at=None, block_reason=None)
    await _tell(writing, clinic_id, "record.unblocked", patient_id, lifted, actor, now)


async def _revoke(
    writing: Writing, clinic_id: UUID, patient_id: UUID, which: tuple[Any, ...], actor: Actor, now: datetime
) -> str:
    revoked = update(Access).where(*which, col(Access.revoked_at).is_(None)).values(revoked_at=now)
    _, relation = await _tell(writing, clinic_id, "record.unlinked", patient_id, revoked, actor, now)
    return relation


async def void_link_codes(writing: Writing, patient_id: UUID, relation: str, now: datetime) -> None:
    """End the codes to this record as `relation` that nobody used yet."""
    same = (col(LinkCode.patient_id) == patient_id, col(LinkCode.relation) == relation)
    good = (col(LinkCode.used_at).is_(None), col(LinkCode.expires_at) > now)
    await writing.execute(update(LinkCode).where(*same, *good).values(expires_at=now))


async def _tell(
    writing: Writing, clinic_id: UUID, kind: str, patient_id: UUID, change: Any, actor: Actor, now: datetime
) -> tuple[UUID, str]:
    """Make the change of one access and record it; its id and relation. Raises `NotFound` where there is none."""
    changed = change.returning(col(Access.id), col(Access.account_id), col(Access.relation))
    row = (await writing.execute(changed)).one_or_none()
    if row is None:
        raise NotFound
    told = Happening(kind, row.account_id, patient_id=patient_id, facts={"relation": row.relation})
    await record(writing, clinic_id, actor, [told], now)
    return row.id, row.relation
