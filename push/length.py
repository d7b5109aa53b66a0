"""How long a text is where it will be read, what it costs, and whether it goes out at all."""

from core.values import Int32, Value
from push.group import Group
from push.kinds import KINDS
from push.links import STOPPABLE
from push.notice import NoticeKind
from push.sms_text import Alphabet, cheapest, counted
from push.sms_words import with_links
from push.variables import Variable, variables

MOST_SEGMENTS = 6
LONGEST_PUSH_BYTES = 4_096
# What stands around the words in the largest of the envelopes: ids, link, receipt, collapse ids.
ENVELOPE_BYTES = 900
LONGEST_SUBJECT = 78
"""RFC 5322 §2.1.1: what every mail program shows in one line."""
LONGEST_MESSENGER = 4_096


class Length(Value):
    """`segments` and `alphabet` of an SMS; `size_bytes` as it travels."""

    characters: Int32
    size_bytes: Int32
    segments: Int32 | None = None
    alphabet: Alphabet | None = None
    cost_units: Int32
    """What the provider counts: segments of an SMS, one for a message of WhatsApp, none for the rest."""


def as_sent(group: Group, kind: NoticeKind, written: str, said: str, link: str) -> str:
    """`said` with what is put below an SMS: the link, unless the text that it was `written` as has it in its words, and
    the way out where the kind has one. These cost more than most words.
    """
    if group is not Group.SMS:
        return said
    is_stoppable = KINDS[kind].purpose in STOPPABLE
    web_link = "" if Variable.LINK in variables(written) else link
    return with_links(said, web_link, link.replace("/l/", "/v1/stop/") if is_stoppable else "")


def length_of(group: Group, title: str, text: str) -> Length:
    size = len((title + text).encode())
    if group is Group.SMS:
        cost = counted(cheapest(text))
        return Length(
            characters=len(text), size_bytes=size, segments=cost.segments, alphabet=cost.alphabet,
            cost_units=cost.segments,
        )  # fmt: skip
    return Length(characters=len(text), size_bytes=size, cost_units=int(group is Group.WHATSAPP))


def length_fault(group: Group, title: str, text: str) -> str | None:
    """Why it would not go out; None where it fits."""
    length = length_of(group, title, text)
    if group is Group.SMS and (length.segments or 0) > MOST_SEGMENTS:
        return "too-many-segments"
    if group is Group.PUSH and length.size_bytes + ENVELOPE_BYTES > LONGEST_PUSH_BYTES:
        return "too-long"
    if group is Group.EMAIL and len(title) > LONGEST_SUBJECT:
        return "subject-too-long"
    if group is Group.MESSENGER and length.characters > LONGEST_MESSENGER:
        return "too-long"
    return None
