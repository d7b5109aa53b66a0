"""The plain twin of every channel: what would have gone to a phone is printed, and kept in a file.

For development, demonstration and tests; `enamel` refuses to use it elsewhere. The file is private
(mode 600) and holds one JSON object a line: `{"channel", "to", "text"}`.
"""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from push.channel import Message, Target
from push.outcome import Outcome, Result


class Printed:
    """Writes to `file`, and to the terminal too where `aloud`."""

    def __init__(self, file: Path, *, aloud: bool = False) -> None:
        self._file = file
        self._aloud = aloud

    async def keep(self, channel: str, to: str, text: str) -> None:
        line = json.dumps({"channel": channel, "to": to, "text": text}, ensure_ascii=False)
        await asyncio.to_thread(self._append, line + "\n")
        if self._aloud:
            sys.stdout.write(f"  [{channel} to {to}] {text}\n")
            sys.stdout.flush()

    async def check(self, deadline: timedelta) -> Outcome:
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                await asyncio.to_thread(self._append, "")
        except (OSError, TimeoutError) as error:
            return Outcome(Result.NOT_SENT, type(error).__name__.lower())
        return Outcome(Result.ACCEPTED)

    def _append(self, line: str) -> None:
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line.encode())  # one write: lines of two processes never mix
        finally:
            os.close(handle)


class PrintedTexts:
    """SMS, printed."""

    def __init__(self, printed: Printed) -> None:
        self._printed = printed

    async def send(self, phone: str, text: str) -> None:
        await self._printed.keep("sms", phone, text)

    async def close(self) -> None:
        """Nothing is held open."""


class PrintedPushes:
    """Pushes, printed: what the lock screen would show, and where a tap would lead."""

    def __init__(self, printed: Printed) -> None:
        self._printed = printed

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        if message.silent:  # a phone would show nothing
            return Outcome(Result.ACCEPTED, provider_id=str(message.notice_id))
        shown = f"{message.title}: {message.text}"
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                await self._printed.keep("push", target.token, f"{shown} ({message.link})" if message.link else shown)
        except (OSError, TimeoutError) as error:
            return Outcome(Result.AMBIGUOUS, type(error).__name__.lower())
        return Outcome(Result.ACCEPTED, provider_id=str(message.notice_id))

    async def check(self, deadline: timedelta) -> Outcome:
        """Whether the file can be written; nothing is."""
        return await self._printed.check(deadline)

    async def close(self) -> None:
        """Nothing is held open."""
