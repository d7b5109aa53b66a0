"""Who does something: plain values, for rules and records alike."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    PATIENT = "patient"
    STAFF = "staff"
    PARTNER = "partner"
    AUTOMATION = "automation"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a kind and, where there is one, the id of the person, app or journey."""

    kind: ActorKind
    id: UUID | None = None
