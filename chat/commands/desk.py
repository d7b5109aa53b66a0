"""Setting the desk up: how it works, who is on its rota, what it often says."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from chat.canned import is_left_open
from chat.desk_facts import MOST_CANNED, CannedText, DeskSettings, RotaMember
from chat.tables import CannedReply, ChatDesk, ChatRota
from clinic.queries.desk import known_branches, who_may_reply
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id

_UNTRACKED = {"synchronize_session": False}


class TooManyCannedReplies(Conflict):
    """A desk keeps so many texts."""

    slug = "too-many-canned-replies"


async def set_desk(writing: Writing, clinic_id: UUID, settings: DeskSettings, actor: Actor, now: datetime) -> None:
    """Say how the desk works from now on; who waits already waits by the new times. Raises `Invalid`."""
    await _check_references(writing, clinic_id, settings)
    values = settings.model_dump(mode="json") | {"escalate_to": settings.escalate_to, "changed_at": now}
    row = insert(ChatDesk).values(clinic_id=clinic_id, **values)
    await writing.execute(row.on_conflict_do_update(index_elements=["clinic_id"], set_=values))
    await record(writing, clinic_id, actor, [Happening("desk.changed", clinic_id)], now)


async def _check_references(writing: Writing, clinic_id: UUID, settings: DeskSettings) -> None:
    faults = []
    if len(set(settings.weekdays)) < len(settings.weekdays):
        faults.append(Fault("/weekdays", "given-twice"))
    branches = await known_branches(writing, clinic_id)
    for place, topic in enumerate(settings.topics):
        if topic.branch_id is not None and topic.branch_id not in branches:
            faults.append(Fault(f"/topics/{place}/branch_id", "unknown-reference"))
    if settings.escalate_to is not None and not await who_may_reply(writing, [settings.escalate_to]):
        faults.append(Fault("/escalate_to", "unknown-reference"))
    if faults:
        raise Invalid(*faults)


async def set_rota(
    writing: Writing, clinic_id: UUID, members: Sequence[RotaMember], actor: Actor, now: datetime
) -> None:
    """Say who is on the rota, all at once; who stays keeps their turn, who is new comes first. Raises `Invalid`."""
    known = await who_may_reply(writing, {member.staff_id for member in members})
    branches = await known_branches(writing, clinic_id)
    faults = [Fault(f"/members/{place}/staff_id", "unknown-reference")
              for place, each in enumerate(members) if each.staff_id not in known]  # fmt: skip
    faults += [Fault(f"/members/{place}/branch_ids", "unknown-reference")
               for place, each in enumerate(members) if not set(each.branch_ids) <= branches]  # fmt: skip
    if len({member.staff_id for member in members}) < len(members):
        faults.append(Fault("/members", "given-twice"))
    if faults:
        raise Invalid(*faults)
    await _wait_for_turn(writing, clinic_id)
    mine = col(ChatRota.clinic_id) == clinic_id
    # In the order in which a round of the worker takes them: neither ever waits for the other crosswise.
    await writing.execute(select(col(ChatRota.staff_id)).where(mine).order_by(col(ChatRota.staff_id)).with_for_update())
    gone = delete(ChatRota).where(mine, col(ChatRota.staff_id).not_in(known))
    await writing.execute(gone, execution_options=_UNTRACKED)
    if members:
        rows = insert(ChatRota).values([{"clinic_id": clinic_id, **member.model_dump()} for member in members])
        told = {name: rows.excluded[name] for name in ("branch_ids", "topics", "paused")}
        await writing.execute(rows.on_conflict_do_update(index_elements=["clinic_id", "staff_id"], set_=told))
    await record(writing, clinic_id, actor, [Happening("desk.rota_changed", clinic_id)], now)


async def pause_turns(writing: Writing, clinic_id: UUID, staff_id: UUID, *, paused: bool) -> bool:
    """Somebody on the rota gets nothing for now, or again; False for one who is not on it."""
    mine = (col(ChatRota.clinic_id) == clinic_id, col(ChatRota.staff_id) == staff_id)
    changed = update(ChatRota).where(*mine).values(paused=paused).returning(col(ChatRota.staff_id))
    found = await writing.execute(changed, execution_options=_UNTRACKED)
    return found.scalar_one_or_none() is not None


async def add_canned_reply(writing: Writing, clinic_id: UUID, text: CannedText, actor: Actor, now: datetime) -> UUID:
    """Counted one after the other. Raises `Invalid` for braces that are left open, and `TooManyCannedReplies`."""
    _check_braces(text)
    await _wait_for_turn(writing, clinic_id)
    kept = select(func.count()).where(col(CannedReply.clinic_id) == clinic_id)
    if (await writing.execute(kept)).scalar_one() >= MOST_CANNED:
        raise TooManyCannedReplies
    reply_id = new_id()
    values = {"clinic_id": clinic_id, "id": reply_id, "changed_at": now, **text.model_dump()}
    await writing.execute(insert(CannedReply).values(values))
    await record(writing, clinic_id, actor, [Happening("canned_reply.added", reply_id)], now)
    return reply_id


async def change_canned_reply(
    writing: Writing, clinic_id: UUID, reply_id: UUID, text: CannedText, actor: Actor, now: datetime
) -> None:
    """Raises `NotFound`, and `Invalid` for braces that are left open."""
    _check_braces(text)
    mine = (col(CannedReply.clinic_id) == clinic_id, col(CannedReply.id) == reply_id)
    values = {"changed_at": now, **text.model_dump()}
    changed = update(CannedReply).where(*mine).values(values).returning(col(CannedReply.id))
    if (await writing.execute(changed, execution_options=_UNTRACKED)).scalar_one_or_none() is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("canned_reply.changed", reply_id)], now)


async def _wait_for_turn(writing: Writing, clinic_id: UUID) -> None:
    """Nobody else sets this clinic's desk up until the commit."""
    whose = func.hashtextextended(f"desk {clinic_id}", 0)
    await writing.execute(select(func.pg_advisory_xact_lock(whose)))


def _check_braces(text: CannedText) -> None:
    if is_left_open(text.body):
        raise Invalid(Fault("/body", "unknown-variable"))


async def drop_canned_reply(writing: Writing, clinic_id: UUID, reply_id: UUID, actor: Actor, now: datetime) -> None:
    """Raises `NotFound`."""
    mine = (col(CannedReply.clinic_id) == clinic_id, col(CannedReply.id) == reply_id)
    gone = delete(CannedReply).where(*mine).returning(col(CannedReply.id))
    if (await writing.execute(gone, execution_options=_UNTRACKED)).scalar_one_or_none() is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("canned_reply.dropped", reply_id)], now)
