"""Noting something for colleagues, which no patient ever sees."""

from datetime import datetime
from uuid import UUID

from chat.commands.speaking import Sent, act, made, named, sent
from chat.log import STAFF, ConversationEvent, EventKind, StaffNote
from chat.speaker import Speaker, Target
from core.database import Database
from core.errors import Invalid


async def note(database: Database, speaker: Speaker, target: Target, client_id: UUID, body: str, now: datetime) -> Sent:
    """Keep a note in the staff's own log; also before the first message. Raises as `send` does."""
    if not body:
        raise Invalid
    members = {**named(client_id, EventKind.NOTE, body), **made(), "words": body}
    answer = await act(database, speaker, target, EventKind.NOTE, now, **members)
    assert answer.at is not None
    event = ConversationEvent(
        conversation_id=answer.conversation_id, log=STAFF, rev=answer.rev, kind=EventKind.NOTE, at=answer.at,
        note=StaffNote(author=answer.name, body=body),
    )  # fmt: skip
    return sent(answer, speaker.clinic_id, event)
