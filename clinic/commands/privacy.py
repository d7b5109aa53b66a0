"""Copies of a record, and how readers are named: ask, claim, settle, take away."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.privacy import COPY_LIFE, COPY_PAUSE, HIDDEN_SINCE, LEASE, LINK_LIFE, MOST_TRIES, CopyState, ReadersBy
from clinic.queries.privacy import CopyView, copy_view
from clinic.tables import PrivacyExport, PrivacyPolicy
from core.database import Sweeping, Writing
from core.errors import Conflict, Gone, NotFound, Refusal
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id

_UNTRACKED = {"synchronize_session": False}


class CopyNotReady(Conflict):
    """It is still being made, failed, or has been taken away after its time."""

    slug = "copy-not-ready"


class CopyLinkUsed(Gone):
    """The link was for one download, or its hour is over."""

    slug = "copy-link-used"


class CopyNotYours(Gone):
    """It was made when this account could open more of the record than now, or holds what was hidden or taken since."""

    slug = "copy-access-narrowed"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a copy, and how much of the record they may see."""

    account_id: UUID
    whole: bool
    scopes: frozenset[str]

    def check(self, *, whole: bool, scopes: Collection[str]) -> None:
        """Raises `CopyNotYours` for a copy with more in it than its asker may see by now."""
        if (whole and not self.whole) or not self.scopes.issuperset(scopes):
            raise CopyNotYours


@dataclass(frozen=True, slots=True)
class ClaimedCopy:
    """One copy that is ours to make until the lease ends; `attempts` counts this one."""

    clinic_id: UUID
    export_id: UUID
    patient_id: UUID
    whole: bool
    scopes: frozenset[str]
    attempts: int


@dataclass(frozen=True, slots=True)
class OpenedCopy:
    """A copy whose link has just been used."""

    export_id: UUID
    patient_id: UUID
    size_bytes: int
    whole: bool
    scopes: frozenset[str]


async def ask_copy(
    writing: Writing, clinic_id: UUID, patient_id: UUID, asker: Asker, actor: Actor, now: datetime
) -> CopyView:
    """Ask for a copy; one that is being made for the same account, or was asked for within the day, is given.

    The index lets one in at a time.
    """
    lying = await _lying(writing, patient_id, asker, now)
    if lying is not None:
        return copy_view(lying)
    row = {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "account_id": asker.account_id,
        "whole": asker.whole, "scopes": sorted(asker.scopes), "state": CopyState.ASKED.value, "asked_at": now,
        "attempts": 0,
    }  # fmt: skip
    fresh = insert(PrivacyExport).values(row).on_conflict_do_nothing().returning(PrivacyExport)
    made = (await writing.execute(fresh)).scalar_one_or_none()
    if made is not None:
        await record(writing, clinic_id, actor, [Happening("copy.asked", made.id, patient_id=patient_id)], now)
        return copy_view(made)
    mine = (col(PrivacyExport.patient_id) == patient_id, col(PrivacyExport.account_id) == asker.account_id)
    waiting = select(PrivacyExport).where(*mine, col(PrivacyExport.state) == CopyState.ASKED.value)
    held = (await writing.execute(waiting)).scalar_one_or_none()
    if held is None:
        raise CopyNotReady  # settled between the two statements: ask again
    return copy_view(held)


async def _lying(writing: Writing, patient_id: UUID, asker: Asker, now: datetime) -> PrivacyExport | None:
    """A ready copy of the same extent that is young enough to be given again."""
    statement = select(PrivacyExport).where(
        col(PrivacyExport.patient_id) == patient_id,
        col(PrivacyExport.account_id) == asker.account_id,
        col(PrivacyExport.state) == CopyState.READY.value,
        col(PrivacyExport.whole) == asker.whole,
        col(PrivacyExport.scopes) == sorted(asker.scopes),
        col(PrivacyExport.asked_at) > now - COPY_PAUSE,
    )
    return (await writing.execute(statement.limit(1))).scalar_one_or_none()


async def issue_copy_link(
    writing: Writing, asker: Asker, patient_id: UUID, export_id: UUID, link_hash: bytes, now: datetime
) -> datetime:
    """Bind a fresh one-time link to a copy, until when it is good; the one before is void.

    Raises `NotFound` for another account's copy, `CopyNotReady`, `CopyNotYours`.
    """
    mine = (
        col(PrivacyExport.id) == export_id,
        col(PrivacyExport.patient_id) == patient_id,
        col(PrivacyExport.account_id) == asker.account_id,
    )
    ready = (col(PrivacyExport.state) == CopyState.READY.value, col(PrivacyExport.expires_at) > now)
    expires_at = now + LINK_LIFE
    fresh = {"link_hash": link_hash, "link_expires_at": expires_at, "link_used_at": None}
    bound = update(PrivacyExport).where(*mine, *ready).values(fresh).returning(PrivacyExport)
    copy = (await writing.execute(bound, execution_options=_UNTRACKED)).scalar_one_or_none()
    if copy is None:
        raise await _why_not_ready(writing, *mine)
    asker.check(whole=copy.whole, scopes=copy.scopes)
    return expires_at


async def _why_not_ready(writing: Writing, *mine: ColumnElement[bool]) -> Refusal:
    scopes = (await writing.execute(select(col(PrivacyExport.scopes)).where(*mine))).scalar_one_or_none()
    if scopes is None:
        return NotFound()
    return CopyNotYours() if HIDDEN_SINCE in scopes else CopyNotReady()


async def open_copy(writing: Writing, account_id: UUID, link_hash: bytes, actor: Actor, now: datetime) -> OpenedCopy:
    """Spend a link: of any number at once one passes. Raises `NotFound` (not this account's), `CopyLinkUsed`.

    Whoever calls it lets `Asker.check` look at what the copy holds, before the commit.
    """
    mine = (col(PrivacyExport.link_hash) == link_hash, col(PrivacyExport.account_id) == account_id)
    good = (
        col(PrivacyExport.link_used_at).is_(None),
        col(PrivacyExport.link_expires_at) > now,
        col(PrivacyExport.state) == CopyState.READY.value,
    )
    spent = update(PrivacyExport).where(*mine, *good).values(link_used_at=now).returning(PrivacyExport)
    row = (await writing.execute(spent, execution_options=_UNTRACKED)).scalar_one_or_none()
    if row is None:
        known = (await writing.execute(select(col(PrivacyExport.id)).where(*mine))).scalar_one_or_none()
        raise CopyLinkUsed if known else NotFound
    fetched = Happening("copy.read", row.id, patient_id=row.patient_id)
    await record(writing, row.clinic_id, actor, [fetched], now)
    return OpenedCopy(row.id, row.patient_id, row.size_bytes or 0, row.whole, frozenset(row.scopes))


async def claim_copies(sweeping: Sweeping, now: datetime, limit: int) -> list[ClaimedCopy]:
    """Take up to `limit` copies to make, of all clinics; other workers skip them for the lease."""
    waiting = (
        select(col(PrivacyExport.clinic_id), col(PrivacyExport.id))
        .where(
            col(PrivacyExport.state) == CopyState.ASKED.value,
            col(PrivacyExport.attempts) < MOST_TRIES,
            _free(now),
        )
        .order_by(col(PrivacyExport.asked_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    taken = (
        update(PrivacyExport)
        .where(col(PrivacyExport.clinic_id) == waiting.c.clinic_id, col(PrivacyExport.id) == waiting.c.id)
        .values(lease_until=now + LEASE, attempts=PrivacyExport.attempts + 1)
        .returning(PrivacyExport)
    )
    rows = (await sweeping.execute(taken, execution_options=_UNTRACKED)).scalars()
    return [ClaimedCopy(r.clinic_id, r.id, r.patient_id, r.whole, frozenset(r.scopes), r.attempts) for r in rows]


async def settle_copy(sweeping: Sweeping, claimed: ClaimedCopy, size_bytes: int | None, now: datetime) -> bool:
    """The file is stored (or, `size_bytes` None, cannot be made); False where another worker was first."""
    ready = {"state": CopyState.READY.value, "size_bytes": size_bytes, "ready_at": now, "expires_at": now + COPY_LIFE}
    news = ready if size_bytes is not None else {"state": CopyState.FAILED.value}
    settled = (
        update(PrivacyExport)
        .where(
            col(PrivacyExport.clinic_id) == claimed.clinic_id,
            col(PrivacyExport.id) == claimed.export_id,
            col(PrivacyExport.state) == CopyState.ASKED.value,
        )
        .values(**news, lease_until=None)
        .returning(col(PrivacyExport.id))
    )
    if (await sweeping.execute(settled, execution_options=_UNTRACKED)).scalar_one_or_none() is None:
        return False
    kind = "copy.ready" if size_bytes is not None else "copy.failed"
    happening = Happening(kind, claimed.export_id, patient_id=claimed.patient_id)
    await record(sweeping, claimed.clinic_id, SYSTEM, [happening], now)
    return True


def _free(now: datetime) -> ColumnElement[bool]:
    """SQL: no worker is at it."""
    return or_(col(PrivacyExport.lease_until).is_(None), col(PrivacyExport.lease_until) <= now)


async def fail_copies(sweeping: Sweeping, now: datetime) -> None:
    """Give up what killed every worker that made it: none of them came to `settle_copy`."""
    dead = (col(PrivacyExport.state) == CopyState.ASKED.value, col(PrivacyExport.attempts) >= MOST_TRIES, _free(now))
    failed = update(PrivacyExport).where(*dead).values(state=CopyState.FAILED.value, lease_until=None)
    told = failed.returning(col(PrivacyExport.clinic_id), col(PrivacyExport.id), col(PrivacyExport.patient_id))
    for clinic_id, export_id, patient_id in (await sweeping.execute(told, execution_options=_UNTRACKED)).all():
        happening = Happening("copy.failed", export_id, patient_id=patient_id)
        await record(sweeping, clinic_id, SYSTEM, [happening], now)


async def copy_wanted(sweeping: Sweeping, claimed: ClaimedCopy) -> bool:
    """Whether somebody can still get it: an erasure may have come meanwhile, or something was hidden."""
    same = (col(PrivacyExport.clinic_id) == claimed.clinic_id, col(PrivacyExport.id) == claimed.export_id)
    given_up = col(PrivacyExport.state) == CopyState.FAILED.value
    return bool((await sweeping.execute(select(exists().where(*same, ~given_up)))).scalar_one())


async def hold_marks(sweeping: Sweeping, clinic_id: UUID) -> None:
    """Wait for whoever hides something of this clinic at this moment, and make them wait until the commit.

    What a copy is read from then has the mark, or is gone from there, or `narrow_copies` meets the copy.
    """
    lock = func.hashtextextended(f"copies {clinic_id}", 0)
    await sweeping.execute(select(func.pg_advisory_xact_lock(lock)))


def gives_up(attempts: int) -> bool:
    return attempts >= MOST_TRIES


async def expired_copies(sweeping: Sweeping, now: datetime, limit: int) -> list[ClaimedCopy]:
    """Copies whose time is over, or that nobody gets any more, and whose file is still there."""
    no_more = or_(col(PrivacyExport.expires_at) <= now, col(PrivacyExport.scopes).contains([HIDDEN_SINCE]))
    over = (col(PrivacyExport.state) == CopyState.READY.value, no_more)
    rows = (await sweeping.execute(select(PrivacyExport).where(*over).limit(limit))).scalars()
    return [ClaimedCopy(r.clinic_id, r.id, r.patient_id, r.whole, frozenset(r.scopes), r.attempts) for r in rows]


async def forget_copies(sweeping: Sweeping, export_ids: Collection[UUID]) -> None:
    """The files of these copies are gone."""
    gone = update(PrivacyExport).where(col(PrivacyExport.id).in_(list(export_ids)))
    await sweeping.execute(gone.values(state=CopyState.EXPIRED.value), execution_options=_UNTRACKED)


async def name_readers(writing: Writing, clinic_id: UUID, readers_by: ReadersBy, actor: Actor, now: datetime) -> None:
    """Decide how patients see who read their record."""
    row = {"clinic_id": clinic_id, "readers_by": readers_by.value, "changed_at": now}
    fresh = insert(PrivacyPolicy).values(row)
    kept = fresh.on_conflict_do_update(index_elements=["clinic_id"], set_={**row, "clinic_id": clinic_id})
    await writing.execute(kept)
    happening = Happening("privacy_policy.changed", clinic_id, facts={"readers_by": readers_by.value})
    await record(writing, clinic_id, actor, [happening], now)
