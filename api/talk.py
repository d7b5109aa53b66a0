"""What a seated socket asks and is answered: the same commands and refusals as the chat's REST routes."""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from api.ports import Ports
from api.transaction import record_to_open, scope_of, standing_staff
from chat import frames
from chat.commands import Target, mark, send
from chat.conversation import Side, asking, marking, patience
from chat.frames import Close, MarkUp, Send, Sync
from chat.hub import Listener
from chat.queries import LogHead, events_after, log_head, messages_before
from clinic.household import AccessScope
from core.clock import now
from core.database import Reading
from core.errors import Invalid, NotFound, NotSignedIn, Refusal, TooMany, Unavailable
from identity.permissions import Permission
from identity.tokens import Claims

_ANY = ""
_LOG = logging.getLogger("enamel.chat")


class Talk:
    """Answers one socket's frames, one after the other. Rights are asked with each, in its own statement."""

    def __init__(self, ports: Ports, claims: Claims, listener: Listener, at: datetime) -> None:
        self._database = ports.database
        self._hub = ports.hub
        self._claims = claims
        self._listener = listener
        self._buckets = {"mark": marking(at), _ANY: asking(at)}
        self._patience = patience(at)

    async def answer(self, frame: dict[str, Any]) -> None:
        """Act on one frame; what is refused is answered with a `nak`. Raises `NotSignedIn` when it is over.

        Frames of a kind we do not know are passed over, but count against the sender's patience like others.
        """
        kind, at = frame["t"], now()
        try:
            self._slow_down(kind, at)
            answering = self._ANSWERS.get(kind)
            if answering is not None:
                await answering(self, frame, at)
        except NotSignedIn:
            raise
        except ValidationError:
            self._refuse(Invalid(), frame)
        except Refusal as refusal:
            self._refuse(refusal, frame)
        except (SQLAlchemyError, OSError) as error:
            _LOG.warning("a frame could not be answered: %s", type(error).__name__)
            self._refuse(Unavailable(retry_after_seconds=1), frame)

    def _slow_down(self, kind: str, at: datetime) -> None:
        wait = self._wait(kind, at)
        if not wait:
            return
        self._patience, beyond = self._patience.take(at)
        if beyond:
            self._listener.end(Close.TOO_FAST)
        raise TooMany(retry_after_seconds=int(wait.total_seconds()) + 1)

    def _wait(self, kind: str, at: datetime) -> timedelta:
        if kind == "send":
            return self._hub.pace.take(self._listener.speaker.side, self._listener.speaker.account_id, at)
        name = kind if kind in self._buckets else _ANY
        self._buckets[name], wait = self._buckets[name].take(at)
        return wait

    def _refuse(self, refusal: Refusal, frame: dict[str, Any]) -> None:
        self._listener.offer(frames.nak(refusal.slug, _id_of(frame), refusal.retry_after_seconds))

    async def _send(self, frame: dict[str, Any], at: datetime) -> None:
        said = Send.model_validate(frame)
        target = Target(said.c, said.to.patient)
        if said.to.clinic not in (None, self._claims.clinic_id):
            raise NotFound
        sent = await send(self._database, self._listener.speaker, target, said.id, said.body, at)
        self._listener.offer(frames.ack(said.id, sent.event, sent.seq, dup=sent.dup))
        if not sent.dup:
            self._hub.announce(sent.thread, sent.event)

    async def _mark(self, frame: dict[str, Any], at: datetime) -> None:
        up = MarkUp.model_validate(frame)
        moved = await mark(self._database, self._listener.speaker, Target(up.c), up.dlv, up.read, at)
        if moved.event is not None:
            self._hub.announce(moved.thread, moved.event)

    async def _sync(self, frame: dict[str, Any], at: datetime) -> None:
        asked = Sync.model_validate(frame)
        async with self._database.reading(scope_of(self._claims)) as reading:
            head = await self._opened(reading, asked.c, at)
            if asked.before is not None:
                page = await messages_before(reading, head, asked.before, asked.lim)
            else:
                page = await events_after(reading, head, asked.after, asked.lim)
        if page.reset is not None:
            self._listener.offer(frames.reset(asked.c, page.rev, page.reset))
        else:
            self._listener.offer(frames.page(asked.c, page))

    async def _ping(self, _frame: dict[str, Any], _at: datetime) -> None:
        self._listener.offer(frames.PONG)

    async def _opened(self, reading: Reading, conversation_id: UUID, at: datetime) -> LogHead:
        """The conversation, where this caller may read it; unknown and foreign ones alike are `NotFound`."""
        if self._listener.speaker.side is Side.CLINIC:
            await standing_staff(reading, self._claims, Permission.REPLY)
        head = await log_head(reading, self._claims.clinic_id, conversation_id)
        if head is None:
            raise NotFound
        if self._listener.speaker.side is Side.PATIENT:
            await record_to_open(reading, self._claims, head.patient_id, at, AccessScope.CHAT)
        return head

    _Answering = Callable[["Talk", dict[str, Any], datetime], Awaitable[None]]
    _ANSWERS: ClassVar[dict[str, _Answering]] = {"send": _send, "mark": _mark, "sync": _sync, "ping": _ping}


def remains(raw: bytes) -> dict[str, Any] | None:
    """Kind and id of a frame that is JSON but says what we take from nobody (NUL, endless numbers); else None.

    `Talk` refuses what is left with a `nak`: a device that was shown out instead would resend it for ever.
    """
    try:
        frame = json.loads(raw.decode(), parse_int=float, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, dict) or not isinstance(frame.get("t"), str):
        return None
    name = _id_of(frame)
    return None if name is None or frame["t"] == "hello" else {"t": frame["t"], "id": str(name)}


def _no_json(constant: str) -> None:
    raise ValueError(constant)


def _id_of(frame: dict[str, Any]) -> UUID | None:
    """The id a refused frame came with, for the sender to know which; never text that is no id."""
    try:
        return UUID(frame["id"])
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
