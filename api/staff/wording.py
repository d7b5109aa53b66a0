"""`/v1/staff/message-templates`: how the clinic words what it sends, and what that would look like."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from clinic.facts import Language
from core.errors import NotAllowed, NotFound
from core.ids import new_id
from core.values import Int32, Value
from identity.permissions import Permission
from push.commands.wording import (
    WordingRefused,
    add_message_template,
    archive_message_template,
    change_message_template,
    choose_tone,
)
from push.named_words import named_words
from push.notice import WORDING, NoticeKind
from push.preview import PreviewLine, made_up, previewed
from push.queries.wording import MOST_TEMPLATES, MessageTemplateView, Wanted, facts_of, message_templates, tone_of
from push.render import Facts
from push.template import Template, TemplateDraft, Tone, place_of, template_faults
from push.variables import PRIVACY, Mode, Privacy, Variable

router = APIRouter(prefix="/v1/staff/message-templates", tags=["wording"], route_class=StrictRoute)

Reads = Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]
Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)]


class KnownVariable(Value):
    """A name that may stand in double braces, and who may read its value."""

    name: Variable
    privacy: Privacy


class KnownWording(Value):
    """Words of a name for which Enamel has texts; a clinic may write its own in their place."""

    wording: str = Field(examples=["check-up-recall"])
    kind: NoticeKind


class MessageTemplates(Value):
    items: list[MessageTemplateView] = Field(max_length=MOST_TEMPLATES)
    variables: list[KnownVariable] = Field(max_length=50)
    wordings: list[KnownWording] = Field(max_length=500)
    tone: Tone


class MessageTemplateChange(Value):
    """The whole text anew, and the version that it was made from."""

    version: Annotated[Int32, Field(ge=1, examples=[1])]
    draft: TemplateDraft


class ChosenTone(Value):
    tone: Tone = Field(examples=["informal"])


class PreviewOf(Value):
    """Of which notice, to whom. `draft` is tried out in the place of what is in use; nothing is kept."""

    kind: NoticeKind = Field(examples=["visit"])
    wording: Annotated[str, StringConstraints(pattern=WORDING)] | None = Field(
        default=None,
        description="What its words are called; null: they are those of its kind.",
        examples=["visit-remind"],
    )
    patient_id: UUID | None = Field(default=None, description="Null: somebody made up.")
    appointment_id: UUID | None = Field(default=None, description="The visit that it is about.")
    language: Language | None = Field(default=None, description="Null: the patient's own; of somebody made up English.")
    tone: Tone | None = Field(default=None, description="Null: the clinic's.")
    mode: Mode | None = Field(default=None, description="Null: the patient's own; of somebody made up `generic`.")
    draft: TemplateDraft | None = None


class Previewed(Value):
    items: list[PreviewLine] = Field(max_length=20)


@router.get("", summary="Message texts", operation_id="listMessageTemplates")
async def listed(call: Reads) -> MessageTemplates:
    """The clinic's own texts; where there is none, Enamel's are said. And variables, names of words, and tone."""
    known = [KnownVariable(name=name, privacy=privacy) for name, privacy in PRIVACY.items()]
    items = await message_templates(call.reading, call.clinic_id)
    wordings = [KnownWording(wording=name, kind=words.kind) for name, words in named_words().items()]
    spoken = await tone_of(call.reading, call.clinic_id)
    return MessageTemplates(items=items, variables=known, wordings=wordings, tone=spoken)


@router.post("", status_code=201, summary="Add a message text", operation_id="addMessageTemplate")
async def add(call: Writes, body: TemplateDraft) -> MessageTemplateView:
    """Say it so from now on. What could not be sent one day is refused here, with its place: an unknown variable, one
    that tells too much on this channel, a text that is too long with the longest names.
    """
    return await add_message_template(call.writing, call.clinic_id, body, call.actor, call.now)


@router.post("/preview", summary="Preview a message", operation_id="previewMessage")
async def preview(call: Writes, body: PreviewOf) -> Previewed:
    """What each channel would show, how long it is and what it costs. Nothing is sent.

    To see a patient's name and visit one needs the right to see patients, and the patient is told of the look.
    """
    if body.draft is not None and (faults := template_faults(body.draft)):
        raise WordingRefused(*faults)
    facts = await _facts(call, body)
    views = await message_templates(call.writing, call.clinic_id)
    templates = [Template(view.template_id, view.version, view.draft) for view in views]
    if body.draft is not None:
        tried = Template(new_id(), 1, body.draft)
        # Alone: no variant of what is in use stands beside it.
        templates = [tried, *(each for each in templates if place_of(each.draft) != place_of(body.draft))]
    return Previewed(items=previewed(facts, templates))


@router.put("/tone", status_code=204, summary="Choose the tone", operation_id="chooseTone")
async def tone(call: Writes, body: ChosenTone) -> Response:
    """How the clinic speaks to all of its patients."""
    await choose_tone(call.writing, call.clinic_id, body.tone, call.actor, call.now)
    return Response(status_code=204)


@router.put("/{message_template_id}", summary="Change a message text", operation_id="changeMessageTemplate")
async def change(call: Writes, message_template_id: UUID, body: MessageTemplateChange) -> MessageTemplateView:
    """Say it so from now on. Earlier versions are kept: what was sent can be shown to the letter."""
    return await change_message_template(
        call.writing, call.clinic_id, message_template_id, body.version, body.draft, call.actor, call.now
    )


@router.delete(
    "/{message_template_id}", status_code=204, summary="Put a message text away", operation_id="archiveMessageTemplate"
)
async def archive(call: Writes, message_template_id: UUID) -> Response:
    """Enamel's words are said again in its place."""
    await archive_message_template(call.writing, call.clinic_id, message_template_id, call.actor, call.now)
    return Response(status_code=204)


async def _facts(call: StaffWrites, body: PreviewOf) -> Facts:
    tone = body.tone or await tone_of(call.writing, call.clinic_id)
    if body.patient_id is None:
        return made_up(body.kind, body.language or "en", tone, body.mode or Mode.GENERIC, body.wording or "")
    if Permission.READ_CONTACT not in call.staff.permissions:
        raise NotAllowed
    language, wording = body.language or "", body.wording or ""
    wanted = Wanted(call.clinic_id, body.patient_id, body.kind, body.appointment_id, language, wording)
    found = (await facts_of(call.writing, [wanted])).get(wanted)
    if found is None:
        raise NotFound
    await call.note_read("preview", body.patient_id)
    link = {Variable.LINK: made_up(body.kind, "en", tone, Mode.GENERIC).values[Variable.LINK]}
    return replace(found, tone=tone, mode=body.mode or found.mode, values={**found.values, **link})
