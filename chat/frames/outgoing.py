"""What we say: frames as text, written once however many hear them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from chat import conversation
from chat.conversation import Gone, Rate, Resume, Side, Via, sending
from chat.desk_facts import DeskView
from chat.log import ConversationEvent, ConversationState, EventPage, PostedMessage
from core.moments import rfc3339

_ENCODER = msgspec.json.Encoder()


def _frame(kind: str, **members: Any) -> str:
    return _ENCODER.encode({"t": kind, **members}).decode()


PING = _frame("ping")
PONG = _frame("pong")


class Missed(NamedTuple):
    """Where every conversation stands that changed; `whole`: these are all. `cur` is to be said in the next hello.
    `void`: what the device holds is of another history.
    """

    cur: str
    changed: Sequence[ConversationState]
    whole: bool
    void: bool


def welcome(
    connection_id: UUID,
    side: Side,
    now: datetime,
    ping: float,
    expires_at: datetime,
    missed: Missed,
    held: Mapping[UUID, Sequence[int]],
) -> str:
    """What was missed (`prev`: what the device said it holds of a conversation), and the limits."""
    known: dict[str, Any] = {
        "conn": connection_id, "now": rfc3339(now), "ping": max(round(ping), 1), "exp": rfc3339(expires_at),
        "cur": missed.cur, "whole": missed.whole,
    }  # fmt: skip
    known |= {"void": True} if missed.void else {}
    return _frame("welcome", **known, changed=[_line(state, held) for state in missed.changed], lim=limits(side))


def _line(state: ConversationState, held: Mapping[UUID, Sequence[int]]) -> dict[str, Any]:
    where = {"c": state.conversation_id, "patient": state.patient_id, "rev": state.rev, "seq": state.last_seq}
    prev = held.get(state.conversation_id) if state.conversation_id else None
    return {**where, "unread": state.unread, **({} if prev is None else {"prev": prev[0]})}


def limits(side: Side) -> dict[str, Any]:
    """How much at once and how fast; rates are how many at once and how many a second after that."""
    most = conversation.MOST_SOCKETS_OF_PATIENT if side is Side.PATIENT else conversation.MOST_SOCKETS_OF_STAFF
    return {
        "frame": conversation.LARGEST_FRAME, "body": conversation.LONGEST_BODY, "media": conversation.MOST_MEDIA,
        "page": conversation.LARGEST_PAGE, "watch": conversation.MOST_WATCHED, "sockets": most,
        "send": _rate(sending(side)), "mark": _rate(conversation.MARKING), "typing": _rate(conversation.TYPING),
        "sync": _rate(conversation.ASKING),
    }  # fmt: skip


def _rate(rate: Rate) -> list[float]:
    return [rate.burst, rate.per_second]


def auth(rest: timedelta) -> str:
    """How long the token still counts."""
    return _frame("auth", **{"in": max(int(rest.total_seconds()), 0)})


def ack(client_id: UUID, event: ConversationEvent, seq: int, *, dup: bool) -> str:
    known = {"c": event.conversation_id, "seq": seq, "rev": event.rev, "at": rfc3339(event.at), "dup": dup}
    return _frame("ack", id=client_id, **known)


def nak(code: str, client_id: UUID | None, wait: float | None) -> str:
    """`code` is a refusal's slug, the same that REST answers with; `wait` (seconds) says that the same may be sent
    again after that.
    """
    pause = {} if wait is None else {"after": int(wait * 1000) + 1}
    name = {} if client_id is None else {"id": client_id}
    return _frame("nak", code=code, retry=wait is not None, **pause, **name)


def ev(event: ConversationEvent) -> str:
    return _frame("ev", **_event(event))


def page(conversation_id: UUID, log: str, found: EventPage, *, back: bool) -> str:
    """A page of the log, as much of it as a slow line can take; `back`: scrolling back, so the newest stay."""
    pieces = [_ENCODER.encode(_event(event)) for event in found.events]
    fitting = _fitting(pieces[::-1])[::-1] if back else _fitting(pieces)
    more = found.more or len(fitting) < len(pieces)
    return _frame("page", c=conversation_id, log=log, evs=[msgspec.Raw(piece) for piece in fitting], more=more)


def _fitting(pieces: list[bytes]) -> list[bytes]:
    size = 0
    for number, piece in enumerate(pieces):
        size += len(piece)
        if size > conversation.LARGEST_PAGE_BYTES and number:
            return pieces[:number]
    return pieces


def reset(conversation_id: UUID, log: str, rev: int, why: Resume | Gone) -> str:
    """What the device holds cannot be carried on: forget it, ask for the newest messages, follow from `rev`.

    Of a conversation that is gone for this reader there is nothing to ask for.
    """
    return _frame("reset", c=conversation_id, log=log, rev=rev, why=why.value)


def typing(conversation_id: UUID, side: Side, name: str) -> str:
    who = {"side": side, "name": name}
    return _frame("typing", c=conversation_id, who=who, ttl=conversation.TYPING_SECONDS)


def inbox(conversation_id: UUID, rev: int, row: bytes) -> str:
    """A line of the desk's inbox, JSON already."""
    return _frame("inbox", c=conversation_id, rev=rev, row=msgspec.Raw(row))


def desk(view: DeskView) -> str:
    opens = {} if view.opens_at is None else {"opens": rfc3339(view.opens_at)}
    return _frame("desk", open=view.open, **opens, online=view.online, replies=view.replies)


def _event(event: ConversationEvent) -> dict[str, Any]:
    common = {"c": event.conversation_id, "log": event.log, "rev": event.rev, "k": event.kind, "at": rfc3339(event.at)}
    by, data = _told(event)
    return {**common, "by": by, "d": data} if by else {**common, "d": data}


def _told(event: ConversationEvent) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: PLR0911  one for each member
    """Who did it, as far as it is told, and what."""
    if said := event.message:
        return {"side": said.side, "name": said.author}, _message(said)
    if moved := event.mark:
        return {"side": moved.side}, {"dlv": moved.delivered, "read": moved.read}
    if liked := event.reaction:
        return {"side": liked.side, "id": liked.person_id}, {"seq": liked.seq, "react": liked.emoji}
    if edited := event.edited:
        return {}, {"seq": edited.seq, "body": edited.body}
    if deleted := event.deleted:
        return {}, {"seq": deleted.seq}
    if note := event.note:
        return {"side": Side.CLINIC, "name": note.author}, {"body": note.body}
    told = event.state or event.case
    assert told is not None, f"an event that tells nothing: {event.kind}"
    return {}, told.model_dump(mode="json", exclude_none=True)


def _message(said: PostedMessage) -> dict[str, Any]:
    """The members every message has, and of the others those that say something."""
    data: dict[str, Any] = {"seq": said.seq, "id": said.client_id, "body": said.body}
    if said.via is not Via.APP:
        data["via"] = said.via
    if said.media:
        data["media"] = said.media
        data["pictures"] = [each.model_dump() for each in said.pictures]
    if said.voices:
        data["voices"] = [each.model_dump() for each in said.voices]
    if said.re is not None:
        data["re"] = said.re
    if said.card or said.form or said.edited_at or said.deleted or said.reactions:
        data |= _seldom(said)
    return data


def _seldom(said: PostedMessage) -> dict[str, Any]:
    reactions = [{"by": {"side": each.side, "id": each.person_id}, "react": each.emoji} for each in said.reactions]
    told = {
        "card": said.card and said.card.model_dump(mode="json", exclude_none=True),
        "form": said.form and said.form.model_dump(mode="json"),
        "edited": said.edited_at and rfc3339(said.edited_at),
        "deleted": said.deleted,
        "reactions": reactions,
    }
    return {name: value for name, value in told.items() if value}
