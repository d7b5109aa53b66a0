"""Findings: what may be found, planned or done on a tooth, and what each one does to what was there before."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from cabinet.tooth import Surface


class FindingCode(StrEnum):
    """In the order in which findings of one day take effect: an extraction ends the day, an implant comes after it."""

    PRESENT = "present"
    ERUPTING = "erupting"
    NOT_ASSESSED = "not_assessed"
    SOUND = "sound"
    """Looked at and found healthy: more than that it is there."""
    CARIES = "caries"
    SECONDARY_CARIES = "secondary_caries"
    ROOT_CARIES = "root_caries"
    FRACTURE = "fracture"
    WEAR = "wear"
    HYPOPLASIA = "hypoplasia"
    DISCOLORATION = "discoloration"
    PULPITIS = "pulpitis"
    NECROSIS = "necrosis"
    APICAL_LESION = "apical_lesion"
    ABSCESS = "abscess"
    CALCULUS = "calculus"
    RECESSION = "recession"
    MOBILITY = "mobility"
    FURCATION = "furcation"
    ROOT_CANAL_STARTED = "root_canal_started"
    ROOT_CANAL = "root_canal"
    POST_CORE = "post_core"
    RESTORED = "restored"
    SEALANT = "sealant"
    FILLING = "filling"
    INLAY = "inlay"
    ONLAY = "onlay"
    VENEER = "veneer"
    BRACKET = "bracket"
    RETAINER = "retainer"
    SPLINT = "splint"
    SPACE_MAINTAINER = "space_maintainer"
    MISSING = "missing"
    UNERUPTED = "unerupted"
    IMPACTED = "impacted"
    MISSING_DISEASE = "missing_disease"
    """Caries or the disease of the gums: which of them is not known."""
    MISSING_CARIES = "missing_caries"
    MISSING_PERIODONTAL = "missing_periodontal"
    MISSING_TRAUMA = "missing_trauma"
    MISSING_ORTHODONTIC = "missing_orthodontic"
    MISSING_OTHER = "missing_other"
    MISSING_CONGENITAL = "missing_congenital"
    EXFOLIATED = "exfoliated"
    EXTRACTED = "extracted"
    ROOT_REMNANT = "root_remnant"
    IMPLANT = "implant"
    PERI_IMPLANTITIS = "peri_implantitis"
    CROWN = "crown"
    BRIDGE_ABUTMENT = "bridge_abutment"
    PONTIC = "pontic"
    DENTURE = "denture"
    REPLACED = "replaced"


class FindingStatus(StrEnum):
    EXISTING = "existing"
    PLANNED = "planned"
    COMPLETED = "completed"
    WATCH = "watch"
    RESOLVED = "resolved"
    ENTERED_IN_ERROR = "entered_in_error"


class Material(StrEnum):
    AMALGAM = "amalgam"
    COMPOSITE = "composite"
    GLASS_IONOMER = "glass_ionomer"
    CERAMIC = "ceramic"
    ZIRCONIA = "zirconia"
    METAL = "metal"
    GOLD = "gold"
    TITANIUM = "titanium"
    TEMPORARY = "temporary"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one tooth (FDI), true from `observed_on`.

    Versions of one statement share a `series`. A version with the same status corrects the one before; one
    with another status goes on from it (planned, then completed), each from its own date.
    """

    tooth: str
    code: FindingCode
    observed_on: date
    status: FindingStatus = FindingStatus.EXISTING
    surfaces: tuple[Surface, ...] = ()
    material: Material | None = None
    group: str | None = None
    """Findings of one group are one piece of work: a bridge with its abutments, a splint, a denture."""
    grade: int | None = None
    """How much of it, where there is a scale: see `GRADES`."""
    canals: int | None = None
    """How many root canals were filled or begun."""
    series: UUID | None = None
    version: int = 0


_C = FindingCode

WHY_MISSING = frozenset(code for code in FindingCode if code.startswith("missing_"))
"""Says that a tooth is missing, and for what reason."""
ABSENT = WHY_MISSING | {_C.MISSING, _C.EXFOLIATED, _C.EXTRACTED}
"""No part of the tooth is there."""
PRESENCE = ABSENT | {_C.PRESENT, _C.ERUPTING, _C.UNERUPTED, _C.IMPACTED, _C.ROOT_REMNANT, _C.IMPLANT, _C.NOT_ASSESSED}
"""Says what stands in the place; the latest one holds."""
REPLACING = frozenset({_C.PONTIC, _C.DENTURE, _C.REPLACED})
"""Stands where a tooth is missing, or over what is left of it."""
DAMAGE = frozenset({_C.CARIES, _C.SECONDARY_CARIES, _C.FRACTURE, _C.WEAR, _C.HYPOPLASIA, _C.DISCOLORATION})
"""Sits on surfaces of the crown; a restoration of the surface ends it."""
RESTORING = frozenset({_C.FILLING, _C.INLAY, _C.ONLAY, _C.VENEER})
"""Sits on surfaces of the crown and takes the place of what was there."""
ON_SURFACES = DAMAGE | RESTORING | {_C.SEALANT, _C.ROOT_CARIES, _C.CALCULUS, _C.RECESSION, _C.RESTORED}
"""Findings that may name surfaces; all others are about the whole tooth."""
COVERING = frozenset({_C.CROWN, _C.BRIDGE_ABUTMENT})
"""Covers the whole crown, and with it all that was on its surfaces."""
PULP = frozenset({_C.PULPITIS, _C.NECROSIS})
"""Ends with a root canal treatment."""
CROWN_WORK = DAMAGE | RESTORING | COVERING | {_C.SEALANT, _C.RESTORED}
"""What a crown takes the place of."""
UNSOUND = CROWN_WORK | PULP | {_C.ROOT_CARIES, _C.APICAL_LESION, _C.ABSCESS}
"""After this a tooth is not called sound any more."""
ROOT_WORK = frozenset({_C.ROOT_CANAL_STARTED, _C.ROOT_CANAL})
JOINING = frozenset({_C.BRIDGE_ABUTMENT, _C.PONTIC, _C.SPLINT, _C.RETAINER, _C.DENTURE})
"""May name a `group`."""
GRADES = {
    _C.CARIES: 6,
    _C.SECONDARY_CARIES: 6,
    _C.MOBILITY: 3,
    _C.FURCATION: 3,
}
"""The highest grade, counted from 1: ICDAS of caries, Miller of mobility, Hamp of furcations."""
ON_IMPLANT = frozenset({_C.MOBILITY, _C.CALCULUS, _C.RECESSION, _C.PERI_IMPLANTITIS, _C.RETAINER, _C.SPLINT}) | COVERING
ON_REMNANT = COVERING | ROOT_WORK | {_C.POST_CORE, _C.ROOT_CARIES, _C.APICAL_LESION, _C.ABSCESS, _C.MOBILITY}
IN_GAP = frozenset({_C.SPACE_MAINTAINER, _C.RETAINER})
"""May sit where a tooth is missing; says nothing about a tooth being there."""


def may_stand(finding: Finding, place: FindingCode) -> bool:
    """Whether `finding` can be on a tooth of which `place` (a presence code) is the last word.

    No caries, filling or root canal on a tooth that is not there; an implant takes crowns but no fillings.
    A crown may be planned for an implant that is itself still planned.
    """
    code = finding.code
    if code in PRESENCE or (finding.status is FindingStatus.PLANNED and code in REPLACING | COVERING):
        return True
    if code in REPLACING:
        return place in ABSENT | {_C.ROOT_REMNANT, _C.IMPLANT, _C.UNERUPTED, _C.IMPACTED}
    if place in ABSENT:
        return code in IN_GAP
    if place is _C.IMPLANT:
        return code in ON_IMPLANT
    return code is not _C.PERI_IMPLANTITIS and (place is not _C.ROOT_REMNANT or code in ON_REMNANT)
