"""What a relay's answers mean: reply codes (RFC 5321, 4.2) and enhanced ones (RFC 3463) as one of the seven.

The enhanced code is believed first. An address is given up only where the relay says that it is the address: a bare
550 may as well be a policy, and a full mailbox is emptied some day.
"""

import re
from datetime import timedelta
from enum import IntEnum

from push.outcome import Outcome, Result


class Step(IntEnum):
    """How far a transaction has come. Up to RCPT nothing of the message has left us."""

    GREETING = 0
    LOGIN = 1
    MAIL = 2
    RCPT = 3
    DATA = 4
    DOT = 5
    """The whole message is on its way; only an answer tells what became of it."""


_GREYLIST_PAUSE = timedelta(minutes=5)
_BUSY_PAUSE = timedelta(minutes=1)
_CLOSING = 421
_PERMANENT = 500
_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_GREYLISTED = re.compile(r"gr[ea]y-?\s?list", re.IGNORECASE)
_GONE = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
_FULL = {"2.2"}
_SENDER = {"1.7", "1.8", "7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26", "7.27", "7.8", "7.9", "7.11"}
_LOGIN_CODES = {530, 534, 535, 538}
_TOO_LARGE = {"2.3", "3.4"}


def outcome_of(step: Step, code: int, text: str) -> Outcome:
    """A refusal (4xx, 5xx) at `step`. What is no refusal and was not asked for is `garbled`."""
    if code // 100 not in {4, 5}:
        return garbled(step)
    found = _ENHANCED.match(text)
    detail = f"{found[2]}.{found[3]}" if found else ""
    named = f"smtp-{code}" + (f"-{found[1]}.{detail}" if found else "")
    if detail in _FULL and step >= Step.RCPT:
        return Outcome(Result.BAD_MESSAGE, "mailbox-full")
    if code < _PERMANENT:
        return _later(code, text, named)
    return Outcome(_never(step, code, detail), named)


def garbled(step: Step) -> Outcome:
    """No answer of SMTP."""
    return Outcome(Result.AMBIGUOUS if step is Step.DOT else Result.NOT_SENT, "answer-garbled")


def lost(step: Step) -> Outcome:
    """The connection, or the time, ended at `step`."""
    if step is Step.DOT:
        return Outcome(Result.AMBIGUOUS, "answer-lost")
    return Outcome(Result.NOT_SENT, "no-connection" if step is Step.GREETING else "connection-lost")


def _later(code: int, text: str, named: str) -> Outcome:
    if code != _CLOSING and _GREYLISTED.search(text):
        return Outcome(Result.THROTTLED, "greylisted", retry_after=_GREYLIST_PAUSE)
    return Outcome(Result.THROTTLED, named, retry_after=_BUSY_PAUSE if code == _CLOSING else _GREYLIST_PAUSE)


def _never(step: Step, code: int, detail: str) -> Result:
    if detail in _TOO_LARGE or (code == 552 and not detail):  # noqa: PLR2004  RFC 5321: exceeded storage allocation
        return Result.BAD_MESSAGE
    if step <= Step.MAIL or code in _LOGIN_CODES or detail in _SENDER:
        return Result.CONFIG
    if step is Step.RCPT:
        return _of_recipient(detail)
    return Result.DEAD if detail in _GONE else Result.BAD_MESSAGE


def _of_recipient(detail: str) -> Result:
    """`5.7.x` before the words were seen is about who may send here: relaying denied."""
    if detail in _GONE:
        return Result.DEAD
    return Result.CONFIG if detail.startswith(("7.", "5.")) else Result.BAD_MESSAGE
