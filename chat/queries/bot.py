"""What the bot is asked and may know: a clinic's bot, the question, and the facts it answers from."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from chat.bot import MOST_TIMES, MOST_VISITS, Asked, BotKind, Facts, FreeTime, NextVisit
from chat.conversation import Side
from chat.desk_facts import DeskSettings
from chat.log import FilledForm
from chat.starter import Starter, default_starters, starter_named
from chat.tables import ChatDesk, Message
from clinic.appointment import STANDING
from clinic.queries import Viewer, When, visits
from clinic.queries.letters import addressee
from clinic.queries.people import home_branch
from clinic.queries.prices import open_places, price_list
from clinic.queries.slots import SlotFilter, free_slots
from core.database import Reading

MOST_MESSAGES = 10
"""Of one question: who writes in pieces is read as a whole."""
_EVERY_DAY = frozenset(DeskSettings().weekdays)


@dataclass(frozen=True, slots=True)
class BotSet:
    """Which bot a clinic has. `sealed_secret` is worth nothing without the house's key."""

    kind: BotKind = BotKind.NONE
    address: str = ""
    sealed_secret: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that was taken to the bot."""

    clinic_id: UUID
    conversation_id: UUID
    case_id: UUID
    patient_id: UUID
    seq: int
    tries: int


async def bot_set(reading: Reading, clinic_id: UUID) -> BotSet:
    columns = (col(ChatDesk.bot), col(ChatDesk.bot_url), col(ChatDesk.bot_secret))
    row = (await reading.execute(select(*columns).where(col(ChatDesk.clinic_id) == clinic_id))).one_or_none()
    if row is None:
        return BotSet()
    return BotSet(BotKind(row.bot), row.bot_url or "", (row.bot_secret or b"").decode())


async def starters_of(reading: Reading, clinic_id: UUID) -> list[Starter]:
    """The clinic's own starters; the usual ones where it set none."""
    statement = select(col(ChatDesk.starters)).where(col(ChatDesk.clinic_id) == clinic_id)
    found = (await reading.execute(statement)).scalar_one_or_none()
    return [Starter.model_validate(each) for each in found] if found else list(default_starters())


async def question(reading: Reading, turn: Turn, now: datetime) -> Asked | None:
    """What the patient wrote since anybody answered; None where somebody has, or nothing is left of it."""
    of_thread = (col(Message.clinic_id) == turn.clinic_id, col(Message.conversation_id) == turn.conversation_id)
    said = (
        select(func.max(Message.seq))
        .where(*of_thread, col(Message.side).in_([Side.CLINIC.value, Side.BOT.value]))
        .scalar_subquery()
    )
    last = select(Message).where(*of_thread, col(Message.side) == Side.PATIENT.value, col(Message.deleted_at).is_(None))
    statement = last.where(col(Message.seq) > func.coalesce(said, 0), col(Message.seq) <= turn.seq)
    rows = list((await reading.execute(statement.order_by(col(Message.seq).desc()).limit(MOST_MESSAGES))).scalars())[
        ::-1
    ]
    if not rows:
        return None
    patient = await addressee(reading, turn.patient_id)
    if patient is None:
        return None
    forms = [FilledForm.model_validate(row.form) for row in rows if row.form]
    starters = await starters_of(reading, turn.clinic_id)
    begun = [starter_named(starters, form.starter) for form in forms]
    return Asked(
        turn.clinic_id, turn.conversation_id, turn.case_id, turn.patient_id, turn.seq,
        "\n".join(row.body for row in rows if row.body), patient.language, now,
        form=forms[-1] if forms else None, pictures=any(row.media for row in rows),
        urgent=any(each is not None and each.urgent for each in begun),
    )  # fmt: skip


async def bot_facts(reading: Reading, clinic_id: UUID, patient_id: UUID, now: datetime) -> Facts:
    """What may be told to whoever reads this patient's thread: in a guarded `Scope` nothing private is among it."""
    patient = await addressee(reading, patient_id)
    if patient is None:
        return Facts()
    viewer = Viewer(patient.language)
    days = select(col(ChatDesk.weekdays)).where(col(ChatDesk.clinic_id) == clinic_id)
    weekdays = frozenset((await reading.execute(days)).scalar_one_or_none() or _EVERY_DAY)
    free = await free_slots(reading, SlotFilter(), viewer, now, after=None, limit=MOST_TIMES)
    booked = await visits(reading, patient_id, When.UPCOMING, viewer, now, after=None, limit=MOST_VISITS * 5)
    standing = [visit for visit in booked if visit.status in STANDING and visit.starts_at > now]
    return Facts(
        patient.clinic_name,
        await open_places(reading, clinic_id, weekdays, await home_branch(reading, patient_id)),
        await price_list(reading, clinic_id),
        [FreeTime(each.slot_id, each.starts_at, each.zone, each.branch_name, each.practitioner) for each in free],
        [NextVisit(each.appointment_id, each.starts_at, each.zone, each.service) for each in standing[:MOST_VISITS]],
    )
