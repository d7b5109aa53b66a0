"""How often a patient may be reached for one purpose, over all journeys and campaigns together."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from core.values import Int32, Value
from push.consent import ConsentChannel, channels_of
from push.notice import Purpose

MOST_KEPT = 50
ANY = "any"
"""Of a ring that counts every way together."""


class Cap(Value):
    """At most `most` in any `days` times 24 hours, on one way; without a channel on all of them together."""

    purpose: Purpose
    channel: ConsentChannel | None = None
    most: Annotated[Int32, Field(ge=0, le=MOST_KEPT)] = Field(description="0: never.", examples=[3])
    days: Annotated[Int32, Field(ge=1, le=366)] = Field(examples=[7])

    @model_validator(mode="after")
    def _is_of_a_way_of_its_purpose(self) -> Self:
        if self.channel is not None and self.channel not in channels_of(self.purpose):
            raise ValueError("not a way of this purpose")
        return self

    @property
    def ring(self) -> str:
        return self.channel.value if self.channel else ANY

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.days)


_P, _C = Purpose, ConsentChannel
# What belongs to the treatment, and the chat, are counted nowhere; a person's call always is.
USUAL_CAPS: tuple[Cap, ...] = (
    Cap(purpose=_P.MARKETING, most=3, days=7),
    Cap(purpose=_P.SURVEY, most=3, days=30),
    Cap(purpose=_P.RECALL, most=4, days=30),
    Cap(purpose=_P.RECALL, channel=_C.CALL, most=1, days=30),
    Cap(purpose=_P.MARKETING, channel=_C.CALL, most=1, days=90),
    Cap(purpose=_P.SERVICE, channel=_C.CALL, most=2, days=7),
)


def caps_of(caps: Iterable[Cap], purpose: Purpose) -> dict[str, Cap]:
    """The caps that count for a purpose, by the name of their ring."""
    return {cap.ring: cap for cap in caps if cap.purpose is purpose}


def room_at(sent: Sequence[datetime], cap: Cap, now: datetime) -> datetime | None:
    """When one more may go: `now`, or as the `most`-th last falls out of the window. None: never. Newest first."""
    if cap.most == 0:
        return None
    if len(sent) < cap.most:
        return now
    return max(now, sent[cap.most - 1] + cap.window)


def taken(sent: Sequence[datetime], now: datetime) -> list[datetime]:
    """The ring with one more; as many as any cap could ask for."""
    return sorted([now, *sent], reverse=True)[:MOST_KEPT]


def given_back(sent: Sequence[datetime], at: datetime) -> list[datetime]:
    """The ring without the place taken `at`; of several at once one."""
    kept = list(sent)
    if at in kept:
        kept.remove(at)
    return kept
