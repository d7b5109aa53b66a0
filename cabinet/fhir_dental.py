"""Reads FHIR R4 Condition and Procedure of a dental system (HL7 Dental Data Exchange) as facts of the chart.

Whatever is not understood is refused with a pointer into the resource and a code; nothing is guessed, and
no shape, however odd, is more than refused. The tooth is taken from codings that say their system: ADA
Universal or FDI; a SNOMED structure alone is not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cabinet.dental_codes import CDT, condition_of, service_of, surface_of, tooth_system
from cabinet.facts import FindingFact, ProcedureFact
from cabinet.finding import ON_SURFACES, FindingCode, FindingStatus
from cabinet.tooth import Notation, canonical_surfaces, fdi
from clinic.facts import BIRTHS_FROM
from core.errors import Fault, Invalid

_ID = re.compile(r"^[A-Za-z0-9.-]{1,64}$")
_DATE = re.compile(r"^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T.*)?)?)?$")
_BODY_SITE = "http://hl7.org/fhir/StructureDefinition/bodySite"
_LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Site:
    """One tooth (FDI) and the surfaces named with it."""

    tooth: str
    surfaces: tuple[str, ...]


def condition_fact(resource: dict[str, Any], name: str) -> FindingFact:
    """A Condition as a finding. `name` is the id in the address. Raises `Invalid` with what is wrong and where."""
    _check_name(resource, "Condition", name)
    code = condition_of(_codings(resource.get("code")))
    if code is None:
        raise _refused("/code/coding", "code-not-understood")
    status = _condition_status(resource)
    site = _site(resource)
    if site is None:
        raise _refused("/bodySite", "missing")
    resolved = status is FindingStatus.RESOLVED
    members = ("abatementDateTime", "recordedDate") if resolved else ("onsetDateTime", "recordedDate")
    return _finding(resource, f"Condition/{name}", code, status, site, _date(resource, members))


def procedure_facts(resource: dict[str, Any], name: str) -> tuple[FindingFact | None, ProcedureFact]:
    """A Procedure as what was done and, where it leaves something on the tooth, as a finding."""
    _check_name(resource, "Procedure", name)
    cdt = next((coding["code"] for coding in _codings(resource.get("code")) if coding["system"] in CDT), None)
    service = service_of(cdt) if cdt else None
    if service is None:
        raise _refused("/code/coding", "code-not-understood")
    status = resource.get("status")
    if status not in ("completed", "entered-in-error"):
        raise _refused("/status", "not-performed")
    voided = status == "entered-in-error"
    done_on = _date(resource, ("performedDateTime", "performedPeriod"))
    site = _site(resource)
    if site is None and service.leaves is not None:
        raise _refused("/bodySite", "missing")
    own = _own(resource, f"Procedure/{name}")
    tooth = {"notation": Notation.FDI, "tooth": site.tooth} if site else {}
    words = {"kind": service.kind, "performed_on": done_on, "name": cdt, "entered_in_error": voided}
    procedure = ProcedureFact.model_validate({**own, **tooth, **words})
    if site is None or service.leaves is None:
        return None, procedure
    state = FindingStatus.ENTERED_IN_ERROR if voided else FindingStatus.COMPLETED
    finding = _finding(resource, own["external_id"], service.leaves, state, site, done_on)
    return finding.model_copy(update={"material": service.material}), procedure


def _finding(
    resource: dict[str, Any], name: str, code: FindingCode, status: FindingStatus, site: Site, on: date
) -> FindingFact:
    surfaces = site.surfaces if code in ON_SURFACES else ()  # a crown on a tooth needs no surfaces
    what = {"code": code, "status": status, "observed_on": on}
    where = {"notation": Notation.FDI, "tooth": site.tooth, "surfaces": list(surfaces)}
    return FindingFact.model_validate({**_own(resource, name), **where, **what})


def _own(resource: dict[str, Any], name: str) -> dict[str, Any]:
    return {"external_id": name, "version": _version(resource), "patient": _patient(resource)}


def _check_name(resource: dict[str, Any], kind: str, name: str) -> None:
    if resource.get("resourceType") != kind:
        raise _refused("/resourceType", "another-resource")
    if not _ID.fullmatch(name) or resource.get("id") != name:
        raise _refused("/id", "not-the-id-of-the-address")
    for member in ("modifierExtension", "implicitRules"):
        if member in resource:  # FHIR: it may turn the meaning round, so who does not know it must not read on
            raise _refused(f"/{member}", "not-understood")


def _patient(resource: dict[str, Any]) -> str:
    """`Patient/anna` → `anna`: the patient's external id."""
    reference = _dict(resource.get("subject")).get("reference")
    kind, _, name = reference.rpartition("/") if isinstance(reference, str) else ("", "", "")
    if kind != "Patient" or not _ID.fullmatch(name):
        raise _refused("/subject/reference", "not-a-patient")
    return name


def _version(resource: dict[str, Any]) -> int:
    """`meta.versionId` where it is a number, else `meta.lastUpdated` in milliseconds, else 0."""
    meta = _dict(resource.get("meta"))
    version, updated = meta.get("versionId"), meta.get("lastUpdated")
    if isinstance(version, str) and re.fullmatch(r"[0-9]{1,15}", version):
        return int(version)
    if not isinstance(updated, str):
        return 0
    try:
        moment = datetime.fromisoformat(updated)
        return min(max(int(moment.astimezone(UTC).timestamp() * 1000), 0), _LARGEST) if moment.tzinfo else 0
    except (ValueError, OverflowError):
        raise _refused("/meta/lastUpdated", "not-a-date") from None


_VERIFICATION = {
    "confirmed": FindingStatus.EXISTING,
    "unconfirmed": FindingStatus.WATCH,
    "provisional": FindingStatus.WATCH,
    "differential": FindingStatus.WATCH,
    "refuted": FindingStatus.ENTERED_IN_ERROR,
    "entered-in-error": FindingStatus.ENTERED_IN_ERROR,
}
_CLINICAL = {
    "active": True,
    "recurrence": True,
    "relapse": True,
    "inactive": False,
    "remission": False,
    "resolved": False,
}


def _condition_status(resource: dict[str, Any]) -> FindingStatus:
    verified = _first_code(resource, "verificationStatus", "confirmed")
    if verified not in _VERIFICATION:
        raise _refused("/verificationStatus", "code-not-understood")
    status = _VERIFICATION[verified]
    if status is FindingStatus.ENTERED_IN_ERROR:
        return status
    clinical = _first_code(resource, "clinicalStatus", "active")
    if clinical not in _CLINICAL:
        raise _refused("/clinicalStatus", "code-not-understood")
    return status if _CLINICAL[clinical] else FindingStatus.RESOLVED


def _first_code(resource: dict[str, Any], member: str, otherwise: str) -> str:
    if member not in resource:
        return otherwise
    return next((coding["code"] for coding in _codings(resource[member])), "")


def _date(resource: dict[str, Any], members: tuple[str, ...]) -> date:
    """The first of `members` that is there. FHIR allows a year or a month alone: the first day of it then."""
    for member in members:
        value = resource.get(member)
        if isinstance(value, dict):
            value = value.get("end") or value.get("start")
        if value is not None:
            return _day(value, f"/{member}")
    raise _refused(f"/{members[0]}", "missing")


def _day(value: Any, pointer: str) -> date:
    parts = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        day = date(*(int(part or 1) for part in parts.groups())) if parts else None
    except ValueError:
        day = None
    if day is None:
        raise _refused(pointer, "not-a-date")
    if day < BIRTHS_FROM:
        raise _refused(pointer, "too-early")
    return day


def _site(resource: dict[str, Any]) -> Site | None:
    """The one tooth the resource is about, from `bodySite` or the BodyStructure it contains."""
    found = [*_body_sites(resource), *_body_structures(resource)]
    if not found:
        return None
    if len({site.tooth for _, site in found}) > 1:
        raise _refused(found[1][0], "more-than-one-tooth")
    tooth = found[0][1].tooth
    letters = [letter for _, site in found for letter in site.surfaces]
    try:
        return Site(tooth, tuple(surface.value for surface in canonical_surfaces(letters, tooth)))
    except ValueError:
        raise _refused(found[-1][0], "surface-not-on-this-tooth") from None


def _body_sites(resource: dict[str, Any]) -> Iterator[tuple[str, Site]]:
    for index, concept in enumerate(_list(resource.get("bodySite"))):
        pointer = f"/bodySite/{index}"
        yield pointer, Site(_tooth(concept, pointer), ())


def _body_structures(resource: dict[str, Any]) -> Iterator[tuple[str, Site]]:
    contained = _list(resource.get("contained"))
    for place, extension in enumerate(_list(resource.get("extension"))):
        if _dict(extension).get("url") != _BODY_SITE:
            continue
        reference = _dict(_dict(extension).get("valueReference")).get("reference")
        index = next((i for i, each in enumerate(contained) if reference == f"#{_dict(each).get('id')}"), None)
        if index is None or _dict(contained[index]).get("resourceType") != "BodyStructure":
            raise _refused(f"/extension/{place}/valueReference/reference", "unknown-reference")
        yield f"/contained/{index}", _structure(_dict(contained[index]), f"/contained/{index}")


def _structure(structure: dict[str, Any], pointer: str) -> Site:
    tooth = _tooth(structure.get("location"), f"{pointer}/location")
    letters: list[str] = []
    for index, qualifier in enumerate(_list(structure.get("locationQualifier"))):
        named = next((found for coding in _codings(qualifier) if (found := surface_of(coding))), None)
        if named is None:
            raise _refused(f"{pointer}/locationQualifier/{index}", "code-not-understood")
        letters.extend(named)
    return Site(tooth, tuple(letters))


def _tooth(concept: Any, pointer: str) -> str:
    for coding in _codings(concept):
        notation = tooth_system(coding["system"])
        if notation is None:
            continue
        try:
            return fdi(coding["code"], notation)
        except ValueError:
            raise _refused(f"{pointer}/coding", "unknown-tooth") from None
    raise _refused(f"{pointer}/coding", "notation-not-understood")


def _codings(concept: Any) -> list[dict[str, str]]:
    """The codings of a CodeableConcept that are whole: texts for system, code and display."""
    return [
        {"system": coding["system"], "code": coding["code"], "display": str(coding.get("display", ""))}
        for coding in map(_dict, _list(_dict(concept).get("coding")))
        if isinstance(coding.get("system"), str) and isinstance(coding.get("code"), str)
    ]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _refused(pointer: str, code: str) -> Invalid:
    return Invalid(Fault(pointer, code))
