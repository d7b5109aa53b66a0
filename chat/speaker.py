"""Who speaks, and in which conversation."""

from dataclasses import dataclass
from uuid import UUID

from chat.conversation import Side


@dataclass(frozen=True, slots=True)
class Speaker:
    """A signed-in account on one side of the clinic's conversations. What it may do is asked with each statement."""

    side: Side
    clinic_id: UUID
    account_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Author:
    """Whom a message is of that no signed-in account sends: the clinic's machinery, or who wrote by another channel."""

    side: Side
    id: UUID
    name: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Which conversation: by its id, by its patient (it need not have begun), or the account's own."""

    conversation_id: UUID | None = None
    patient_id: UUID | None = None


OWN = Target()
