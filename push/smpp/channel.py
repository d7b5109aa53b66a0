"""Sends SMS over SMPP 3.4, and brings receipts and answers: one line, one session, bound when it is first needed.

The host is the clinic's choice, so only public addresses are called. Without TLS the protocol shows password, numbers
and words to everybody on the way: a line without it belongs into a tunnel.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from core import clock
from core.guarded_resolver import GuardedResolver, HostRefused
from push.channel import Message, Target
from push.outcome import Outcome, Result
from push.report import Incoming, Report
from push.smpp.joining import Joiner
from push.smpp.line import SmppLine
from push.smpp.pdu import Command, ShortMessage, bind_body, message_body, message_of
from push.smpp.session import NotBound, Session, SessionLost
from push.smpp.submit import bind_refused, outcome_of, submits_of
from push.smpp.told import told_by
from push.sms_words import fault_of

_PAUSE_SECONDS = 1.0

KeepTold = Callable[[Report | Incoming], Awaitable[None]]


class Smpp:
    """The channel of one line. Make it where the event loop runs; `close` it there.

    `keep` puts what the center tells where a crash cannot take it, before the center hears that we have it; whatever it
    raises makes the center send it again. Without `keep` the line only sends. `private_hosts`: as for `SmsHttp`.
    """

    def __init__(self, line: SmppLine, private_hosts: Collection[str] = (), keep: KeepTold | None = None) -> None:
        self._line, self._keep = line, keep
        self._joiner = Joiner(self._take, line.joining_seconds)
        self._resolver = GuardedResolver(frozenset(host.lower() for host in private_hosts))
        self._session: Session | None = None
        self._binding: asyncio.Task[Session | Outcome] | None = None
        self._refused: tuple[float, Outcome] | None = None
        self._context: ssl.SSLContext | None = None

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        if fault := fault_of(target, message, self._line.most_segments):
            return fault
        until = asyncio.get_running_loop().time() + deadline.total_seconds()
        bodies = [message_body(each) for each in submits_of(self._line, target, message)]
        try:
            async with asyncio.timeout_at(until):
                session = await self._bound()
                if isinstance(session, Outcome):
                    return session
                await session.turn.acquire()
        except TimeoutError:
            return Outcome(Result.NOT_SENT, "no-turn")
        try:
            return await self._submitted(session, bodies, until)
        finally:
            session.turn.release()

    async def check(self, deadline: timedelta) -> Outcome:
        """Binds, or asks whether the session still stands: no message."""
        until = asyncio.get_running_loop().time() + deadline.total_seconds()
        try:
            async with asyncio.timeout_at(until):
                session = await self._bound()
            if isinstance(session, Outcome):
                return session
            await session.ask(Command.ENQUIRE_LINK, b"", until)
        except (NotBound, SessionLost, TimeoutError):
            return Outcome(Result.NOT_SENT, "no-session")
        return Outcome(Result.ACCEPTED)

    async def listen(self) -> Outcome:
        """Stays bound until the session ends, or says why there is none. Whoever calls decides when to call again."""
        session = await self._bound()
        if isinstance(session, Outcome):
            return session
        await session.ended.wait()
        return Outcome(Result.NOT_SENT, "session-lost")

    async def close(self) -> None:
        binding = self._binding
        if binding is not None:
            found = (await asyncio.gather(binding, return_exceptions=True))[0]
            if isinstance(found, Session):
                await found.unbind()
        self._session = None

    async def _submitted(self, session: Session, bodies: list[bytes], until: float) -> Outcome:
        """Segment after segment, so a refusal is mostly of the first; what a phone shows of a part nobody knows."""
        outcome = Outcome(Result.NOT_SENT, "no-session")
        for n, body in enumerate(bodies):
            outcome = await self._answered(session, body, until)
            if outcome.result is not Result.ACCEPTED:
                return outcome if n == 0 else Outcome(Result.AMBIGUOUS, "part-sent")
        return outcome

    async def _answered(self, session: Session, body: bytes, until: float) -> Outcome:
        try:
            return outcome_of(self._line, await session.ask(Command.SUBMIT_SM, body, until))
        except NotBound:
            return Outcome(Result.NOT_SENT, "no-session")
        except SessionLost:
            return Outcome(Result.AMBIGUOUS, "session-lost")
        except TimeoutError:
            return Outcome(Result.AMBIGUOUS, "answer-lost")

    async def _bound(self) -> Session | Outcome:
        """The session, bound by one for all who wait; for a second after a refusal the refusal."""
        if self._session is not None and not self._session.ended.is_set():
            return self._session
        loop = asyncio.get_running_loop()
        if self._refused is not None and loop.time() < self._refused[0] + _PAUSE_SECONDS:
            return self._refused[1]
        if self._binding is None or self._binding.done():
            self._binding = loop.create_task(self._bind())
        # Shielded: a sender that gives up does not take the others' session with it.
        return await asyncio.shield(self._binding)

    async def _bind(self) -> Session | Outcome:
        try:
            async with asyncio.timeout(self._line.bind_seconds):
                found = await self._tried()
        except HostRefused:
            found = Outcome(Result.CONFIG, "host-refused")
        except (OSError, UnicodeError, TimeoutError, NotBound, SessionLost):
            found = Outcome(Result.NOT_SENT, "no-session")
        if isinstance(found, Session):
            self._session, self._refused = found, None
        else:
            self._refused = (asyncio.get_running_loop().time(), found)
        return found

    async def _tried(self) -> Session | Outcome:
        line = self._line
        reader, writer = await self._connected()
        session = Session(reader, writer, self._kept, line.window, line.enquire_seconds)
        command = Command.BIND_TRANSMITTER if self._keep is None else Command.BIND_TRANSCEIVER
        body = bind_body(line.system_id, line.password.get_secret_value(), line.system_type)
        try:
            answer = await session.ask(command, body, asyncio.get_running_loop().time() + line.bind_seconds)
        except BaseException:
            session.end()
            raise
        refused = bind_refused(line, answer)
        if refused is None:
            return session
        session.end()
        return refused

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects to exactly the addresses that were judged, one after the other."""
        line = self._line
        if line.tls and self._context is None:
            self._context = await asyncio.to_thread(ssl.create_default_context, cadata=line.tls_ca or None)
        name = line.host if line.tls else None
        lost: OSError = OSError("no address")
        for place in await self._resolver.resolve(line.host, line.port):
            try:
                return await asyncio.open_connection(place["host"], line.port, ssl=self._context, server_hostname=name)
            except OSError as error:
                lost = error
        raise lost

    async def _kept(self, body: bytes) -> None:
        """What cannot be read is passed over, and acknowledged: it would come again for ever."""
        try:
            sent = message_of(body)
        except ValueError:
            return
        await self._joiner(sent)

    async def _take(self, sent: ShortMessage) -> None:
        told = told_by(self._line, sent, clock.now())
        if told is not None and self._keep is not None:
            await self._keep(told)
