"""`/v1/me/conversation/voices`: a patient's voice messages, their own and the clinic's.

Whoever may write in the conversation speaks and hears in it: a voice message is said, not taken, so the right to look
at pictures is not asked for.
"""

from uuid import UUID

from api.caller import PatientClaims
from api.holders import to_opener
from api.media import PictureLink, linked, voice_to_link
from api.patient.record import RecordRoutes
from api.patient.uploads import admitted
from api.ports import PortsHere
from api.transaction import RecordAsked, record_opened, scope_of
from api.uploads import Admitted
from api.voices import LARGEST_FORM, VoiceSent, VoiceUpload, take_voice, voice_sent
from clinic.household import AccessScope
from core import clock
from core.database import Reading
from core.errors import TooMany
from core.events import Actor
from media.kinds import PictureKind, Variant
from media.queries import uploads_by
from media.upload import MOST_OF_ACCOUNT

routes = RecordRoutes("chat")

_WAIT_SECONDS = 3600


@routes.post(
    "/conversation/voices", status_code=201, summary="Speak in my conversation", operation_id="addMyVoice",
    max_body_size=LARGEST_FORM,
)  # fmt: skip
async def speak(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, form: VoiceUpload) -> VoiceSent:
    """A voice message in one request. It is looked into a moment later; send the message once it is `ready`."""

    async def admit(reading: Reading) -> Admitted:
        who = await admitted(reading, claims, asked, PictureKind.VOICE)
        if await uploads_by(reading, who.patient_id, who.sender) >= MOST_OF_ACCOUNT:
            raise TooMany(retry_after_seconds=_WAIT_SECONDS)
        return who

    async def stand(reading: Reading) -> Actor:
        return (await admitted(reading, claims, asked, PictureKind.VOICE)).sender

    return await take_voice(ports, scope_of(claims), admit, stand, form)


@routes.get("/conversation/voices/{voice_id}", summary="How far my voice message is", operation_id="getMyVoice")
async def show(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, voice_id: UUID) -> VoiceSent:
    """Whether a message may carry it; once it is ready, how long it is and how it is drawn."""
    async with ports.database.reading(scope_of(claims)) as reading:
        opened = await record_opened(reading, claims, asked, clock.now(), AccessScope.CHAT)
        return await voice_sent(reading, opened.patient_id, voice_id, claims.subject_id)


@routes.post("/conversation/voices/{voice_id}/links", summary="Hear my voice message", operation_id="linkMyVoice")
async def link(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, voice_id: UUID) -> PictureLink:
    """A link to it as AAC in MP4, good for five minutes, as long as the caller may hear it."""
    now = clock.now()
    async with ports.database.reading(scope_of(claims)) as reading:
        opened = await record_opened(reading, claims, asked, now, AccessScope.CHAT)
        given_to = to_opener(claims, opened)
        file = await voice_to_link(reading, opened.patient_id, voice_id, given_to.holder, claims.subject_id)
    return await linked(ports, claims.clinic_id, voice_id, Variant.DOWNLOAD, file, given_to, now)
