"""What providers tell afterwards: what became of a message, and what somebody wrote back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reported(StrEnum):
    DELIVERED = "delivered"
    """It is on the phone, or in the mailbox."""
    UNDELIVERED = "undelivered"
    """It never will be; the address may be good."""
    ADDRESS_DEAD = "address_dead"
    """It never will be, and nothing sent there will: hard bounce, unknown subscriber, bot blocked."""
    OPENED = "opened"
    COMPLAINT = "complaint"
    """Called unwanted by its reader: as good as a stop."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Report:
    """`provider_id` is what `Outcome.provider_id` was when it was sent. `code`: the provider's own, in plain signs.

    What is said of an address and of no message has an empty `provider_id` and the `address`.
    """

    provider_id: str
    reported: Reported
    at: datetime
    code: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What somebody wrote to one of the clinic's lines. `external_id` names it there for ever."""

    external_id: str
    address: str
    text: str
    at: datetime
