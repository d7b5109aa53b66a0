"""What a chart says of a mouth: each tooth, its surfaces, the work on it; one value from rule to wire."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from cabinet.chart_spans import MOST_SPANS, Span
from cabinet.dmft import CariesIndex, DentitionStatus
from cabinet.finding import ON_SURFACES, FindingCode, FindingStatus, Material
from cabinet.perio import GumState, PerioSummary
from cabinet.tooth import Surface
from core.values import Int32, Value

SHAPE = 6
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

    finding_id: UUID | None = Field(description="Versions of one finding share it.")
    code: FindingCode
    status: FindingStatus
    surfaces: list[Surface] = Field(max_length=5)
    material: Material | None
    group: str | None = Field(max_length=128, description="Findings of one group are one piece of work: see `spans`.")
    grade: Int32 | None = Field(description="Caries 1 to 6 (ICDAS), mobility (Miller) and furcation (Hamp) 1 to 3.")
    canals: Int32 | None = Field(description="How many root canals were treated.")
    observed_on: date
    text: str = Field(max_length=1000, description="The same in plain words.", examples=["Filling (chewing surface)"])


class ToothState(Value):
    """One tooth on the date asked for. `tooth` (FDI) is its name here; the other names are for showing."""

    tooth: str = Field(max_length=4, examples=["16"])
    universal: str = Field(max_length=6, description="As Americans call it.", examples=["3"])
    palmer: str = Field(max_length=6, description="As the British call it.", examples=["UR6"])
    deciduous: bool
    presence: Presence
    assumed: bool = Field(description="Nobody recorded whether it is there: by age.")
    crowned: bool
    root_canal: bool
    replacement: Replacement | None = Field(description="What stands in a missing tooth's place.")
    planned: bool = Field(description="Work on this tooth is planned.")
    dentition_status: DentitionStatus = Field(description="As the World Health Organization's surveys code it.")
    gum: GumState | None = Field(description="From the last examination of the gums; null where it was not probed.")
    surfaces: list[SurfaceState] = Field(max_length=5)
    findings: list[StandingFinding] = Field(max_length=MOST_FINDINGS)
    text: str = Field(max_length=20_000, description="The same in plain words, in the reader's language.")


class Odontogram(Value):
    """All teeth in chart order: upper jaw from the patient's right to the left, then lower; permanent first."""

    dentition: Dentition
    last_finding_on: date | None
    teeth: list[ToothState] = Field(max_length=MOST_TEETH)
    milk_teeth: Int32 = Field(description="How many milk teeth are in the mouth.")
    permanent_teeth: Int32 = Field(description="How many permanent teeth are in the mouth.")
    dmft: CariesIndex = Field(description="DMFT of the permanent teeth.")
    milk_dmft: CariesIndex = Field(description="dmft of the milk teeth.")
    spans: list[Span] = Field(max_length=MOST_SPANS, description="Bridges, splints, retainers and dentures.")
    perio: PerioSummary | None = Field(description="The last examination of the gums.")
    contradictions: Int32 = Field(description="Findings set aside, as their tooth was not there.")
