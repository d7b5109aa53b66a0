"""Saying how far one has read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chat.commands.speaking import act
from chat.log import ConversationEvent, EventKind, MovedMark, Thread
from chat.speaker import Speaker, Target
from core.database import Database


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark as it stands. `event` is None where it did not move for others to see."""

    thread: Thread
    conversation_id: UUID
    event: ConversationEvent | None


async def mark(
    database: Database, speaker: Speaker, target: Target, delivered: int, read: int, now: datetime,
    *, front: bool = True,
) -> Marked:  # fmt: skip
    """Move the speaker's mark forward, never back. Past the last message it stops there.

    `front`: it comes from a device that is being looked at. Raises as `send` does; `NotFound` also before the first
    message.
    """
    answer = await act(
        database, speaker, target, "mark", now, delivered=max(delivered, 0), read=max(read, 0), front=front
    )
    thread = Thread(speaker.clinic_id, answer.patient_id)
    if answer.dup:
        return Marked(thread, answer.conversation_id, None)
    moved = MovedMark(side=speaker.side, delivered=answer.delivered, read=answer.read)
    event = ConversationEvent(
        conversation_id=answer.conversation_id, rev=answer.rev, kind=EventKind.MARK, at=now, mark=moved
    )
    return Marked(thread, answer.conversation_id, event)
