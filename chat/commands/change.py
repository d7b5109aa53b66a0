"""Changing what was said: each change is kept once, by its own client id, like a message."""

from datetime import datetime
from typing import Any
from uuid import UUID

from chat.commands.speaking import Answer, Sent, act, named, sent
from chat.log import ConversationEvent, DeletedMessage, EditedMessage, EventKind, Reacted
from chat.reaction import is_emoji
from chat.speaker import Speaker, Target
from core.database import Database
from core.errors import Invalid


async def edit(
    database: Database, speaker: Speaker, target: Target, client_id: UUID, seq: int, body: str, now: datetime
) -> Sent:
    """Other words for one's own message of the last 24 hours. Nobody is told again, and it is not unread anew.

    Raises as `send` does; `MessageNotYours`, `MessageDeleted`, `MessageSettled` (too old, or with a form or card),
    and `Invalid` where nothing would be left of it.
    """
    answer = await _change(database, speaker, target, client_id, EventKind.EDIT, seq, body, now)
    return _told(answer, speaker, EventKind.EDIT, edited=EditedMessage(seq=seq, body=body))


async def delete(
    database: Database, speaker: Speaker, target: Target, client_id: UUID, seq: int, now: datetime
) -> Sent:
    """Take one's own message of the last 24 hours back, or as a manager any of the clinic's side at any time.

    Its words, pictures and reactions are gone, its number stays. Raises as `edit` does.
    """
    answer = await _change(database, speaker, target, client_id, EventKind.DELETE, seq, "", now)
    return _told(answer, speaker, EventKind.DELETE, deleted=DeletedMessage(seq=seq))


async def react(
    database: Database, speaker: Speaker, target: Target, client_id: UUID, seq: int, emoji: str, now: datetime
) -> Sent:
    """What one thinks of a message: one sign a person, in place of the one before; empty takes it back.

    Raises as `send` does, `MessageDeleted`, and `Invalid` for what is no emoji.
    """
    if emoji and not is_emoji(emoji):
        raise Invalid
    answer = await _change(database, speaker, target, client_id, EventKind.REACT, seq, emoji, now)
    reaction = Reacted(seq=seq, person_id=answer.person_id, side=speaker.side, emoji=emoji)
    return _told(answer, speaker, EventKind.REACT, reaction=reaction)


async def _change(
    database: Database, speaker: Speaker, target: Target, client_id: UUID, kind: EventKind, seq: int, words: str,
    now: datetime,
) -> Answer:  # fmt: skip
    name = named(client_id, kind, seq, words)
    return await act(database, speaker, target, kind, now, seq=seq, words=words, **name)


def _told(answer: Answer, speaker: Speaker, kind: EventKind, **member: Any) -> Sent:
    assert answer.at is not None
    event = ConversationEvent(conversation_id=answer.conversation_id, rev=answer.rev, kind=kind, at=answer.at, **member)
    return sent(answer, speaker.clinic_id, event)
