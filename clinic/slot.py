"""A free time as the clinic's system tells it, and what its telling makes of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from clinic.facts import Fact
from core.moments import Moment
from core.values import MaybeText, ShortText

MOST_ALTERNATIVES = 5
"""So many other times are named to whom somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The free time a patient wants. `starts_at`: when it began as they saw it, if they say so."""

    slot_id: UUID
    starts_at: datetime | None = None
    service: str = ""
    private: bool = False


class SlotFact(Fact):
    """One time that patients may book, or may not any more."""

    branch: ShortText = Field(description="Name of the branch, as set up in Enamel.", examples=["Centro"])
    practitioner: MaybeText = Field(default="", examples=["Dr. Bianchi"])
    services: Annotated[list[ShortText], Field(max_length=50)] = Field(
        default_factory=list, description="What it may be booked for; none: for anything.", examples=[["Hygiene"]]
    )
    starts_at: Moment
    ends_at: Moment
    is_open: bool = Field(default=True, description="False: it cannot be booked any more.")
    freed: bool = Field(
        default=False, description="True: somebody called off, so offer it to the waiting list first.", examples=[False]
    )


def is_freed(fact_freed: bool, *, was_open: bool | None, is_open: bool) -> bool:
    """Whether a change of a slot is one to tell the waiting list of: it is open now and was shut, or is said to be."""
    return is_open and (fact_freed or was_open is False)


def is_for(service: str, services: Iterable[str]) -> bool:
    """Whether a time may be booked for a service, however it is spelled; none named on either side: for any."""
    offered = {each.casefold() for each in services}
    return not offered or not service or service.casefold() in offered
