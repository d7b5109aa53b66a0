"""The verbs of a case: take it, give it to somebody, put it off, close it, sort it, say how it was.

Each locks the conversation's row first, as every message does: what is decided here holds until the commit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlmodel import col

from chat.case import CaseState, at_work, may_snooze
from chat.log import EventKind
from chat.queries import head_for_staff
from chat.queries.cases import CaseView, case_view
from chat.queries.desk import desk_settings
from chat.tables import ChatCase, Conversation
from clinic.queries.desk import known_branches, who_may_reply
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import SYSTEM, Actor, ActorKind, Happening, record


class CaseTaken(Conflict):
    """Somebody else has it; `staff_id` and `name` say who."""

    slug = "case-taken"

    def __init__(self, staff_id: UUID, name: str) -> None:
        super().__init__()
        self.staff_id, self.name = staff_id, name


class NoLiveCase(Conflict):
    """The conversation has no case, or its last one is closed: open it first."""

    slug = "no-live-case"


class CaseNotClosed(Conflict):
    """How it was is asked when it is over."""

    slug = "case-not-closed"


class ScoreNotAsked(Conflict):
    """Nobody asked how it was: nobody of the desk answered, or the clinic does not ask."""

    slug = "score-not-asked"


class CaseScored(Conflict):
    """It was said already how it was, and otherwise."""

    slug = "case-scored"


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation whose row is locked, and its newest case."""

    conversation_id: UUID
    patient_id: UUID
    case: CaseView | None

    @property
    def live(self) -> CaseView:
        if self.case is None or self.case.closed_at is not None:
            raise NoLiveCase
        return self.case


async def hold(writing: Writing, clinic_id: UUID, conversation_id: UUID, actor: Actor = SYSTEM) -> Held:
    """Lock a conversation and read its newest case. Raises `NotFound`, also for what `actor`, of the staff, does not
    reach.
    """
    mine = (col(Conversation.clinic_id) == clinic_id, col(Conversation.id) == conversation_id)
    locked = select(col(Conversation.patient_id)).where(*mine).with_for_update(key_share=True)
    patient_id = (await writing.execute(locked)).scalar_one_or_none()
    if patient_id is None:
        raise NotFound
    if actor.kind is ActorKind.STAFF and actor.id is not None:
        await head_for_staff(writing, clinic_id, conversation_id, actor.id)
    newest = (
        select(col(ChatCase.id))
        .where(col(ChatCase.clinic_id) == clinic_id, col(ChatCase.conversation_id) == conversation_id)
        .order_by(col(ChatCase.opened_at).desc(), col(ChatCase.id).desc())
        .limit(1)
    )
    case_id = (await writing.execute(newest)).scalar_one_or_none()
    case = None if case_id is None else await case_view(writing, clinic_id, case_id)
    return Held(conversation_id, patient_id, case)


async def take(
    writing: Writing, clinic_id: UUID, conversation_id: UUID, staff_id: UUID, actor: Actor, now: datetime
) -> CaseView:
    """Make it one's own where nobody has it. Raises `CaseTaken` (by whom), `NoLiveCase`, `NotFound`."""
    case = (await hold(writing, clinic_id, conversation_id, actor)).live
    if case.assignee_id == staff_id:
        return case
    if case.assignee_id is not None:
        raise CaseTaken(case.assignee_id, case.assignee_name or "")
    return await _give(writing, clinic_id, case, staff_id, actor, now)


async def assign(
    writing: Writing, clinic_id: UUID, conversation_id: UUID, staff_id: UUID | None, actor: Actor, now: datetime
) -> CaseView:
    """Give it to somebody, from whomever, or back to all. Raises `NoLiveCase`, `NotFound`, and `Invalid` for one
    who does not work here or may not answer.
    """
    case = (await hold(writing, clinic_id, conversation_id, actor)).live
    if staff_id is not None and not await who_may_reply(writing, [staff_id]):
        raise Invalid(Fault("/staff_id", "unknown-reference"))
    if case.assignee_id == staff_id:
        return case
    return await _give(writing, clinic_id, case, staff_id, actor, now)


async def _give(
    writing: Writing, clinic_id: UUID, case: CaseView, staff_id: UUID | None, actor: Actor, now: datetime
) -> CaseView:
    kept = case.state if case.state is CaseState.SNOOZED else at_work(staff_id)
    changed = {"assignee_id": staff_id, "state": kept, **_handed_over(case, now)}
    return await _changed(writing, clinic_id, case, EventKind.ASSIGN, changed, actor, now)


def _handed_over(case: CaseView, now: datetime) -> dict[str, Any]:
    return {"queued_at": now} if case.state is CaseState.BOT else {}


async def open_case(writing: Writing, clinic_id: UUID, conversation_id: UUID, actor: Actor, now: datetime) -> CaseView:
    """Have it at work: wake it, take it from the bot, re-open what was closed less than a week ago, or begin anew."""
    held = await hold(writing, clinic_id, conversation_id, actor)
    if held.case is None or held.case.closed_at is not None:
        made = text("select chat_case_opened(:clinic, :conversation, null, :now)")
        values = {"clinic": clinic_id, "conversation": conversation_id, "now": now}
        case_id = (await writing.execute(made, values)).scalar_one()
        await _note(writing, clinic_id, "opened", case_id, held.patient_id, actor, now)
        return await _read(writing, clinic_id, case_id)
    case = held.case
    if case.state in (CaseState.OPEN, CaseState.ASSIGNED):
        return case
    changed = {"state": at_work(case.assignee_id), "snoozed_until": None, **_handed_over(case, now)}
    return await _changed(writing, clinic_id, case, EventKind.STATE, changed, actor, now)


async def snooze(
    writing: Writing, clinic_id: UUID, conversation_id: UUID, until: datetime, actor: Actor, now: datetime
) -> CaseView:
    """Put it off; a message of the patient wakes it earlier. Raises `Invalid` for a time past or too far."""
    case = (await hold(writing, clinic_id, conversation_id, actor)).live
    if not may_snooze(until, now):
        raise Invalid(Fault("/until", "not-ahead"))
    # Nobody is late while it is put off: who put it off has seen it.
    changed = {
        "state": CaseState.SNOOZED, "snoozed_until": until, "waiting_since": None, "escalates_at": None,
        "escalated_at": None, **_handed_over(case, now),
    }  # fmt: skip
    return await _changed(writing, clinic_id, case, EventKind.STATE, changed, actor, now)


async def close(writing: Writing, clinic_id: UUID, conversation_id: UUID, actor: Actor, now: datetime) -> CaseView:
    """It is done; the patient may be asked how it was. Closing twice is closing once. Raises `NoLiveCase`."""
    held = await hold(writing, clinic_id, conversation_id, actor)
    if held.case is not None and held.case.closed_at is not None:
        return held.case
    case = held.live
    changed = {
        "state": CaseState.CLOSED, "closed_at": now, "waiting_since": None, "snoozed_until": None,
        "escalates_at": None, "escalated_at": None,
    }  # fmt: skip
    closed = await _changed(writing, clinic_id, case, EventKind.STATE, changed, actor, now, shown=True)
    await _note(writing, clinic_id, "closed", case.case_id, held.patient_id, actor, now)
    return closed


async def sort_case(
    writing: Writing, clinic_id: UUID, conversation_id: UUID, priority: int, topic: str, branch_id: UUID | None,
    actor: Actor, now: datetime,
) -> CaseView:  # fmt: skip
    """Say how urgent it is, what it is about and whose branch's it is. Raises `Invalid` for what the desk does not
    know and what it is not about already, `NoLiveCase`, `NotFound`.
    """
    case = (await hold(writing, clinic_id, conversation_id, actor)).live
    topics = {each.key: each.branch_id for each in (await desk_settings(writing, clinic_id)).topics}
    if topic not in ("", case.topic, *topics):
        raise Invalid(Fault("/topic", "unknown-reference"))
    branch = branch_id or topics.get(topic) or case.branch_id
    if branch != case.branch_id and branch not in await known_branches(writing, clinic_id):
        raise Invalid(Fault("/branch_id", "unknown-reference"))
    changed = {"priority": priority, "topic": topic, "branch_id": branch}
    if branch != case.branch_id:
        changed["escalates_at"] = None  # other hours
    return await _changed(writing, clinic_id, case, EventKind.LABEL, changed, actor, now)


async def label(
    writing: Writing, clinic_id: UUID, conversation_id: UUID, labels: list[str], actor: Actor, now: datetime
) -> CaseView:
    """Set its labels, all at once, from those of the desk. Raises `Invalid`, `NoLiveCase`, `NotFound`."""
    case = (await hold(writing, clinic_id, conversation_id, actor)).live
    wanted = sorted(set(labels))
    unknown = set(wanted) - set((await desk_settings(writing, clinic_id)).labels) - set(case.labels)
    if unknown:
        places = [place for place, each in enumerate(labels) if each in unknown]
        raise Invalid(*[Fault(f"/labels/{place}", "unknown-reference") for place in places])
    return await _changed(writing, clinic_id, case, EventKind.LABEL, {"labels": wanted}, actor, now)


async def score(
    writing: Writing, clinic_id: UUID, patient_id: UUID, case_id: UUID, points: int, words: str, actor: Actor,
    now: datetime,
) -> UUID:  # fmt: skip
    """The patient says how it was, once; the same again is no mistake. Gives the conversation.

    Raises `NotFound` for a case of somebody else, `CaseNotClosed`, `ScoreNotAsked`, `CaseScored`.
    """
    case = await case_view(writing, clinic_id, case_id)
    if case is None:
        raise NotFound
    held = await hold(writing, clinic_id, case.conversation_id)
    if held.patient_id != patient_id:
        raise NotFound
    case = await _read(writing, clinic_id, case_id)  # as it is under the lock
    if case.score is not None:
        if (case.score, case.score_words) != (points, words):
            raise CaseScored
        return case.conversation_id
    if case.closed_at is None:
        raise CaseNotClosed
    if not await _was_asked(writing, clinic_id, case):
        raise ScoreNotAsked
    changed = {"score": points, "score_words": words, "scored_at": now}
    await _changed(writing, clinic_id, case, EventKind.CSAT, changed, actor, now)
    await _note(writing, clinic_id, "scored", case_id, patient_id, actor, now, score=points)
    return case.conversation_id


async def _was_asked(writing: Writing, clinic_id: UUID, case: CaseView) -> bool:
    """Whether the patient's log asked how this case was, whatever the clinic has set since."""
    asked = text("""
        select exists (
            select from chat_event e where e.clinic_id = :clinic and e.conversation_id = :conversation and e.log = 's'
                and e.kind = 'state' and e.data @> jsonb_build_object('case_id', cast(:case as uuid), 'ask_score', true)
        )""")
    values = {"clinic": clinic_id, "conversation": case.conversation_id, "case": case.case_id}
    return bool((await writing.execute(asked, values)).scalar_one())


async def hand_over(writing: Writing, clinic_id: UUID, conversation_id: UUID, actor: Actor, now: datetime) -> bool:
    """The bot gives the case to people, whom the patient now waits for. False where it has it no more."""
    held = await hold(writing, clinic_id, conversation_id)
    if held.case is None or held.case.state is not CaseState.BOT:
        return False
    changed = {"state": CaseState.OPEN, "queued_at": now, "waiting_since": held.case.waiting_since or now}
    await _changed(writing, clinic_id, held.case, EventKind.STATE, changed, actor, now)
    return True


async def _changed(
    writing: Writing, clinic_id: UUID, case: CaseView, kind: EventKind, changes: dict[str, Any], actor: Actor,
    now: datetime, *, shown: bool = False,
) -> CaseView:  # fmt: skip
    """Change the row under the conversation's lock and tell the logs; what changes nothing is told nobody."""
    stored = {name: value.value if isinstance(value, CaseState) else value for name, value in changes.items()}
    if all(getattr(case, name) == value for name, value in changes.items() if name in CaseView.model_fields):
        return case
    mine = (col(ChatCase.clinic_id) == clinic_id, col(ChatCase.id) == case.case_id)
    await writing.execute(
        update(ChatCase).where(*mine).values(stored), execution_options={"synchronize_session": False}
    )
    told = text("select chat_case_log(:clinic, :case, :kind, :by, :shown, :now)")
    by = actor.id if actor.kind is ActorKind.STAFF else None
    values = {"clinic": clinic_id, "case": case.case_id, "kind": kind.value, "by": by, "shown": shown, "now": now}
    await writing.execute(told, values)
    return await _read(writing, clinic_id, case.case_id)


async def _read(writing: Writing, clinic_id: UUID, case_id: UUID) -> CaseView:
    case = await case_view(writing, clinic_id, case_id)
    assert case is not None
    return case


async def _note(
    writing: Writing, clinic_id: UUID, verb: str, case_id: UUID, patient_id: UUID, actor: Actor, now: datetime,
    **facts: int,
) -> None:  # fmt: skip
    happening = Happening(f"case.{verb}", case_id, patient_id=patient_id, facts=facts)
    await record(writing, clinic_id, actor, [happening], now)
