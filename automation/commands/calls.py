"""Takes what telephone systems tell of calls: one row for each call, each effect once, in whatever order it is told.

The row of a call is locked by the statement that merges a notice into it, and each merge is the same in any order
(the earliest answer, the latest end, the first recording). What came of the call is asked of the merged row; its
effects happen when that changes, in the same transaction: a notice that comes again changes nothing.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.commands.tasks import TOLD, UNTRACKED, call_off, happened, make_tasks
from automation.queries.calls import Exchange
from automation.queries.tasks import LIVE
from automation.tables import PhoneCall, PhoneExtension, Task
from automation.task import TaskDraft, TaskKind, TaskOrigin, TaskOutcome, TaskState, Whose
from automation.telephone import CallDirection, CallNews, CallVerdict, News, caller, verdict
from clinic.queries.addressees import reached_at
from core.database import Sweeping, Writing
from core.events import SYSTEM, Happening, record, record_across
from core.ids import new_id

CALLED_BACK_WITHIN = timedelta(hours=1)
NOT_YET_DUE = timedelta(days=1)
"""A task that is due later than this is about something else than today's talk."""
STALE = timedelta(days=2)
NUMBERS_KEPT = timedelta(days=30)

_DESK = Whose(preset="operator")


async def take_call_news(writing: Writing, exchange: Exchange, news: CallNews, now: datetime) -> None:
    """Once or five times, early or late: each effect happens once."""
    call = await _merged(writing, exchange, news)
    found = verdict(call.answered_at, call.missed_at)
    if found.value == call.verdict:
        return
    known = update(PhoneCall).where(col(PhoneCall.clinic_id) == call.clinic_id, col(PhoneCall.id) == call.id)
    await writing.execute(known.values(verdict=found.value), execution_options=UNTRACKED)
    if found is CallVerdict.TALKED:
        await call_off(writing, [(call.clinic_id, call.id)], TaskOrigin.TELEPHONE, now)
        await _end_call_tasks(writing, call, now)
    elif call.direction == CallDirection.IN.value:
        await _call_back(writing, call, exchange.branch_id, now)
    facts = {"channel": "call", "how": call.direction}
    told = Happening(f"phone_call.{found.value}", call.id, call.patient_id, facts)
    await record(writing, call.clinic_id, SYSTEM, [told], now)


async def _merged(writing: Writing, exchange: Exchange, news: CallNews) -> PhoneCall:
    clinic_id = exchange.clinic_id
    people = await reached_at(writing, clinic_id, news.number, None)
    patient_id = people[0] if len(people) == 1 else None  # families share a number: then nobody is guessed
    fresh = insert(PhoneCall).values(
        clinic_id=clinic_id, id=new_id(), exchange_id=exchange.exchange_id, call_key=news.call_id,
        direction=news.direction.value, patient_id=patient_id, number=None if patient_id else news.number,
        staff_id=await _colleague(writing, exchange, news), first_at=news.at,
        answered_at=news.at if news.what is News.ANSWERED else None,
        ended_at=news.at if news.what is News.ENDED else None,
        missed_at=news.at if news.what is News.MISSED else None,
        recording_url=news.recording_url, verdict=CallVerdict.UNKNOWN.value,
    )  # fmt: skip
    new = fresh.excluded
    merged = fresh.on_conflict_do_update(
        index_elements=["clinic_id", "exchange_id", "call_key"],
        set_={
            "first_at": func.least(PhoneCall.first_at, new.first_at),
            "answered_at": func.least(PhoneCall.answered_at, new.answered_at),
            "ended_at": func.greatest(PhoneCall.ended_at, new.ended_at),
            "missed_at": func.least(PhoneCall.missed_at, new.missed_at),
            "staff_id": func.coalesce(PhoneCall.staff_id, new.staff_id),
            "patient_id": func.coalesce(PhoneCall.patient_id, new.patient_id),
            "number": func.coalesce(PhoneCall.number, new.number),
            "recording_url": func.coalesce(PhoneCall.recording_url, new.recording_url),
        },
    )
    fetched = merged.returning(PhoneCall).execution_options(populate_existing=True)
    return (await writing.execute(fetched)).scalar_one()


async def _colleague(writing: Writing, exchange: Exchange, news: CallNews) -> UUID | None:
    """Who talks: whoever answered, or calls out. At how many desks it rang says nothing."""
    if not news.extension or (news.direction is CallDirection.IN and news.what is not News.ANSWERED):
        return None
    seat = select(col(PhoneExtension.staff_id)).where(
        col(PhoneExtension.clinic_id) == exchange.clinic_id, col(PhoneExtension.exchange_id) == exchange.exchange_id,
        col(PhoneExtension.extension) == news.extension,
    )  # fmt: skip
    return (await writing.execute(seat)).scalar_one_or_none()


async def _call_back(writing: Writing, call: PhoneCall, branch_id: UUID | None, now: datetime) -> None:
    """Somebody of the desk is to call back, once for each caller at a time, unless they have talked since."""
    about = caller(call.clinic_id, call.patient_id, call.number)
    assert call.missed_at is not None
    if about is None or call.missed_at < now - STALE or await _talked_since(writing, call):
        return
    due_at = max(now, call.missed_at) + CALLED_BACK_WITHIN
    draft = TaskDraft(
        TaskKind.CALL, "", due_at, TaskOrigin.TELEPHONE, call.id, patient_id=call.patient_id, branch_id=branch_id,
        whose=_DESK, about=about, calls_back=True,
    )  # fmt: skip
    await make_tasks(writing, [(call.clinic_id, draft)], SYSTEM, now)


async def _talked_since(writing: Writing, call: PhoneCall) -> bool:
    same = (
        col(PhoneCall.number) == call.number
        if call.patient_id is None
        else col(PhoneCall.patient_id) == call.patient_id
    )
    talked = select(col(PhoneCall.id)).where(
        col(PhoneCall.clinic_id) == call.clinic_id, same, col(PhoneCall.answered_at) > call.missed_at
    )  # fmt: skip
    return (await writing.execute(talked.limit(1))).scalar_one_or_none() is not None


async def _end_call_tasks(writing: Writing, call: PhoneCall, now: datetime) -> None:
    """The calls that this talk was: those the colleague has or should make, and every call back to this caller.

    They may still say what came of it (`said_by_call`). Who talked, or with whom, may not be known: then no task is
    theirs, where SQLAlchemy would read `== None` as IS NULL and find everybody's.
    """
    theirs = or_(
        col(Task.taken_by) == call.staff_id,
        and_(col(Task.taken_by).is_(None), col(Task.assignee_id) == call.staff_id),
    )
    due = or_(col(Task.state) == TaskState.TAKEN.value, col(Task.due_at) < now + NOT_YET_DUE)
    about = caller(call.clinic_id, call.patient_id, call.number)
    back = and_(col(Task.origin) == TaskOrigin.TELEPHONE.value, col(Task.about) == about)
    mine = and_(col(Task.patient_id) == call.patient_id, theirs, due)
    these = [back] * (about is not None) + [mine] * (None not in (call.patient_id, call.staff_id))
    if not these:
        return
    live = (
        select(col(Task.clinic_id), col(Task.id))
        .where(
            col(Task.clinic_id) == call.clinic_id, col(Task.kind) == TaskKind.CALL.value, col(Task.state).in_(LIVE),
            or_(*these),
        )
        .order_by(col(Task.id))
        .with_for_update()
        .cte("live")
    )  # fmt: skip
    news = {
        "state": TaskState.DONE.value, "outcome": TaskOutcome.REACHED.value, "said_by_call": True,
        "ended_by": call.staff_id, "ended_at": now, "version": Task.version + 1,
    }  # fmt: skip
    same = (col(Task.clinic_id) == live.c.clinic_id, col(Task.id) == live.c.id)
    ended = update(Task).where(*same).values(news).returning(*TOLD)
    rows = (await writing.execute(ended, execution_options=UNTRACKED)).all()
    facts = {"outcome": TaskOutcome.REACHED.value}
    await record_across(writing, SYSTEM, [happened("task.done", facts, row) for row in rows], now)


async def forget_numbers(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Let go of up to `limit` numbers of strangers who called a month ago, and of what was told of it by them."""
    old = (
        select(col(PhoneCall.clinic_id), col(PhoneCall.id))
        .where(col(PhoneCall.number).is_not(None), col(PhoneCall.first_at) < now - NUMBERS_KEPT)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    forgotten = (
        update(PhoneCall)
        .where(col(PhoneCall.clinic_id) == old.c.clinic_id, col(PhoneCall.id) == old.c.id)
        .values(number=None, recording_url=None)
        .returning(col(PhoneCall.clinic_id), col(PhoneCall.id))
    )
    rows = (await sweeping.execute(forgotten, execution_options=UNTRACKED)).all()
    if rows:
        made = (col(Task.origin) == TaskOrigin.TELEPHONE.value, col(Task.cause_id).in_([row_id for _, row_id in rows]))
        of = col(Task.clinic_id).in_({clinic_id for clinic_id, _ in rows})
        await sweeping.execute(update(Task).where(of, *made).values(about=None), execution_options=UNTRACKED)
    return len(rows)
