"""What was sent before under the same id."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from chat.commands.send import Asked, asked_of, kept
from chat.commands.speaking import Sent, answered, named
from chat.functions import DONE
from chat.speaker import Speaker, Target
from core.database import Reading


async def sent_before(
    reading: Reading, speaker: Speaker, target: Target, client_id: UUID, asked: Asked, now: datetime
) -> Sent | None:
    """What was sent under this id with these `Enclosed.asked`; None where the id names nothing yet.

    To be asked before anything is made of it: what was kept stays kept, whatever is set otherwise
    since. Raises `IdReused` and what `send` raises of who may not write there.
    """
    who = {
        "clinic": speaker.clinic_id, "side": speaker.side.value, "account": speaker.account_id,
        "session": speaker.session_id, "conversation": target.conversation_id, "patient": target.patient_id, "at": now,
    }  # fmt: skip
    values = {**who, **named(client_id, *asked_of(asked))}
    raw = (await reading.execute(text(DONE), values)).scalar_one()
    if raw is None:
        return None
    return kept(answered(raw), speaker, client_id)
