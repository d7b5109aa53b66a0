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
    SPACE_MAINTAINER = "space_maintainer"
    MISSING = "missing"
    UNERUPTED = "unerupted"
    IMPACTED = "impacted"
    MISSING_DISEASE = "missing_disease"
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
    series: UUID | None = None
    version: int = 0


_C = FindingCode

ABSENT = frozenset(
    {_C.MISSING, _C.MISSING_DISEASE, _C.MISSING_OTHER, _C.MISSING_CONGENITAL, _C.EXFOLIATED, _C.EXTRACTED}
)
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
ON_IMPLANT = frozenset({_C.MOBILITY, _C.CALCULUS, _C.RECESSION, _C.PERI_IMPLANTITIS, _C.RETAINER}) | COVERING
ON_REMNANT = COVERING | {_C.ROOT_CANAL, _C.POST_CORE, _C.ROOT_CARIES, _C.APICAL_LESION, _C.ABSCESS, _C.MOBILITY}
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
