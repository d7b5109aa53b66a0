"""Saying something."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from chat.commands.speaking import Answer, Sent, act, answered, made, named, sent, written
from chat.conversation import Side, Via
from chat.functions import SAID
from chat.log import Card, ConversationEvent, EventKind, FilledForm, PostedMessage, Thread
from chat.speaker import Author, Speaker, Target
from core.database import Database, Writing
from core.errors import Fault, Invalid
from media.attached import AttachedPicture, AttachedVoice

Asked = Mapping[str, Any]
"""What a sender asked for, as it came: what the server makes of it may read differently when it is asked for again."""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What a message has beside its words: pictures and voice messages, a card, a form's answers; and which message it
    answers.

    `asked`: what its sender asked for, where the server made the card or the form of it.
    """

    media: Sequence[UUID] = ()
    card: Card | None = None
    form: FilledForm | None = None
    re: int | None = None
    asked: Asked | None = None


NOTHING = Enclosed()


@dataclass(frozen=True, slots=True)
class _Said:
    """What a message consists of."""

    body: str
    enclosed: Enclosed
    via: Via = Via.APP

    def asked(self) -> tuple[Any, ...]:
        """What its sender decided. The words that the server put under a form or on a card are not among it: said
        again later they may read differently.
        """
        beside = self.enclosed
        if beside.asked is not None:
            return asked_of(beside.asked)
        body = self.body if beside.card is None and beside.form is None else ""
        card = beside.card and (beside.card.kind, beside.card.id)
        return ("msg", body, *beside.media, card, beside.form and beside.form.model_dump(), beside.re)

    def members(self) -> dict[str, Any]:
        """As the database takes it; what there is nothing of is left out. Raises `Invalid` where nothing is said."""
        beside = self.enclosed
        if len(set(beside.media)) < len(beside.media):
            raise Invalid(Fault("/media", "given-twice"))
        optional = {
            "media": list(beside.media),
            "card": beside.card and beside.card.model_dump(mode="json"),
            "form": beside.form and beside.form.model_dump(mode="json"),
        }
        given: dict[str, Any] = {name: value for name, value in optional.items() if value}
        if not self.body and not given:
            raise Invalid
        if beside.re is not None:
            given["re"] = beside.re
        return {"body": self.body, "via": self.via, **given}

    def event(self, answer: Answer, side: Side, client_id: UUID) -> ConversationEvent:
        assert answer.at is not None
        beside = self.enclosed
        pictures = [AttachedPicture.model_validate(each, strict=False) for each in answer.pictures or ()]
        voices = [AttachedVoice.model_validate(each, strict=False) for each in answer.voices or ()]
        message = PostedMessage(
            seq=answer.seq, client_id=client_id, side=side, author=answer.name, body=self.body, via=self.via,
            media=list(beside.media), pictures=pictures, voices=voices, card=beside.card, form=beside.form,
            re=beside.re,
        )  # fmt: skip
        kind = EventKind.MESSAGE if beside.form is None else EventKind.FORM
        return ConversationEvent(
            conversation_id=answer.conversation_id, rev=answer.rev, kind=kind, at=answer.at, message=message
        )


def asked_of(asked: Asked) -> tuple[Any, ...]:
    """What names a message by what its sender asked for."""
    return ("msg", asked)


def kept(answer: Answer, speaker: Speaker, client_id: UUID) -> Sent:
    """What was kept before, as an answer to its sender: its event has no words, nobody is told of it anew."""
    return sent(answer, speaker.clinic_id, _Said("", NOTHING).event(answer, speaker.side, client_id))


async def send(
    database: Database, speaker: Speaker, target: Target, client_id: UUID, body: str, now: datetime,
    *, enclosed: Enclosed = NOTHING,
) -> Sent:  # fmt: skip
    """Keep a message, committed when this returns. Sending it again gives the same answer, for ever.

    Raises `SessionEnded`, `NotAllowed`, `NotFound` (unknown and foreign alike, also of `re`), `NoRecordLinked`,
    `IdReused`, `MediaUnknown`, `Invalid` (nothing is said), and `Unavailable` where the answer was lost: then send the
    same id again.
    """
    said = _Said(body, enclosed)
    members = {**named(client_id, *said.asked()), **made(), "said": said.members()}
    answer = await act(database, speaker, target, "msg", now, **members)
    return sent(answer, speaker.clinic_id, said.event(answer, speaker.side, client_id))


async def post_message(
    writing: Writing, thread: Thread, author: Author, client_id: UUID, body: str, cause_id: UUID | None, now: datetime,
    *, via: Via = Via.APP, enclosed: Enclosed = NOTHING,
) -> Sent:  # fmt: skip
    """A message of the clinic's own machinery, or one that came by another channel, in the caller's transaction;
    nodes find it within a second.

    `client_id` is the caller's name for it for ever (an enrolment's step): posted again it is the same message.
    Commit soon: the conversation stays locked until then. Raises `IdReused`, `MediaUnknown`, `NotFound` (`re`).
    """
    said = _Said(body, enclosed, via)
    values = {
        "clinic": thread.clinic_id, "patient": thread.patient_id, "side": author.side.value, "sender": author.id,
        "name": author.name, "cause": cause_id, "at": now, "said": written(said.members()).decode(), **made(),
        **named(client_id, *said.asked()),
    }  # fmt: skip
    answer = answered((await writing.execute(text(SAID), values)).scalar_one())
    return sent(answer, thread.clinic_id, said.event(answer, author.side, client_id))
