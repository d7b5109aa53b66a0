"""What a stop takes, on one channel, and what a start gives back: never more than there was before the stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from push.consent import ConsentChannel, allowed, channels_of
from push.links import STOPPABLE
from push.notice import Purpose


class How(StrEnum):
    """By which act a word was said without signing in."""

    STOP_WORD = "stop-word"
    STOP_LINK = "stop-link"
    PROVIDER = "provider"
    """The provider told: a stop button, a complaint, a number that is barred there."""
    START_WORD = "start-word"


_STOPS = frozenset({How.STOP_WORD, How.STOP_LINK, How.PROVIDER})
# What a provider calls the end of its marketing alone (WhatsApp).
_MARKETING_CODES = frozenset({"marketing", "131050"})


@dataclass(frozen=True, slots=True)
class Said:
    """A word that was said, as far as a start must know it."""

    purpose: Purpose
    granted: bool
    at: datetime
    how: str | None = None
    text_version: str | None = None
    text_sha256: str | None = None
    language: str | None = None


def taken(channel: ConsentChannel, *, whole: bool = False, code: str = "") -> frozenset[Purpose]:
    """Which purposes a stop ends. `whole`: nothing is to come on this channel any more, visits neither."""
    if code in _MARKETING_CODES:
        return frozenset({Purpose.MARKETING})
    wanted = frozenset({Purpose.SERVICE, Purpose.CHAT}) | STOPPABLE if whole else STOPPABLE
    return frozenset(each for each in wanted if channel in channels_of(each))


def restored(words: Sequence[Said], channel: ConsentChannel) -> list[Said]:
    """What a start says again, from everything that was said on this channel, oldest first: of each purpose that a stop
    ended, the word before it, where that was a yes or needed none. A no that was said in the app stays.
    """
    found: list[Said] = []
    for purpose in Purpose:
        said = [each for each in words if each.purpose is purpose]
        if not said or said[-1].granted or said[-1].how not in _STOPS:
            continue
        before = next((each for each in reversed(said) if each.how not in _STOPS), None)
        if before is None and allowed(purpose, channel, None):
            found.append(Said(purpose, True, said[-1].at, How.START_WORD))
        elif before is not None and before.granted:
            found.append(before)
    return found


_WHOLE = frozenset({"stopall", "stop all"})


def is_whole(text: str) -> bool:
    """Whether a stop means everything on this channel, visits too."""
    return " ".join(text.casefold().split()).strip(" .!") in _WHOLE
