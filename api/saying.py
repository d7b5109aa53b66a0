"""What is said in the chat, whichever door it comes through: one pace, one command, one announcement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from api.ports import Ports
from chat.commands import Asked, Enclosed, Marked, Sent, Speaker, Target, delete, edit, note, react, send
from chat.conversation import TYPING, Side
from chat.form_answers import filled, form_text
from chat.log import Card, FilledForm, Log, Thread
from chat.queries.bot import starters_of
from chat.queries.sent import sent_before
from chat.starter import starter_named
from clinic.queries.places import earliest_today
from clinic.queries.title import clinic_language
from core.clock import now
from core.database import Database, Reading, Scope
from core.errors import Fault, Invalid, TooMany
from identity.sign_in import Audience
from identity.tokens import Claims

Op = Literal["msg", "edit", "del", "react", "form", "note"]


@dataclass(frozen=True, slots=True)
class Saying:
    """Something to be kept; `op` says which members count. `client_id` names it for ever."""

    op: Op
    client_id: UUID
    target: Target
    body: str = ""
    media: Sequence[UUID] = ()
    re: int | None = None
    form: FilledForm | None = None
    card: Card | None = None
    """Made by the server, of what was `asked`."""
    asked: Asked | None = None
    seq: int | None = None
    emoji: str = ""


def speaker_of(claims: Claims) -> Speaker:
    side = Side.PATIENT if claims.audience is Audience.PATIENT else Side.CLINIC
    return Speaker(side, claims.clinic_id, claims.subject_id, claims.session_id)


async def keep(ports: Ports, speaker: Speaker, saying: Saying) -> Sent:
    """Have it kept, at the pace the account has for all its sockets and for REST. `tell` what was kept."""
    at = now()
    if wait := ports.hub.pace.take_message(speaker.side, speaker.account_id, at.timestamp()):
        raise TooMany(retry_after_seconds=wait)
    return await _kept(ports, speaker, saying, at)


async def _kept(ports: Ports, speaker: Speaker, saying: Saying, at: datetime) -> Sent:
    if saying.body and not saying.body.strip():
        raise Invalid(Fault("/body", "string-pattern-mismatch"))
    who = (ports.database, speaker, saying.target, saying.client_id)
    if saying.op == "msg":
        return await send(*who, saying.body, at, enclosed=_enclosed(saying))
    if saying.op == "note":
        return await note(*who, saying.body, at)
    if saying.op == "form":
        if saying.form is None:
            raise Invalid(Fault("/form", "missing"))
        return await _answered_starter(ports, speaker, saying, saying.form, at)
    return await _changed(who, saying, at)


def _enclosed(saying: Saying) -> Enclosed:
    return Enclosed(saying.media, saying.card, re=saying.re, asked=saying.asked)


async def _answered_starter(ports: Ports, speaker: Speaker, saying: Saying, form: FilledForm, at: datetime) -> Sent:
    asked = {"form": form.model_dump(mode="json")}
    async with ports.database.reading(Scope(speaker.clinic_id, guarded=True)) as reading:
        before = await sent_before(reading, speaker, saying.target, saying.client_id, asked, at)
        if before is not None:
            return before
        if speaker.side is not Side.PATIENT:
            raise Invalid(Fault("/form", "unknown-reference"))
        form, body = await filled_in(reading, speaker.clinic_id, form, at)
    enclosed = Enclosed(form=form, asked=asked)
    return await send(ports.database, speaker, saying.target, saying.client_id, body, at, enclosed=enclosed)


async def _changed(who: tuple[Database, Speaker, Target, UUID], saying: Saying, at: datetime) -> Sent:
    if saying.seq is None:
        raise Invalid(Fault("/seq", "missing"))
    if saying.op == "edit":
        return await edit(*who, saying.seq, saying.body, at)
    if saying.op == "del":
        return await delete(*who, saying.seq, at)
    return await react(*who, saying.seq, saying.emoji, at)


async def filled_in(reading: Reading, clinic_id: UUID, form: FilledForm, at: datetime) -> tuple[FilledForm, str]:
    """A patient's answers to a starter of the clinic as they are kept, and how they read as a message in the clinic's
    language. Raises `Invalid`.
    """
    starter = starter_named(await starters_of(reading, clinic_id), form.starter)
    language = await clinic_language(reading, clinic_id)
    if starter is None:
        raise Invalid(Fault("/form/starter", "unknown-reference"))
    kept = filled(starter, form.answers, await earliest_today(reading, clinic_id, at))
    return kept, form_text(starter, kept, language)


def tell(ports: Ports, done: Sent | Marked) -> None:
    """Let the sockets know what was committed and is new."""
    if isinstance(done, Marked):
        if done.event is not None:
            ports.hub.announce(done.thread, done.event)
    elif not done.dup:
        ports.hub.announce(done.thread, done.event, stands={Log.SHARED: done.rev, Log.STAFF: done.srev})


def hint_typing(ports: Ports, speaker: Speaker, thread: Thread, conversation_id: UUID, name: str) -> None:
    """Let the others of the thread see that somebody types; more than one in 3 s is passed over."""
    if not ports.hub.typings.take(speaker.account_id, TYPING, now().timestamp()):
        ports.hub.hint_typing(thread, conversation_id, speaker, name)
