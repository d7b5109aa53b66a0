"""Facts a clinic's own system tells of teeth: findings and procedures, the shape of one row of each kind."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from cabinet.finding import GRADES, JOINING, ON_SURFACES, ROOT_WORK, FindingCode, FindingStatus, Material
from cabinet.tooth import Notation, Surface, canonical_surfaces, fdi
from clinic.facts import ExternalId, Fact, HappenedOn
from core.values import MaybeText

ToothCode = Annotated[str, StringConstraints(min_length=1, max_length=5, pattern=r"^[0-9A-Zs]+$")]
Grade = Annotated[int, Field(strict=True, ge=1, le=6, json_schema_extra={"format": "int32"})]
Canals = Annotated[int, Field(strict=True, ge=1, le=6, json_schema_extra={"format": "int32"})]
SurfaceLetter = Annotated[str, StringConstraints(pattern=r"^[MDVBFLPOI]$")]


_C = FindingCode


class ServiceKind(StrEnum):
    """What was done, as coarsely as recall and follow-up need it."""

    EXAM = "exam"
    IMAGING = "imaging"
    HYGIENE = "hygiene"
    FLUORIDE = "fluoride"
    SEALANT = "sealant"
    FILLING = "filling"
    CROWN = "crown"
    VENEER = "veneer"
    BRIDGE = "bridge"
    DENTURE = "denture"
    ROOT_CANAL = "root_canal"
    PERIODONTAL = "periodontal"
    EXTRACTION = "extraction"
    IMPLANT = "implant"
    SURGERY = "surgery"
    ORTHODONTICS = "orthodontics"
    WHITENING = "whitening"
    OTHER = "other"


class FindingWords(BaseModel):
    """What is said of one tooth. `tooth` is read in the `notation` given: most codes mean two teeth otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notation: Notation
    tooth: ToothCode = Field(examples=["16"])
    code: FindingCode
    surfaces: list[SurfaceLetter] = Field(
        default=[], max_length=5, description="M D O I, V (or B, F) outward, L (or P) inward.", examples=[["O", "M"]]
    )
    status: FindingStatus = FindingStatus.EXISTING
    material: Material | None = None
    group: ExternalId | None = Field(
        default=None,
        description="Same for all teeth of one bridge, splint or denture. Without it neighbours are taken together.",
        examples=["bridge-1"],
    )
    grade: Grade | None = Field(default=None, description="Caries 1 to 6 (ICDAS); mobility and furcation 1 to 3.")
    canals: Canals | None = Field(default=None, description="How many root canals were treated.")
    observed_on: HappenedOn = Field(description="The date from which it is true.")

    @field_validator("tooth")
    @classmethod
    def _a_tooth_of_its_notation(cls, tooth: str, info: ValidationInfo) -> str:
        if "notation" in info.data:
            fdi(tooth, info.data["notation"])
        return tooth

    @field_validator("surfaces")
    @classmethod
    def _surfaces_of_this_tooth(cls, letters: list[str], info: ValidationInfo) -> list[str]:
        _check_surfaces(letters, info.data)
        return letters

    @field_validator("group")
    @classmethod
    def _of_work_that_joins(cls, group: str | None, info: ValidationInfo) -> str | None:
        if group is not None and info.data.get("code", _C.PONTIC) not in JOINING:
            raise ValueError("joins no teeth")
        return group

    @field_validator("grade")
    @classmethod
    def _of_its_scale(cls, grade: int | None, info: ValidationInfo) -> int | None:
        if grade is not None and "code" in info.data and grade > GRADES.get(info.data["code"], 0):
            raise ValueError("no such grade")
        return grade

    @field_validator("canals")
    @classmethod
    def _of_a_root_treatment(cls, canals: int | None, info: ValidationInfo) -> int | None:
        if canals is not None and info.data.get("code", _C.ROOT_CANAL) not in ROOT_WORK:
            raise ValueError("treats no root canal")
        return canals

    @property
    def fdi(self) -> str:
        return fdi(self.tooth, self.notation)

    @property
    def canonical(self) -> tuple[Surface, ...]:
        return canonical_surfaces(self.surfaces, self.fdi)


class FindingFact(Fact, FindingWords):
    """One finding on one tooth, as a clinic's own system names it."""

    patient: ExternalId = Field(description="External id of the patient.")


def _check_surfaces(letters: list[str], known: dict[str, Any]) -> None:
    """Against the members that were good; a bad one already has its own fault."""
    if letters and "code" in known and known["code"] not in ON_SURFACES:
        raise ValueError("finding of the whole tooth")
    if "tooth" in known and "notation" in known:
        canonical_surfaces(letters, fdi(known["tooth"], known["notation"]))


class ProcedureFact(Fact):
    """Something that was done for a patient, on a tooth where there is one."""

    patient: ExternalId = Field(description="External id of the patient.")
    kind: ServiceKind
    performed_on: HappenedOn
    notation: Notation | None = Field(default=None, description="Must be said where `tooth` is.")
    tooth: ToothCode | None = None
    name: MaybeText = Field(default="", description="As the clinic calls it.", examples=["Air-flow"])
    entered_in_error: bool = False

    @field_validator("tooth")
    @classmethod
    def _a_tooth_of_its_notation(cls, tooth: str | None, info: ValidationInfo) -> str | None:
        notation = info.data.get("notation")
        if tooth is not None and notation is not None:
            fdi(tooth, notation)
        if tooth is not None and notation is None and "notation" in info.data:
            raise ValueError("tooth without notation")
        return tooth

    @property
    def fdi(self) -> str | None:
        return fdi(self.tooth, self.notation) if self.tooth is not None and self.notation is not None else None
