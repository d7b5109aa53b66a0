"""Voice messages of both sides: sent in one request, asked after, and opened by a link; the right is the chat's own."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Request
from pydantic import Field

from api.ports import Ports
from api.strict import SentFile
from api.uploads import Admit, Stand, sha256_of, take_whole
from core.database import Reading, Scope
from core.errors import Fault, Invalid
from core.values import Value
from media.attached import AttachedVoice
from media.kinds import PictureKind, PictureState
from media.queries import sent_voice
from media.upload import Announced
from media.voice import LARGEST_VOICE, admitted_voice

LARGEST_FORM = LARGEST_VOICE + 64 * 1024
"""The file and what multipart puts around it, in bytes."""


class VoiceForm(Value):
    """One voice message as `multipart/form-data`."""

    file: SentFile = Field(description="AAC in MP4 (M4A), Opus in Ogg or in WebM: at most 16 MiB and 15 minutes.")


class VoiceSent(Value):
    """How far a voice message is. A message may carry its `voice_id` once it is `ready`; `quarantined`: it never will,
    whatever the reason.
    """

    voice_id: UUID
    state: PictureState = Field(examples=["ready"])
    voice: AttachedVoice | None = Field(description="Once it is ready: as messages tell of it.")


async def _form(request: Request, form: Annotated[VoiceForm, Form(media_type="multipart/form-data")]) -> VoiceForm:
    if len((await request.form()).multi_items()) > 1:
        raise Invalid(Fault("/file", "given-twice"))
    return form


VoiceUpload = Annotated[VoiceForm, Depends(_form)]


async def take_voice(ports: Ports, scope: Scope, admit: Admit, stand: Stand, form: VoiceForm) -> VoiceSent:
    """Keep it for whom `admit` finds, released by being sent. The same bytes again are the same voice message."""
    content = await form.file.read()
    media_type = admitted_voice(content)
    told = Announced(PictureKind.VOICE, media_type, len(content), await sha256_of(content), released=True)
    _, kept = await take_whole(ports, scope, admit, stand, told, content)
    async with ports.database.reading(scope) as reading:
        sender = await stand(reading)
        assert sender.id is not None  # an account, or somebody of the staff
        return await voice_sent(reading, kept.patient_id, kept.picture_id, sender.id)


async def voice_sent(reading: Reading, patient_id: UUID, voice_id: UUID, who: UUID) -> VoiceSent:
    """What was not said is `who`'s own, or not found. Raises `NotFound`."""
    state, voice = await sent_voice(reading, patient_id, voice_id, who)
    return VoiceSent(voice_id=voice_id, state=state, voice=voice)
