"""What a seated socket asks and is answered: the same commands and refusals as the chat's REST routes."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from asyncpg import PostgresError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from api.hearing import Faulty, SocketEnds, too_fast
from api.looks import note_look_at_chat
from api.ports import Ports
from api.saying import Saying, hint_typing, keep, speaker_of, tell
from api.transaction import StaffWrites, record_to_open, scope_of, standing_staff
from chat import frames
from chat.commands import Target, mark
from chat.conversation import ASKING, MARKING, PATIENCE, Side
from chat.frames import Asking, Auth, Close, Focus, Frame, Hello, MarkUp, Ping, Send, Sync, Typing, Watch
from chat.listener import Listener
from chat.log import FilledForm, Log, Thread
from chat.queries import LogHead, head_for_staff, log_head, log_page
from clinic.household import AccessScope
from clinic.queries import StaffStanding
from core.clock import now
from core.connection_loss import CONNECTION_LOST
from core.database import Reading
from core.errors import Invalid, NotAllowed, NotFound, NotSignedIn, Refusal, TooMany, Unavailable
from identity.permissions import Permission
from identity.sign_in import Audience
from identity.tokens import Claims, TokenRefused

_LOG = logging.getLogger("enamel.chat")
_CALMER_WITHIN = 1_000


def claims_of(ports: Ports, token: str) -> Claims:
    """Whose token it is: a patient's or staff's; a partner's is refused."""
    try:
        return ports.keys.tokens.verify(token, Audience.PATIENT, now())
    except TokenRefused:
        return ports.keys.tokens.verify(token, Audience.STAFF, now())


class Talk:
    """Answers one socket's frames, one after the other. Rights are asked with each, in its own statement."""

    __slots__ = ("_claims", "_listener", "_ports")

    def __init__(self, ports: Ports, claims: Claims, listener: Listener) -> None:
        self._ports = ports
        self._claims = claims
        self._listener = listener

    async def answer(self, frame: Frame | Faulty | None) -> None:
        """Act on one frame; what is refused is answered with a `nak`. Raises `NotSignedIn` when it is over.

        Frames of a kind we do not know are passed over, but count against the sender's patience like others.
        """
        try:
            if not isinstance(frame, Send):  # which has the pace of its account
                self._slow_down(frame)
            if isinstance(frame, Faulty):
                raise Invalid
            answering = self._ANSWERS.get(type(frame))
            if answering is not None:
                await answering(self, frame, now())
        except NotSignedIn:
            raise
        except ValidationError:
            self._refuse(Invalid(), frame)
        except Refusal as refusal:
            self._refuse(refusal, frame)
        except (SQLAlchemyError, PostgresError, *CONNECTION_LOST) as error:
            _LOG.warning("a frame could not be answered: %s", type(error).__name__)
            self._refuse(Unavailable(retry_after_seconds=1), frame)

    def _slow_down(self, frame: Frame | Faulty | None) -> None:
        at, listener = now().timestamp(), self._listener
        if isinstance(frame, MarkUp):
            listener.marked, wait = MARKING.take(listener.marked, at)
        else:
            listener.asked, wait = ASKING.take(listener.asked, at)
        if wait:
            raise TooMany(retry_after_seconds=wait)

    def _refuse(self, refusal: Refusal, frame: Frame | Faulty | None) -> None:
        name = frame.id if isinstance(frame, Send | Asking | Faulty) else None
        if isinstance(refusal, TooMany):
            self._lose_patience()
        self._listener.offer(frames.nak(refusal.slug, name, refusal.retry_after_seconds))

    def _lose_patience(self) -> None:
        """Told to slow down for the third time: after this answer the socket ends."""
        listener = self._listener
        listener.patience, beyond = PATIENCE.take(listener.patience, now().timestamp())
        if beyond:
            raise too_fast(beyond, spread=_CALMER_WITHIN)

    async def _send(self, said: Send, _at: datetime) -> None:
        if said.to.clinic not in (None, self._claims.clinic_id):
            raise NotFound
        saying = Saying(
            said.op, said.id, Target(said.c, said.to.patient), body=said.body, media=said.media, re=said.re,
            form=None if said.form is None else FilledForm.model_validate(said.form), seq=said.seq, emoji=said.react,
        )  # fmt: skip
        sent = await keep(self._ports, self._listener.speaker, saying)
        # In line first, written last: it is committed, and who waits for it hears of it before who said it.
        self._listener.offer(frames.ack(said.id, sent.event, sent.seq, dup=sent.dup), later=True)
        tell(self._ports, sent)
        self._listener.news()

    async def _mark(self, up: MarkUp, at: datetime) -> None:
        who = (self._ports.database, self._listener.speaker, Target(up.c))
        tell(self._ports, await mark(*who, up.dlv, up.read, at, front=self._listener.front))

    async def _sync(self, asked: Sync, at: datetime) -> None:
        log = Log(asked.log)
        if log is Log.STAFF and self._listener.speaker.side is Side.PATIENT:
            raise NotFound  # as if there were none
        async with self._ports.database.reading(scope_of(self._claims)) as reading:
            head, staff = await self._opened(reading, asked.c, at)
            page = await log_page(reading, head, asked.after, asked.before, asked.lim, log, self._listener.epoch)
        if staff is not None:
            await self._note_look(staff, head.patient_id, at)
        if page.reset is not None:
            self._listener.offer(frames.reset(asked.c, asked.log, page.rev, page.reset))
        else:
            self._listener.offer(frames.page(asked.c, asked.log, page, back=asked.before is not None))

    async def _note_look(self, staff: StaffStanding, patient_id: UUID, at: datetime) -> None:
        clinic_id = self._claims.clinic_id
        async with self._ports.database.writing(scope_of(self._claims)) as writing:
            await note_look_at_chat(StaffWrites(writing, clinic_id, staff, at), patient_id)

    async def _typing(self, typing: Typing, at: datetime) -> None:
        async with self._ports.database.reading(scope_of(self._claims)) as reading:
            head, staff = await self._opened(reading, typing.c, at)
        name = "" if staff is None else staff.name
        thread = Thread(head.clinic_id, head.patient_id)
        hint_typing(self._ports, self._listener.speaker, thread, head.conversation_id, name)

    async def _watch(self, watch: Watch, at: datetime) -> None:
        if self._listener.speaker.side is Side.PATIENT:
            raise NotAllowed
        if not watch.on:
            self._ports.hub.unwatch(self._listener, watch.c)
            return
        async with self._ports.database.reading(scope_of(self._claims)) as reading:
            head, staff = await self._opened(reading, watch.c, at)
        if staff is not None:  # from now on it hears every word
            await self._note_look(staff, head.patient_id, at)
        self._ports.hub.watch(self._listener, watch.c, Thread(head.clinic_id, head.patient_id))

    async def _focus(self, focus: Focus, _at: datetime) -> None:
        self._ports.hub.look(self._listener, on=focus.on)

    async def _auth(self, auth: Auth, at: datetime) -> None:
        """A new token of the same account; another's ends the socket. What is no token of ours is refused."""
        try:
            claims = claims_of(self._ports, auth.tok)
        except NotSignedIn as refusal:
            self._refuse(refusal, auth)
            return
        same = (self._claims.audience, self._claims.clinic_id, self._claims.subject_id)
        if (claims.audience, claims.clinic_id, claims.subject_id) != same:
            raise SocketEnds(Close.NO_RIGHT)
        self._claims = claims
        self._ports.hub.renew(self._listener, speaker_of(claims), claims.expires_at)
        self._listener.offer(frames.auth(claims.expires_at - at))

    async def _hello(self, _hello: Hello, _at: datetime) -> None:
        raise SocketEnds(Close.BAD_FRAME)  # it has said so already

    async def _ping(self, _ping: Ping, _at: datetime) -> None:
        self._listener.offer(frames.PONG)

    async def _opened(
        self, reading: Reading, conversation_id: UUID, at: datetime
    ) -> tuple[LogHead, StaffStanding | None]:
        """The conversation, where this caller may read it, and who of staff it is; unknown ones, foreign ones and those
        out of reach alike are `NotFound`.
        """
        clinic_id = self._claims.clinic_id
        if self._listener.speaker.side is Side.CLINIC:
            staff = await standing_staff(reading, self._claims, Permission.REPLY)
            return await head_for_staff(reading, clinic_id, conversation_id, staff.staff_id), staff
        head = await log_head(reading, clinic_id, conversation_id)
        if head is None:
            raise NotFound
        await record_to_open(reading, self._claims, head.patient_id, at, AccessScope.CHAT)
        return head, None

    _Answering = Callable[["Talk", Any, datetime], Awaitable[None]]
    _ANSWERS: ClassVar[dict[Any, _Answering]] = {
        Send: _send, MarkUp: _mark, Sync: _sync, Typing: _typing, Watch: _watch, Focus: _focus, Auth: _auth,
        Hello: _hello, Ping: _ping,
    }  # fmt: skip
