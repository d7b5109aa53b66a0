"""Facts a clinic's own system tells of the gums: the shape of one examination."""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from cabinet.facts import ToothCode
from cabinet.perio import DEEPEST, MARGIN_FROM, MARGIN_TO, MOST_TEETH_PROBED, Site, forks
from cabinet.tooth import Notation, fdi
from clinic.facts import ExternalId, Fact, HappenedOn
from core.values import Value

_INT32 = {"format": "int32"}
Probing = Annotated[int, Field(strict=True, ge=0, le=DEEPEST, json_schema_extra=_INT32)]
Margin = Annotated[int, Field(strict=True, ge=MARGIN_FROM, le=MARGIN_TO, json_schema_extra=_INT32)]
Grade = Annotated[int, Field(strict=True, ge=0, le=3, json_schema_extra=_INT32)]


class PerioSiteFact(Value):
    site: Site = Field(description="MB, B, DB on the outer side, ML, L, DL on the inner.")
    probing_mm: Probing | None = Field(default=None, examples=[5])
    margin_mm: Margin | None = Field(
        default=None, description="Above zero the gum has gone back, below zero it covers the crown.", examples=[1]
    )
    bleeding: bool = False
    suppuration: bool = False
    plaque: bool = False


class PerioToothFact(Value):
    tooth: ToothCode = Field(examples=["16"])
    mobility: Grade | None = Field(default=None, description="0 to 3 (Miller).")
    furcation: Grade | None = Field(default=None, description="0 to 3 (Hamp), the worst; of teeth whose roots part.")
    sites: list[PerioSiteFact] = Field(default=[], max_length=len(Site))

    @field_validator("sites")
    @classmethod
    def _each_once(cls, sites: list[PerioSiteFact]) -> list[PerioSiteFact]:
        if len({each.site for each in sites}) < len(sites):
            raise ValueError("site given twice")
        return sites


class PerioExamFact(Fact):
    """One examination of the gums. Attachment loss is not told: it follows from depth and margin."""

    patient: ExternalId = Field(description="External id of the patient.")
    examined_on: HappenedOn
    entered_in_error: bool = False
    notation: Notation
    teeth: list[PerioToothFact] = Field(min_length=1, max_length=MOST_TEETH_PROBED)

    @field_validator("teeth")
    @classmethod
    def _teeth_of_their_notation(cls, teeth: list[PerioToothFact], info: ValidationInfo) -> list[PerioToothFact]:
        if "notation" not in info.data:
            return teeth
        names = [fdi(each.tooth, info.data["notation"]) for each in teeth]
        if len(set(names)) < len(names):
            raise ValueError("tooth given twice")
        if any(each.furcation and not forks(name) for each, name in zip(teeth, names, strict=True)):
            raise ValueError("no furcation on this tooth")
        return teeth

    def measured(self) -> list[dict[str, Any]]:
        """As it is kept: teeth in FDI, sites in their order, nothing derived."""
        order = list(Site)
        return [
            {
                "tooth": fdi(each.tooth, self.notation),
                "mobility": each.mobility,
                "furcation": each.furcation,
                "sites": [
                    site.model_dump(mode="json") for site in sorted(each.sites, key=lambda one: order.index(one.site))
                ],
            }
            for each in self.teeth
        ]
