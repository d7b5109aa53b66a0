"""Papers that a clinic's own system puts for a patient: the shape of one row. Its file follows by a call of its own."""

from enum import StrEnum

from pydantic import Field

from clinic.facts import ExternalId, Fact, HappenedOn
from core.values import ShortText


class IssuedKind(StrEnum):
    PRESCRIPTION = "prescription"
    INSTRUCTION = "instruction"
    CERTIFICATE = "certificate"
    NOTE = "note"


class DocumentFact(Fact):
    """A paper for a patient. They see it as soon as its file is there."""

    patient: ExternalId = Field(description="External id of the patient.")
    kind: IssuedKind
    title: ShortText = Field(examples=["Ricetta: amoxicillina"])
    issued_on: HappenedOn | None = None
    private: bool = Field(default=False, description="Hidden from guardians.")
