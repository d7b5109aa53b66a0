"""Tells phones of offered times and of answers, ends what the calendar ends, and says nothing of what is over.

Crash safety: each step is one transaction. What is told is marked in the transaction that enqueues its notice: before
its commit both are as they were and the next round finds them, after it both stand, and the notice's key is the thing's
id, so a second one cannot be. Lapsing and forgetting change rows that are found no more once they are changed. Two
workers never take the same row: what is locked is passed by.
"""

from datetime import datetime

from clinic.commands.lapsing import forget_past_slots, lapse_requests
from clinic.commands.telling import Untold, take_untold_answers, take_untold_offers
from core.database import Database
from push.commands import enqueue_across, quiet_visits
from push.notice import Notice, NoticeKind, Purpose

AT_ONCE = 500
KEEPING_PAUSE_SECONDS = 60.0
QUIETING_PAUSE_SECONDS = 5.0


async def tell_of_visits(database: Database, now: datetime) -> int:
    """One round; how many offers and answers were decided (0: nothing was due)."""
    async with database.sweeping() as sweeping:
        offers, made = await take_untold_offers(sweeping, now, AT_ONCE)
        answers, given = await take_untold_answers(sweeping, now, AT_ONCE)
        notices = [(each.clinic_id, _of_offer(each, now)) for each in made]
        notices += [(each.clinic_id, _of_answer(each, now)) for each in given]
        await enqueue_across(sweeping, notices, now)
    return offers + answers


async def keep_visits(database: Database, now: datetime) -> int:
    """One round; how much was ended (0: nothing was due)."""
    async with database.sweeping() as sweeping:
        done = await lapse_requests(sweeping, now, AT_ONCE)
    async with database.sweeping() as sweeping:
        return done + await forget_past_slots(sweeping, now, AT_ONCE)


async def quiet_reminders(database: Database, now: datetime) -> int:
    """One round; how many notices of visits were taken back (0: nothing was due)."""
    async with database.sweeping() as sweeping:
        return await quiet_visits(sweeping, now, AT_ONCE)


def _of_offer(offer: Untold, now: datetime) -> Notice:
    return _notice(offer, NoticeKind.FREED_TIME, "slot-offer", "slot-offers", now)


def _of_answer(answer: Untold, now: datetime) -> Notice:
    kind = NoticeKind.VISIT if answer.about_visit else NoticeKind.NOTE
    return _notice(answer, kind, "request", "requests", now)


def _notice(untold: Untold, kind: NoticeKind, name: str, folder: str, now: datetime) -> Notice:
    return Notice(
        patient_id=untold.patient_id,
        kind=kind,
        purpose=Purpose.SERVICE,
        dedupe_key=f"{name}:{untold.thing_id}",
        not_before=now,
        expires_at=untold.until,
        link=f"/{folder}/{untold.thing_id}",
        cause_id=untold.thing_id,
    )
