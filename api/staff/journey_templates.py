"""`/v1/staff/journey-templates`: the journeys that come with Enamel, and drafts made from them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.drafts import make_draft
from automation.journey.words import Key
from automation.queries.journey_versions import JourneyView
from automation.templates import TEMPLATES, Parameter, ParameterKind, Template
from clinic.facts import Language
from core.errors import Fault, Invalid
from core.values import Int32, ShortText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/journey-templates", tags=["journeys"], route_class=StrictRoute)

MOST_TEMPLATES = 200
MOST_PARAMETERS = 30
_EXAMPLE: dict[str, Any] = {"template": "hygiene-recall", "parameters": [{"key": "days", "number": 180}]}


class TemplateParameter(Value):
    """What is to be filled in: by `number`, `text` (a time of day too) or `id`, as its kind says."""

    key: str = Field(max_length=64)
    kind: ParameterKind
    title: str = Field(max_length=300)
    required: bool
    number: Int32 | None = Field(description="Taken where nothing is said.")
    text: str | None = Field(max_length=300, description="Taken where nothing is said.")
    lowest: Int32
    highest: Int32


class JourneyTemplateCard(Value):
    template: str = Field(max_length=64)
    name: str = Field(max_length=300)
    description: str = Field(max_length=2_000)
    parameters: list[TemplateParameter] = Field(max_length=MOST_PARAMETERS)


class JourneyTemplates(Value):
    items: list[JourneyTemplateCard] = Field(max_length=MOST_TEMPLATES)


class FilledParameter(Value):
    """One of the three."""

    key: Key
    number: Int32 | None = None
    text: ShortText | None = None
    id: UUID | None = None

    def value(self) -> int | str | UUID:
        """Raises `Invalid` where it says nothing or more than one thing."""
        said = [each for each in (self.number, self.text, self.id) if each is not None]
        if len(said) != 1:
            raise Invalid(Fault(f"/parameters/{self.key}", "one-of-three"))
        return said[0]


class DraftFromTemplate(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    template: Key
    language: Language = Field(default="en", description="Of names, titles and scripts that staff reads.")
    parameters: list[FilledParameter] = Field(default=[], max_length=MOST_PARAMETERS)


@router.get("", summary="Journeys that come with Enamel", operation_id="listJourneyTemplates")
async def listed(
    call: Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)],  # noqa: ARG001  who may see them
    language: Annotated[Language, Query(description="Of names and titles.")] = "en",
) -> JourneyTemplates:
    """Each with whom it reaches, and what has to be filled in before it can be a draft."""
    return JourneyTemplates(items=[_card(each, language) for each in TEMPLATES.values()])


@router.post("/drafts", status_code=201, summary="A draft from a template", operation_id="draftFromTemplate")
async def drafted(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)], body: DraftFromTemplate
) -> JourneyView:
    """A draft like any other: look at it, change it, publish it. Nobody is reached before."""
    template = TEMPLATES.get(body.template)
    if template is None:
        raise Invalid(Fault("/template", "unknown"))
    filled = {each.key: each.value() for each in body.parameters}
    if len(filled) < len(body.parameters):
        raise Invalid(Fault("/parameters", "twice"))
    return await make_draft(call.writing, call.clinic_id, template.draft(body.language, filled), call.actor, call.now)


def _card(template: Template, language: str) -> JourneyTemplateCard:
    return JourneyTemplateCard(
        template=template.key,
        name=template.name.said(language),
        description=template.description.said(language),
        parameters=[_parameter(each, language) for each in template.parameters],
    )


def _parameter(parameter: Parameter, language: str) -> TemplateParameter:
    usual = parameter.default
    return TemplateParameter(
        key=parameter.key,
        kind=parameter.kind,
        title=parameter.title.said(language),
        required=parameter.required,
        number=usual if isinstance(usual, int) else None,
        text=usual if isinstance(usual, str) else None,
        lowest=parameter.lowest,
        highest=parameter.highest,
    )
