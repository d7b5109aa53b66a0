"""Mail by SMTP submission: one transaction for each message, one of seven outcomes, never a second try.

Until the last dot of a mail nothing of it counts, so a loss before it is NOT_SENT; after it only the relay knows.
Sources: RFC 5321, 6409 (submission), 3207 (STARTTLS), 4954 (AUTH), 6531 (SMTPUTF8), 8058 (one-click).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial

import aiosmtplib

from core import clock
from push.channel import Message, Target
from push.mail_answers import Step, garbled, lost
from push.mail_letter import BadLetter, Letter, letter
from push.mail_line import MailLine
from push.mail_wire import Refused, Wire
from push.mail_wires import Wires
from push.outcome import Outcome, Result

_NAMED = (Result.ACCEPTED, Result.AMBIGUOUS)


class Email:
    """The channel of one clinic's line. Use and `close` it on one event loop.

    `private_hosts`: the operator's own relays, whose addresses need not be public.
    """

    def __init__(self, line: MailLine, private_hosts: Collection[str] = ()) -> None:
        self._line = line
        self._wires = Wires(line, private_hosts)

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        if message.silent:  # there is no icon to move in a mailbox
            return Outcome(Result.BAD_MESSAGE, "silent")
        try:
            made = letter(self._line, target.token, message, clock.now())
        except BadLetter as bad:
            return Outcome(Result.BAD_MESSAGE, bad.code)
        except ValueError:
            return Outcome(Result.DEAD, "not-an-address")
        outcome = await self._within(deadline, partial(_carried, made))
        return replace(outcome, provider_id=made.token) if outcome.result in _NAMED else outcome

    async def check(self, deadline: timedelta) -> Outcome:
        """Signs in and asks whether the relay takes mail of our sender."""
        sender = f"b@{self._line.bounce_domain}" if self._line.bounce_domain else self._line.from_address
        return await self._within(deadline, lambda wire: wire.may_send_as(sender))

    async def close(self) -> None:
        await self._wires.close()

    async def _within(self, deadline: timedelta, done: Callable[[Wire], Awaitable[Outcome]]) -> Outcome:
        wire: Wire | None = None
        try:
            async with asyncio.timeout(deadline.total_seconds()), self._wires.one() as wire:
                return await done(wire)
        except Refused as refused:
            return refused.outcome
        except aiosmtplib.SMTPResponseException:
            return garbled(_step(wire))
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return lost(_step(wire))


def _step(wire: Wire | None) -> Step:
    return wire.step if wire is not None else Step.GREETING


async def _carried(made: Letter, wire: Wire) -> Outcome:
    return await wire.carry(made)
