"""`/v1/staff/document-templates`: the texts and forms that the clinic sends again and again."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.caller import StaffClaims
from api.papers import PDF
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from cabinet.commands.templates import add_ready_templates, add_template, archive_template, change_template
from cabinet.document_paper import template_paper
from cabinet.merge import FIELDS
from cabinet.paper import printed
from cabinet.queries.templates import MOST_TEMPLATES, TemplateView, template, templates
from cabinet.template import TemplateDraft
from clinic.facts import Language
from core.errors import NotFound
from core.values import Int32, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/document-templates", tags=["documents"], route_class=StrictRoute)

Reads = Annotated[StaffReads, staff_reads(Permission.WRITE_DOCUMENTS)]
Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_DOCUMENTS)]


class MergeField(Value):
    """A name that a text may use, and what a preview shows for it."""

    name: str = Field(examples=["patient.given_name"])
    example: str = Field(examples=["Anna"])


class Templates(Value):
    items: list[TemplateView] = Field(max_length=MOST_TEMPLATES)
    fields: list[MergeField] = Field(max_length=100)


class AddedTemplates(Value):
    codes: list[str] = Field(max_length=100)


class TemplateChange(Value):
    """The whole template anew, and the version that it was made from."""

    version: Annotated[Int32, Field(ge=1, examples=[1])]
    draft: TemplateDraft


@router.get("", summary="Templates", operation_id="listTemplates")
async def list_templates(call: Reads) -> Templates:
    """All templates in use, and the merge fields there are."""
    fields = [MergeField(name=name, example=example) for name, example in FIELDS.items()]
    return Templates(items=await templates(call.reading), fields=fields)


@router.post("", status_code=201, summary="Add a template", operation_id="addTemplate")
async def add(call: Writes, body: TemplateDraft) -> TemplateView:
    """Keep a new template. A merge field that is not on the list, or a question without words, is refused."""
    return await add_template(call.writing, call.clinic_id, body, call.actor, call.now)


@router.post("/ready-made", summary="Add the ready-made templates", operation_id="addReadyTemplates")
async def add_ready(call: Writes) -> AddedTemplates:
    """Add those that come with Enamel and are not there yet: a start in four languages, to be made the clinic's own."""
    return AddedTemplates(codes=await add_ready_templates(call.writing, call.clinic_id, call.actor, call.now))


@router.get("/{template_id}", summary="A template", operation_id="getTemplate")
async def get_template(call: Reads, template_id: UUID) -> TemplateView:
    """One template in its present version."""
    found = await template(call.reading, template_id)
    if found is None:
        raise NotFound
    return found


@router.put("/{template_id}", summary="Change a template", operation_id="changeTemplate")
async def change(call: Writes, template_id: UUID, body: TemplateChange) -> TemplateView:
    """Keep the draft as the next version. What was sent before stays as it was."""
    return await change_template(
        call.writing, call.clinic_id, template_id, body.version, body.draft, call.actor, call.now
    )


@router.delete("/{template_id}", status_code=204, summary="Put a template away", operation_id="archiveTemplate")
async def archive(call: Writes, template_id: UUID) -> Response:
    """It is not sent any more; documents made from it stay."""
    await archive_template(call.writing, call.clinic_id, template_id, call.actor, call.now)
    return Response(status_code=204)


@router.get(
    "/{template_id}/preview", summary="Preview a template", operation_id="previewTemplate",
    response_class=Response, responses=PDF,
)  # fmt: skip
async def preview(
    ports: PortsHere,
    claims: StaffClaims,
    template_id: UUID,
    language: Annotated[Language, Query(description="The first text where there is none in this language.")] = "en",
) -> Response:
    """The template as a PDF, with an example in the place of each merge field."""
    async with ports.database.reading(scope_of(claims)) as reading:
        await standing_staff(reading, claims, Permission.WRITE_DOCUMENTS)
        found = await template(reading, template_id)
        if found is None:
            raise NotFound
    content = await asyncio.to_thread(lambda: printed(template_paper(found.texts, found.questions, language)))
    headers = {"content-disposition": 'attachment; filename="template.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
