"""Code systems of dentistry: what SNOMED CT, ICD-10, CDT and the HL7 tooth systems call what Enamel knows.

Short on purpose: a code that is not here is refused, never guessed at.
"""

import re
from dataclasses import dataclass

from cabinet.facts import ServiceKind
from cabinet.finding import FindingCode, Material
from cabinet.tooth import Notation

_C, _K, _M = FindingCode, ServiceKind, Material

SNOMED = "http://snomed.info/sct"
CDT = ("http://www.ada.org/cdt", "http://terminology.hl7.org/CodeSystem/CDT")
ICD_10 = ("http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm")

_TOOTH_SYSTEMS = {
    "http://terminology.hl7.org/CodeSystem/ADAUniversalToothDesignationSystem": Notation.UNIVERSAL,
    "http://terminology.hl7.org/CodeSystem/ex-tooth": Notation.FDI,
    "http://hl7.org/fhir/ex-tooth": Notation.FDI,
}
_SURFACE_SYSTEMS = ("http://terminology.hl7.org/CodeSystem/FDI-surface", "http://hl7.org/fhir/FDI-surface")

_SNOMED_SURFACES = {"245647007": "V", "362104007": "L"}
_SURFACE_WORDS = {
    "mesial": "M", "distal": "D", "buccal": "V", "labial": "V", "facial": "V", "vestibular": "V", "lingual": "L",
    "palatal": "L", "occlusal": "O", "incisal": "I",
}  # fmt: skip

_SNOMED_CONDITIONS = {
    "251330002": _C.CARIES,
    "80967001": _C.CARIES,
    "83412009": _C.ABSCESS,
}
# SNOMED's own names; a system may use another concept of the same name (finding, disorder).
_SNOMED_NAMES = {
    "caries active": _C.CARIES,
    "dental caries": _C.CARIES,
    "root caries": _C.ROOT_CARIES,
    "periodontal abscess": _C.ABSCESS,
    "periapical abscess": _C.APICAL_LESION,
    "periapical granuloma": _C.APICAL_LESION,
    "radicular cyst": _C.APICAL_LESION,
    "pulpitis": _C.PULPITIS,
    "necrosis of the pulp": _C.NECROSIS,
    "fracture of tooth": _C.FRACTURE,
    "cracked tooth": _C.FRACTURE,
    "impacted tooth": _C.IMPACTED,
    "retained dental root": _C.ROOT_REMNANT,
    "gingival recession": _C.RECESSION,
}
# The longest prefix wins.
_ICD_10 = {
    "K00.0": _C.MISSING_CONGENITAL, "K00.4": _C.HYPOPLASIA, "K01.1": _C.IMPACTED, "K02": _C.CARIES,
    "K02.2": _C.ROOT_CARIES, "K02.7": _C.ROOT_CARIES, "K03.0": _C.WEAR, "K03.1": _C.WEAR, "K03.2": _C.WEAR,
    "K03.6": _C.CALCULUS, "K03.7": _C.DISCOLORATION, "K03.81": _C.FRACTURE, "K04.0": _C.PULPITIS,
    "K04.1": _C.NECROSIS, "K04.4": _C.APICAL_LESION, "K04.5": _C.APICAL_LESION, "K04.6": _C.APICAL_LESION,
    "K04.7": _C.APICAL_LESION, "K04.8": _C.APICAL_LESION, "K06.0": _C.RECESSION, "K08.3": _C.ROOT_REMNANT,
    "S02.5": _C.FRACTURE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """What a procedure code means: its kind, and the finding it leaves on the tooth, if any."""

    kind: ServiceKind
    leaves: FindingCode | None = None
    material: Material | None = None


# CDT: first and last code of a span (the number after the D), and what it means.
_CDT: tuple[tuple[int, int, Service], ...] = (
    (120, 191, Service(_K.EXAM)),
    (210, 396, Service(_K.IMAGING)),
    (1110, 1120, Service(_K.HYGIENE)),
    (1206, 1208, Service(_K.FLUORIDE)),
    (1351, 1353, Service(_K.SEALANT, _C.SEALANT)),
    (1510, 1510, Service(_K.ORTHODONTICS, _C.SPACE_MAINTAINER)),
    (1515, 1517, Service(_K.ORTHODONTICS)),  # of both sides: of a jaw and no tooth
    (1520, 1520, Service(_K.ORTHODONTICS, _C.SPACE_MAINTAINER)),
    (1525, 1527, Service(_K.ORTHODONTICS)),
    (2140, 2161, Service(_K.FILLING, _C.FILLING, _M.AMALGAM)),
    (2330, 2335, Service(_K.FILLING, _C.FILLING, _M.COMPOSITE)),
    (2390, 2390, Service(_K.CROWN, _C.CROWN, _M.COMPOSITE)),
    (2391, 2394, Service(_K.FILLING, _C.FILLING, _M.COMPOSITE)),
    (2410, 2430, Service(_K.FILLING, _C.FILLING, _M.GOLD)),
    (2510, 2530, Service(_K.FILLING, _C.INLAY, _M.METAL)),
    (2542, 2544, Service(_K.FILLING, _C.ONLAY, _M.METAL)),
    (2610, 2630, Service(_K.FILLING, _C.INLAY, _M.CERAMIC)),
    (2642, 2644, Service(_K.FILLING, _C.ONLAY, _M.CERAMIC)),
    (2650, 2652, Service(_K.FILLING, _C.INLAY, _M.COMPOSITE)),
    (2662, 2664, Service(_K.FILLING, _C.ONLAY, _M.COMPOSITE)),
    (2710, 2794, Service(_K.CROWN, _C.CROWN)),
    (2799, 2799, Service(_K.CROWN, _C.CROWN, _M.TEMPORARY)),
    (2928, 2934, Service(_K.CROWN, _C.CROWN)),
    (2940, 2940, Service(_K.FILLING, _C.FILLING, _M.TEMPORARY)),
    (2952, 2954, Service(_K.CROWN, _C.POST_CORE)),
    (2960, 2962, Service(_K.VENEER, _C.VENEER)),
    (3310, 3330, Service(_K.ROOT_CANAL, _C.ROOT_CANAL)),
    (3346, 3348, Service(_K.ROOT_CANAL, _C.ROOT_CANAL)),
    (3410, 3430, Service(_K.SURGERY)),
    (4341, 4355, Service(_K.PERIODONTAL)),
    (4910, 4910, Service(_K.PERIODONTAL)),
    (5110, 5286, Service(_K.DENTURE)),
    (6010, 6013, Service(_K.IMPLANT, _C.IMPLANT)),
    (6058, 6067, Service(_K.CROWN, _C.CROWN)),
    (6205, 6253, Service(_K.BRIDGE, _C.PONTIC)),
    (6545, 6794, Service(_K.BRIDGE, _C.BRIDGE_ABUTMENT)),
    (7111, 7140, Service(_K.EXTRACTION, _C.EXTRACTED)),
    (7210, 7250, Service(_K.EXTRACTION, _C.EXTRACTED)),
    (8010, 8999, Service(_K.ORTHODONTICS)),
    (9310, 9310, Service(_K.EXAM)),
    (9972, 9975, Service(_K.WHITENING)),
)


def tooth_system(system: str) -> Notation | None:
    return _TOOTH_SYSTEMS.get(system)


def condition_of(codings: list[dict[str, str]]) -> FindingCode | None:
    """The finding the first understood coding (system, code, display) names."""
    return next((found for coding in codings if (found := _condition(coding)) is not None), None)


def _condition(coding: dict[str, str]) -> FindingCode | None:
    if coding["system"] == SNOMED:
        return _SNOMED_CONDITIONS.get(coding["code"]) or _SNOMED_NAMES.get(_plain(coding["display"]))
    if coding["system"] in ICD_10:
        prefixes = (coding["code"][:length] for length in range(len(coding["code"]), 2, -1))
        return next((_ICD_10[prefix] for prefix in prefixes if prefix in _ICD_10), None)
    return None


def service_of(code: str) -> Service | None:
    """What a CDT code means, `D2391`."""
    if not re.fullmatch(r"D[0-9]{4}", code):
        return None
    number = int(code[1:])
    return next((service for first, last, service in _CDT if first <= number <= last), None)


def surface_of(coding: dict[str, str]) -> str | None:
    """The surface letters a qualifier names: one, or several for FDI's joined codes (`MOD`)."""
    if coding["system"] in _SURFACE_SYSTEMS:
        return coding["code"] if re.fullmatch(r"[MDVBLOI]{1,5}", coding["code"]) else None
    if coding["system"] != SNOMED:
        return None
    named = [letter for word, letter in _SURFACE_WORDS.items() if word in _plain(coding["display"]).split()]
    return _SNOMED_SURFACES.get(coding["code"]) or (named[0] if len(named) == 1 else None)


def _plain(display: str) -> str:
    """`Dental caries (disorder)` → `dental caries`."""
    return re.sub(r"\s*\([^)]*\)\s*$", "", display).strip().lower()
