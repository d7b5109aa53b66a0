"""Takes what people write to a clinic's lines: stops and starts, and messages into the patient's one conversation."""

import re
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from chat.commands.inbound import Arrived, take_message
from chat.commands.speaking import Sent
from chat.conversation import BODY_PATTERN, LONGEST_BODY, Via
from core.database import Writing
from core.errors import Refusal
from core.events import SYSTEM, Happening, record
from push.channel import Way
from push.commands.strangers import keep_stranger
from push.commands.wishes import Heard, take_wish
from push.line import Line
from push.mail_token import notice_of
from push.queries.addresses import holders
from push.queries.strangers import StrangerMessage
from push.queries.told import patient_of_notice
from push.report import Incoming
from push.stop_words import Wish, wish
from push.stopping import is_whole

_VIAS = {Way.SMS: Via.SMS, Way.EMAIL: Via.EMAIL, Way.TELEGRAM: Via.TELEGRAM, Way.WHATSAPP: Via.WHATSAPP}
_SYSTEM = "lines"
_C1 = dict.fromkeys(range(127, 160))


async def take_incoming(
    writing: Writing, line: Line, incoming: Incoming, answers: str | None, now: datetime
) -> Sent | None:  # fmt: skip
    """The same again changes nothing. What was said in the chat by it, if it is known who said it.

    `answers`: the token of the mail of ours that it answers (`push.hooks.Told`).
    """
    patient_id = await _sender(writing, line, incoming, answers, now)
    # Anybody may write any address into a mail: only an answer to a mail of ours proves who wrote.
    is_proven = patient_id is not None or line.way is not Way.EMAIL
    meant = wish(incoming.text)
    if meant is Wish.STOP or (meant is Wish.START and is_proven):
        heard = Heard(line.line_id, line.way, incoming.address, incoming.external_id)
        known = [patient_id] if patient_id and answers else None
        whole = is_proven and is_whole(incoming.text)
        await take_wish(writing, line.clinic_id, heard, meant, now, patient_ids=known, whole=whole)
        return None
    body = incoming.text.translate(_C1)[:LONGEST_BODY]
    if not re.fullmatch(BODY_PATTERN, body):
        return None  # nothing to see in it
    if is_proven:
        arrived = Arrived(_VIAS[line.way], incoming.external_id, incoming.address, None, body, patient_id)
        if sent := await _posted(writing, line, arrived, now):
            facts = {"channel": line.way.value, "line_id": str(line.line_id)}
            whose = sent.thread.patient_id
            answered = Happening("push.answered", whose, whose, facts)
            await record(writing, line.clinic_id, SYSTEM, [] if sent.dup else [answered], now)
            return sent
    await keep_stranger(writing, line.clinic_id, line.line_id, line.way, replace(incoming, text=body), now)
    return None


async def _posted(writing: Writing, line: Line, arrived: Arrived, now: datetime) -> Sent | None:
    """None where it is not known whose it is, or the conversation does not take it: the desk decides."""
    try:
        async with writing.begin_nested():
            return await take_message(writing, line.clinic_id, line.line_id, _SYSTEM, arrived, now)
    except Refusal:
        return None


async def _sender(
    writing: Writing, line: Line, incoming: Incoming, answers: str | None, now: datetime
) -> UUID | None:  # fmt: skip
    if answers is not None:
        return await patient_of_notice(writing, line.clinic_id, notice_of(answers))
    if line.way is Way.EMAIL:
        return None
    found = await holders(writing, line.clinic_id, line.way, incoming.address, now)
    return found[0] if len(found) == 1 else None


async def post_as(
    writing: Writing, clinic_id: UUID, told: StrangerMessage, patient_id: UUID, now: datetime
) -> Sent:  # fmt: skip
    """What a stranger wrote, as this patient's message; the same once for ever."""
    arrived = Arrived(_VIAS[told.way], told.external_id, told.address, None, told.body, patient_id)
    return await take_message(writing, clinic_id, told.line_id, _SYSTEM, arrived, now)
