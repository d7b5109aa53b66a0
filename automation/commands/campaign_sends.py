"""Moves campaigns on: fixes the audience, hands messages to push, finds the better arm, and takes back at the end.

One campaign is in the hands of one worker at a time (its row is locked, and passed by where it is): the pace, the test
and the order of turns need no more, and a batch is a few statements, whatever its size.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.campaign import HOLDOUT, CampaignDraft, CampaignState
from automation.campaign_turns import AHEAD, Turn, arm_of, compared, decides_at, first_part, turns_of
from automation.queries.campaign_responses import arm_counts, standing_causes, told_of_offer
from automation.queries.campaigns import campaign_policy, draft_of
from automation.queries.days import AS_OF
from automation.queries.segments import segment_statement
from automation.tables import CampaignMember, CampaignRow
from cabinet.commands.audiences import list_members
from core.database import Sweeping
from core.events import Actor, ActorKind, Happening, record
from push.commands import cancel_across, enqueue_across
from push.commands.batch import MOMENTS, TEXTS, UNTRACKED, UUIDS, batch, same_key
from push.notice import Notice

RESPONSES_FOR = timedelta(days=14)
"""So long after its end a response still becomes a task."""
ABORTED, OVER = "campaign-aborted", "campaign-over"
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 3_600.0
_S = CampaignState


@dataclass(frozen=True, slots=True)
class _Held:
    """A campaign in this worker's hands."""

    sweeping: Sweeping
    row: CampaignRow
    draft: CampaignDraft
    now: datetime
    limit: int

    async def tell(self, kind: str, **facts: str) -> None:
        told = Happening(kind, self.row.id, facts=facts)
        await record(self.sweeping, self.row.clinic_id, Actor(ActorKind.AUTOMATION), [told], self.now)


async def advance_campaign(sweeping: Sweeping, clinic_id: UUID, campaign_id: UUID, now: datetime, limit: int) -> int:
    """Do the next thing of one campaign for up to `limit` of its people; how much was done (0: it is not due, or
    another worker has it). The number of statements does not grow with people."""
    due = select(CampaignRow).where(
        col(CampaignRow.clinic_id) == clinic_id, col(CampaignRow.id) == campaign_id, col(CampaignRow.next_at) <= now
    )
    row = (await sweeping.execute(due.with_for_update(skip_locked=True))).scalar_one_or_none()
    if row is None:
        return 0
    row.failures = 0
    held = _Held(sweeping, row, draft_of(row.definition), now, limit)
    return await _next_move(held)(held)


def _next_move(held: _Held) -> Callable[[_Held], Awaitable[int]]:
    row, now = held.row, held.now
    if row.state == _S.LAUNCHED.value:
        return _begin
    if row.state == _S.ABORTED.value:
        return _withdraw
    if row.ends_at is not None and row.ends_at <= now:
        return _end
    decides = decides_at(held.draft, row.begun_at or now)
    return _decide if row.decided_at is None and decides is not None and decides <= now else _hand_over


async def postpone_campaign(sweeping: Sweeping, clinic_id: UUID, campaign_id: UUID, now: datetime) -> None:
    """It failed: look again later, each time twice as late, so that the others go on."""
    seconds = func.least(_FIRST_PAUSE * func.power(2, col(CampaignRow.failures)), _LONGEST_PAUSE)
    later = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    mine = (col(CampaignRow.clinic_id) == clinic_id, col(CampaignRow.id) == campaign_id)
    pushed = {
        name: case((col(column) <= now, literal(now, MOMENTS) + later), else_=col(column))
        for name, column in (("next_at", CampaignRow.next_at), ("follow_at", CampaignRow.follow_at))
    }
    news: dict[str, Any] = {**pushed, "failures": func.least(CampaignRow.failures + 1, 10)}
    await sweeping.execute(update(CampaignRow).where(*mine).values(news), execution_options=UNTRACKED)


async def _begin(held: _Held) -> int:
    """Fix who is in it: one statement. Where there are more than one person may launch, and nobody confirmed it, it
    is asked for again, with its true size."""
    row, now = held.row, held.now
    row.size = await _fix_audience(held)
    if row.confirmed_by is None and row.size > (await campaign_policy(held.sweeping, row.clinic_id)).confirm_above:
        mine = (col(CampaignMember.clinic_id) == row.clinic_id, col(CampaignMember.campaign_id) == row.id)
        await held.sweeping.execute(delete(CampaignMember).where(*mine), execution_options=UNTRACKED)
        row.state, row.next_at, row.version = _S.ASKED.value, None, row.version + 1
        await held.tell("campaign.asked")
        return 1
    row.state, row.begun_at, row.next_at, row.version = _S.RUNNING.value, now, now, row.version + 1
    row.ends_at = now + timedelta(hours=held.draft.lasts_hours)
    row.follow_at = now if held.draft.follow_up else None
    await held.tell("campaign.begun")
    return 1


async def _fix_audience(held: _Held) -> int:
    row = held.row
    member = segment_statement(held.draft.criteria, lambda patient: patient.clinic_id == row.clinic_id).subquery()
    # In the order of their ids turns come later: of one millisecond that order is chance.
    columns = (member.c.clinic_id, func.id_made_at(AS_OF), literal(row.id, UUIDS), member.c.patient_id)
    names = ["clinic_id", "id", "campaign_id", "patient_id"]
    came = (
        insert(CampaignMember)
        .from_select(names, select(*columns), include_defaults=False)
        .on_conflict_do_nothing()
        .returning(col(CampaignMember.id))
        .cte("came")
    )
    counted = select(func.count()).select_from(came)
    size: int = (await held.sweeping.execute(counted, {"as_of": held.now})).scalar_one()
    return size


async def _hand_over(held: _Held) -> int:
    """The next of the audience get their arm and moment, and push their messages, in one commit."""
    row, draft, now = held.row, held.draft, held.now
    assert row.size is not None
    assert row.ends_at is not None
    quota = row.size if row.decided_at else first_part(draft, row.size)
    members = await _next_members(held, min(held.limit, quota - row.handed)) if quota > row.handed else []
    arms = [arm_of(draft, row.id, patient_id, row.winner) for _, patient_id in members]
    found = turns_of(arms, draft.per_hour, row.paced_until, now, row.ends_at)
    # Those whose moment lies too far ahead keep waiting; their arm is drawn anew then, and is the same.
    turns = list(zip(members, found.turns, strict=False))
    if turns:
        await _give(held, turns)
        row.handed, row.paced_until = row.handed + len(turns), found.paced_until
    row.next_at = await _next_look(held, quota, found.paced_until)
    return len(turns)


async def _next_members(held: _Held, most: int) -> list[tuple[UUID, UUID]]:
    """Passed by is who is being erased at this moment."""
    waiting = (
        select(col(CampaignMember.id), col(CampaignMember.patient_id))
        .where(*_waiting(held.row))
        .order_by(col(CampaignMember.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [(row[0], row[1]) for row in await held.sweeping.execute(waiting)]


def _waiting(row: CampaignRow) -> tuple[Any, ...]:
    return (
        col(CampaignMember.clinic_id) == row.clinic_id, col(CampaignMember.campaign_id) == row.id,
        col(CampaignMember.handed_at).is_(None),
    )  # fmt: skip


async def _give(held: _Held, turns: list[tuple[tuple[UUID, UUID], Turn]]) -> None:
    clinic_id, draft, now = held.row.clinic_id, held.draft, held.now
    assert held.row.ends_at is not None
    wordings = {arm.key: arm.wording for arm in draft.arms}
    notices = [
        (clinic_id, Notice(
            patient_id, draft.notice_kind, draft.purpose, f"campaign {member_id}", turn.at, held.row.ends_at,
            link=draft.link, cause_id=member_id, wording=wordings[turn.arm],
        ))
        for (member_id, patient_id), turn in turns
        if turn.arm != HOLDOUT
    ]  # fmt: skip
    named = await enqueue_across(held.sweeping, notices, now)
    rows = [
        (clinic_id, member_id, turn.arm, turn.at, named.get((clinic_id, f"campaign {member_id}")))
        for (member_id, _), turn in turns
    ]
    given = batch({"clinic_id": UUIDS, "id": UUIDS, "arm": TEXTS, "handed_at": MOMENTS, "notice_id": UUIDS}, rows)
    news = {name: given.c[name] for name in ("arm", "handed_at", "notice_id")}
    statement = update(CampaignMember).where(same_key(CampaignMember, given)).values(news)
    await held.sweeping.execute(statement, execution_options=UNTRACKED)
    if draft.promotion_id is not None:
        await _open_offer(held, draft.promotion_id, [member_id for (member_id, _), _ in turns])


async def _open_offer(held: _Held, promotion_id: UUID, member_ids: list[UUID]) -> None:
    """An offer for few is shown to these too, before they are told of it."""
    clinic_id = held.row.clinic_id
    told = told_of_offer(clinic_id, promotion_id, member_ids)
    await list_members(held.sweeping, [promotion_id], told, {}, held.now, len(member_ids))


async def _next_look(held: _Held, quota: int, paced_until: datetime) -> datetime:
    """When there is something to do again: the next turn, the answer of the test, or the end."""
    row, now = held.row, held.now
    assert row.ends_at is not None
    if row.handed < quota and await _some_wait(held):
        return min(max(paced_until - AHEAD / 2, now), row.ends_at)
    decides = decides_at(held.draft, row.begun_at or now)
    return min(decides, row.ends_at) if decides is not None and row.decided_at is None else row.ends_at


async def _some_wait(held: _Held) -> bool:
    some = select(exists().where(*_waiting(held.row)))
    return bool((await held.sweeping.execute(some)).scalar_one())


async def _decide(held: _Held) -> int:
    """Which arm the rest gets; where the difference is not clear nobody wins, and that is said."""
    row = held.row
    found = compared(held.draft, await arm_counts(held.sweeping, row.clinic_id, row.id, held.draft))
    row.decided_at, row.finding, row.winner, row.next_at = held.now, found.finding.value, found.best, held.now
    row.version += 1
    await held.tell("campaign.decided", finding=found.finding.value, winner=found.best or "")
    return 1


async def _end(held: _Held) -> int:
    """What was not said by now is not said: push ends its own, this what was held back by a pause."""
    taken = await _take_back(held, OVER)
    if held.row.next_at is None:
        held.row.state, held.row.version = _S.FINISHED.value, held.row.version + 1
        await held.tell("campaign.finished")
    return max(taken, 1)


async def _withdraw(held: _Held) -> int:
    return await _take_back(held, ABORTED)


async def _take_back(held: _Held, reason: str) -> int:
    """Up to `limit` messages that are not handed over, and those that failed and might be repeated."""
    row = held.row
    found = standing_causes(row.clinic_id, row.id, reason, held.now).limit(held.limit)
    causes = [(each[0], each[1]) for each in await held.sweeping.execute(found)]
    await cancel_across(held.sweeping, causes, reason, held.now)
    row.next_at = held.now if len(causes) == held.limit else None
    return len(causes)
