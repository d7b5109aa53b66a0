"""Consents: what a patient may agree to, on which channel, and what their words so far come to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from push.notice import Purpose


class ConsentChannel(StrEnum):
    """A way to reach somebody; `use` where nobody is reached and the thing itself is used."""

    PUSH = "push"
    SMS = "sms"
    EMAIL = "email"
    MESSENGER = "messenger"
    CALL = "call"
    USE = "use"


_C = ConsentChannel
Agreed = tuple[Purpose, ConsentChannel]
"""What one word is about: one purpose on one channel. There is no word on more than one."""

_USES = frozenset({Purpose.RESEARCH, Purpose.PHOTO_USE})

# Consent that needs no asking: it belongs to the treatment itself, or answers the patient; and only on ways that
# the patient opened for it. Everything else is sent only to who said yes (GDPR Art. 6(1)(a), ePrivacy Directive
# Art. 13; 38-FZ Art. 18).
GRANTED_UNASKED: frozenset[Agreed] = frozenset(
    {(purpose, _C.PUSH) for purpose in (Purpose.SERVICE, Purpose.RECALL, Purpose.CHAT)}
    | {(Purpose.SERVICE, channel) for channel in (_C.SMS, _C.EMAIL)}
)


@dataclass(frozen=True, slots=True)
class Word:
    """A yes or a no, and when it was said."""

    purpose: Purpose
    channel: ConsentChannel
    granted: bool
    at: datetime


def channels_of(purpose: Purpose) -> tuple[ConsentChannel, ...]:
    """On what one can agree to `purpose`."""
    return (_C.USE,) if purpose in _USES else tuple(channel for channel in ConsentChannel if channel is not _C.USE)


def everything_asked() -> list[Agreed]:
    return [(purpose, channel) for purpose in Purpose for channel in channels_of(purpose)]


def allowed(purpose: Purpose, channel: ConsentChannel, last: bool | None) -> bool:
    """Whether the patient agrees, from their last word or, without one, from its default."""
    return (purpose, channel) in GRANTED_UNASKED if last is None else last


def last_words(words: Iterable[Word]) -> dict[Agreed, Word]:
    """The word that counts of each, in whatever order they are given: the latest, and of two at once the no."""
    last: dict[Agreed, Word] = {}
    for word in words:
        key = (word.purpose, word.channel)
        before = last.get(key)
        if before is None or (word.at, not word.granted) > (before.at, not before.granted):
            last[key] = word
    return last
