"""The clinic itself: found it, open its branches, admit its staff."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlmodel import col

from clinic.queries.desk import known_branches
from clinic.tables import Branch, Clinic, Staff
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from identity.commands import end_staff_sessions
from identity.permissions import Permission


class LastManager(Conflict):
    """Somebody must be left who may let people in and out."""

    slug = "last-manager"


async def found_clinic(
    writing: Writing, clinic_id: UUID, name: str, country: str, currency: str, language: str, now: datetime
) -> None:
    writing.add(
        Clinic(clinic_id=clinic_id, name=name, country=country, currency=currency, language=language, created_at=now)
    )
    await writing.flush()  # branches and staff of the same transaction refer to it


async def open_branch(writing: Writing, clinic_id: UUID, name: str, zone: str) -> UUID:
    branch = Branch(clinic_id=clinic_id, name=name, zone=zone)
    writing.add(branch)
    await writing.flush()  # patients of the same transaction refer to it
    return branch.id


async def admit_staff(
    writing: Writing, clinic_id: UUID, account_id: UUID, name: str, permissions: frozenset[Permission]
) -> UUID:
    staff = Staff(clinic_id=clinic_id, account_id=account_id, name=name, permissions=sorted(permissions))
    writing.add(staff)
    return staff.id


async def let_staff_go(writing: Writing, clinic_id: UUID, staff_id: UUID, actor: Actor, now: datetime) -> None:
    """A person leaves the clinic and is signed out of it everywhere. Raises `NotFound`, `LastManager`.

    All who manage staff are locked, or two of them could let each other go at once.
    """
    manages = col(Staff.permissions).contains([Permission.MANAGE_STAFF.value])
    present = select(Staff).where(col(Staff.left_at).is_(None), or_(manages, col(Staff.id) == staff_id))
    people = (await writing.execute(present.order_by(col(Staff.id)).with_for_update())).scalars().all()
    leaving = next((each for each in people if each.id == staff_id), None)
    if leaving is None:
        raise NotFound
    if people == [leaving] and Permission.MANAGE_STAFF in leaving.permissions:
        raise LastManager
    leaving.left_at = now
    await end_staff_sessions(writing, clinic_id, leaving.account_id, now)
    await record(writing, clinic_id, actor, [Happening("staff.left", staff_id)], now)


async def tie_staff(
    writing: Writing, clinic_id: UUID, staff_id: UUID, branch_ids: Sequence[UUID], actor: Actor, now: datetime
) -> None:
    """Say of which branches the conversations are theirs; none: of all. The same again changes nothing.

    Raises `NotFound`, and `Invalid` for a branch that is not the clinic's.
    """
    present = select(Staff).where(col(Staff.id) == staff_id, col(Staff.left_at).is_(None)).with_for_update()
    staff = (await writing.execute(present)).scalar_one_or_none()
    if staff is None:
        raise NotFound
    unknown = set(branch_ids) - await known_branches(writing, clinic_id)
    if unknown:
        places = [place for place, each in enumerate(branch_ids) if each in unknown]
        raise Invalid(*[Fault(f"/branch_ids/{place}", "unknown-reference") for place in places])
    if set(branch_ids) == set(staff.branch_ids):
        return
    staff.branch_ids = sorted(set(branch_ids))
    staff.tied_xid = func.pg_current_xact_id()  # type: ignore[assignment]  # PostgreSQL gives the number
    await record(writing, clinic_id, actor, [Happening("staff.tied", staff_id)], now)
