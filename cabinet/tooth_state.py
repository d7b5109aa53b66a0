"""What a chart says of a mouth: each tooth, its surfaces, the work on it; one value from rule to wire."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from cabinet.finding import ON_SURFACES, FindingCode, FindingStatus, Material
from cabinet.tooth import Surface
from core.values import Int32, Value

SHAPE = 3
"""Rises when `Odontogram` changes its members, or the fold what it says: an older stored chart is folded anew."""
MOST_TEETH = 52 * 11
"""Each tooth, and up to ten beside it: `11`, `11s`, `11s1` … `11s9`."""
MOST_FINDINGS = 2 * (len(FindingCode) + 5 * len(ON_SURFACES))
"""Each code found and planned, once for the whole tooth and, where it may name them, once for each surface."""


class Dentition(StrEnum):
    DECIDUOUS = "deciduous"
    MIXED = "mixed"
    PERMANENT = "permanent"


class Presence(StrEnum):
    PRESENT = "present"
    ERUPTING = "erupting"
    UNERUPTED = "unerupted"
    IMPACTED = "impacted"
    MISSING = "missing"
    ROOT_REMNANT = "root_remnant"
    IMPLANT = "implant"
    UNKNOWN = "unknown"


class SurfaceCondition(StrEnum):
    SOUND = "sound"
    CARIES = "caries"
    DAMAGED = "damaged"
    FILLED = "filled"
    SEALED = "sealed"
    COVERED = "covered"
    """Under a crown."""
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """Not to be seen: under the gum, or nobody looked."""


class Replacement(StrEnum):
    BRIDGE = "bridge"
    DENTURE = "denture"
    OTHER = "other"


class SurfaceState(Value):
    surface: Surface
    condition: SurfaceCondition
    planned: bool = Field(description="Work on this surface is planned.")


class StandingFinding(Value):
    """A finding that holds, with the surfaces it still holds for."""

    code: FindingCode
    status: FindingStatus
    surfaces: list[Surface] = Field(max_length=5)
    material: Material | None
    observed_on: date


class ToothState(Value):
    """One tooth, named in FDI, on the date asked for."""

    tooth: str = Field(max_length=4, examples=["16"])
    deciduous: bool
    presence: Presence
    assumed: bool = Field(description="Nobody recorded whether it is there: by age.")
    crowned: bool
    root_canal: bool
    replacement: Replacement | None = Field(description="What stands in a missing tooth's place.")
    planned: bool = Field(description="Work on this tooth is planned.")
    surfaces: list[SurfaceState] = Field(max_length=5)
    findings: list[StandingFinding] = Field(max_length=MOST_FINDINGS)
    text: str = Field(max_length=20_000, description="The same in plain English.")


class Odontogram(Value):
    """All teeth in chart order: upper jaw from the patient's right to the left, then lower; permanent first."""

    dentition: Dentition
    last_finding_on: date | None
    teeth: list[ToothState] = Field(max_length=MOST_TEETH)
    contradictions: Int32 = Field(description="Findings set aside, as their tooth was not there.")
