"""One connection to a relay: found, encrypted, signed in, and one mail at a time over it."""

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from typing import cast

import aiosmtplib
from aiohttp.abc import ResolveResult

from push.mail_answers import Step, garbled, outcome_of
from push.mail_letter import Letter
from push.mail_line import MailLine, Security
from push.outcome import Outcome, Result

MOST_MAILS = 100
LONGEST_IDLE_SECONDS = 30
_REACH_SECONDS = 5
_RESET_SECONDS = 3
_START, _CLOSING = 354, 421
_DONE = (250, 251)
_DOT_FIRST = re.compile(rb"^\.", re.MULTILINE)


class Refused(Exception):
    """The relay, or we ourselves, said no; `outcome` is what."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class Wire:
    """`step` is how far the present mail has come: what a loss means depends on it."""

    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        self._smtp = smtp
        self._mails = 0
        self._used_at = 0.0
        self._is_broken = False
        self.step = Step.MAIL

    async def carry(self, letter: Letter) -> Outcome:
        """Hands over one mail. Raises what aiosmtplib raises when the connection is lost."""
        self._mails += 1
        encoding, sender = "utf-8" if letter.utf8 else "ascii", f"FROM:<{letter.sender}>".encode("ascii")
        refused = (
            self._unfit(letter)
            or await self._told(Step.MAIL, _DONE, b"MAIL", sender, *self._options(letter))
            or await self._told(Step.RCPT, _DONE, b"RCPT", f"TO:<{letter.recipient}>".encode(encoding))
            or await self._told(Step.DATA, (_START,), b"DATA")
        )
        return refused or await self._handed_over(letter)

    async def may_send_as(self, sender: str) -> Outcome:
        """Whether the relay takes mail of `sender` from us; nobody is written to."""
        refused = await self._told(Step.MAIL, _DONE, b"MAIL", f"FROM:<{sender}>".encode("ascii"))
        return refused or Outcome(Result.ACCEPTED)

    async def is_ready_again(self) -> bool:
        """Whether it is still there, with nothing left of the mail before."""
        idle = asyncio.get_running_loop().time() - self._used_at
        if not self._smtp.is_connected or idle > LONGEST_IDLE_SECONDS or self._mails >= MOST_MAILS:
            return False
        self.step = Step.MAIL
        try:
            async with asyncio.timeout(_RESET_SECONDS):
                return (await self._smtp.execute_command(b"RSET")).code in _DONE
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return False

    def may_be_kept(self) -> bool:
        self._used_at = asyncio.get_running_loop().time()
        return self._smtp.is_connected and not self._is_broken

    def close(self) -> None:
        if self._smtp.transport is not None:
            cast(asyncio.WriteTransport, self._smtp.transport).abort()  # uvloop's are of no class of asyncio
        self._smtp.close()

    async def quit(self) -> None:
        try:
            async with asyncio.timeout(1):
                await self._smtp.execute_command(b"QUIT")
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass
        finally:
            self.close()

    def _unfit(self, letter: Letter) -> Outcome | None:
        """Why this relay cannot carry it, as far as it has said."""
        size = self._smtp.esmtp_extensions.get("size", "")
        if size.isdecimal() and 0 < int(size) < len(letter.content):
            return Outcome(Result.BAD_MESSAGE, "too-large")
        if letter.utf8 and not self._smtp.supports_extension("smtputf8"):
            return Outcome(Result.BAD_MESSAGE, "no-smtputf8")
        return None

    def _options(self, letter: Letter) -> list[bytes]:
        size = [f"SIZE={len(letter.content)}".encode()] if self._smtp.supports_extension("size") else []
        return [*size, b"BODY=8BITMIME", b"SMTPUTF8"] if letter.utf8 else size

    async def _told(self, step: Step, good: Sequence[int], *command: bytes) -> Outcome | None:
        """None where the relay goes along."""
        self.step = step
        answer = await self._smtp.execute_command(*command)
        return None if answer.code in good else self._refusal(answer)

    async def _handed_over(self, letter: Letter) -> Outcome:
        protocol = self._smtp.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("lost")
        # A line of one dot ends the mail, so dots at a line's begin are doubled (RFC 5321, 4.5.2).
        protocol.write(_DOT_FIRST.sub(b"..", letter.content) + b".\r\n")
        self.step = Step.DOT
        answer = await protocol.read_response()
        return Outcome(Result.ACCEPTED) if answer.code in _DONE else self._refusal(answer)

    def _refusal(self, answer: aiosmtplib.SMTPResponse) -> Outcome:
        outcome = outcome_of(self.step, answer.code, answer.message)
        self._is_broken = answer.code == _CLOSING or outcome == garbled(self.step)
        return outcome


async def opened(line: MailLine, places: Sequence[ResolveResult], context: ssl.SSLContext) -> Wire:
    """Connected to the first of `places` that answers, encrypted and signed in. Raises `Refused` and OSError."""
    smtp = aiosmtplib.SMTP(
        hostname=line.host,
        sock=await _reached(places),
        use_tls=line.security is Security.TLS,
        start_tls=False,
        tls_context=context,
        timeout=None,
        local_hostname=line.from_address.rpartition("@")[2],
    )
    wire = Wire(smtp)
    wire.step = Step.GREETING
    try:
        await smtp.connect()
        await smtp.ehlo()
        if line.security is Security.STARTTLS:
            await _encrypt(smtp)
        wire.step = Step.LOGIN
        await _sign_in(smtp, line)
    except aiosmtplib.SMTPResponseException as error:
        wire.close()
        raise Refused(outcome_of(wire.step, error.code, error.message)) from None
    except BaseException as error:
        wire.close()
        if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
            raise Refused(Outcome(Result.NOT_SENT, "tls-failed")) from None
        raise
    return wire


async def _reached(places: Sequence[ResolveResult]) -> socket.socket:
    """A connection to the first that answers within five seconds. Raises OSError."""
    loop = asyncio.get_running_loop()
    for place in places:
        reached = socket.socket(place["family"], socket.SOCK_STREAM)
        reached.setblocking(False)
        try:
            async with asyncio.timeout(_REACH_SECONDS):
                await loop.sock_connect(reached, (place["host"], place["port"]))
        except (OSError, TimeoutError):
            reached.close()
        except BaseException:
            reached.close()
            raise
        else:
            return reached
    raise ConnectionError


async def _encrypt(smtp: aiosmtplib.SMTP) -> None:
    if not smtp.supports_extension("starttls"):
        raise Refused(Outcome(Result.CONFIG, "no-starttls"))
    try:
        await smtp.starttls()
    except aiosmtplib.SMTPResponseException:
        raise Refused(Outcome(Result.NOT_SENT, "tls-failed")) from None
    await smtp.ehlo()  # what was offered before the encryption, anybody may have written (RFC 3207, 4.2)


async def _sign_in(smtp: aiosmtplib.SMTP, line: MailLine) -> None:
    """One try with one mechanism: relays lock accounts that fail twice for each mail."""
    if not line.user:
        return
    name, password = line.user.encode(), line.password.get_secret_value().encode()
    if "plain" in smtp.server_auth_methods:
        await smtp.auth_plain(name, password)
    elif "login" in smtp.server_auth_methods:
        await smtp.auth_login(name, password)
    else:
        raise Refused(Outcome(Result.CONFIG, "no-login"))
