"""Decides what a notice says as SMS, and whether it may go out as one."""

import re

from push.channel import Message, Target
from push.outcome import Outcome, Result
from push.sms_text import cheapest, counted

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_CODE = re.compile(r"[^a-z0-9]+")
_LONGEST_CODE = 40
_LONGEST_TEXT = 4000
_LONGEST_ADDRESS = 200
_NUMBER_SIGNS = range(8, 16)


def words_of(message: Message) -> str:
    """Who writes, what, where to read on, and how to end it; in the form that costs least.

    STOP stands in Latin letters in every language: phones offer it, and carriers know no other.
    """
    said = ": ".join(each for each in (message.title, message.text) if each)
    return cheapest(with_links(said, message.web_link, message.stop_link))


def with_links(said: str, web_link: str, stop_link: str) -> str:
    """What was said, where to read on behind it, and how to end it below."""
    lines = [" ".join(each for each in (said, web_link) if each)]
    if stop_link:
        lines.append(f"STOP: {stop_link}")
    return "\n".join(lines)


def fault_of(target: Target, message: Message, most_segments: int) -> Outcome | None:
    """Why this cannot be an SMS: it shows nothing, has no number to go to (E.164), or would cost too much."""
    if message.silent or not (message.title or message.text):
        return Outcome(Result.BAD_MESSAGE, "nothing-to-show")
    if not _NUMBER.fullmatch(target.token):
        return Outcome(Result.BAD_MESSAGE, "not-a-number")
    if counted(words_of(message)).segments > most_segments:
        return Outcome(Result.BAD_MESSAGE, "too-long")
    return None


def code_of(said: str) -> str:
    """A provider's own code in plain signs: lower case, digits and dashes, and no more of them than a code has."""
    return _CODE.sub("-", said.lower()).strip("-")[:_LONGEST_CODE]


def kept_text(text: str) -> str:
    """What somebody wrote, without control characters: PostgreSQL refuses NUL, and terminals believe the others."""
    whole = text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return "".join(sign for sign in whole if sign >= " " or sign == "\n").replace("\x7f", "")[:_LONGEST_TEXT]


def number_of(said: str) -> str:
    """E.164 where it is digits of a country and more; a short number or a name as it is."""
    return f"+{said}" if said.isdecimal() and len(said) in _NUMBER_SIGNS else kept_text(said)[:_LONGEST_ADDRESS]
