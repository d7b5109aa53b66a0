"""`/v1/staff/patients/{patient_id}/voices`: voice messages of a conversation, for whoever may reply in it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from api.caller import StaffClaims
from api.holders import to_staff
from api.looks import note_look_at_chat
from api.media import PictureLink, linked, voice_to_link
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, standing_staff
from api.uploads import Admitted
from api.voices import LARGEST_FORM, VoiceSent, VoiceUpload, take_voice, voice_sent
from chat.queries import check_reach
from clinic.queries import StaffStanding, home_branch
from core import clock
from core.database import Reading
from core.errors import NotFound
from core.events import Actor, ActorKind
from identity.permissions import Permission
from identity.tokens import Claims
from media.kinds import Variant
from media.links import Holder

router = APIRouter(prefix="/v1/staff/patients/{patient_id}", tags=["chat"], route_class=StrictRoute)


async def _standing(reading: Reading, claims: Claims, patient_id: UUID) -> StaffStanding:
    """Who may reply in this patient's conversation. Raises `NotFound` where it is out of their reach."""
    staff = await standing_staff(reading, claims, Permission.REPLY)
    await check_reach(reading, patient_id, staff.staff_id)
    return staff


Asks = Annotated[StaffReads, staff_reads(Permission.REPLY)]


@router.post(
    "/voices", status_code=201, summary="Speak in a conversation", operation_id="addVoice", max_body_size=LARGEST_FORM
)
async def speak(ports: PortsHere, claims: StaffClaims, patient_id: UUID, form: VoiceUpload) -> VoiceSent:
    """A voice message in one request. It is looked into a moment later; send the message once it is `ready`."""

    async def stand(reading: Reading) -> Actor:
        staff = await _standing(reading, claims, patient_id)
        return Actor(ActorKind.STAFF, staff.staff_id)

    async def admit(reading: Reading) -> Admitted:
        sender = await stand(reading)
        if await home_branch(reading, patient_id) is None:
            raise NotFound
        return Admitted(patient_id, sender)

    return await take_voice(ports, scope_of(claims), admit, stand, form)


@router.get("/voices/{voice_id}", summary="How far a voice message is", operation_id="getVoice")
async def show(call: Asks, patient_id: UUID, voice_id: UUID) -> VoiceSent:
    """Whether a message may carry it; once it is ready, how long it is and how it is drawn."""
    await check_reach(call.reading, patient_id, call.staff.staff_id)
    return await voice_sent(call.reading, patient_id, voice_id, call.staff.staff_id)


@router.post("/voices/{voice_id}/links", summary="Hear a voice message", operation_id="linkVoice")
async def link(ports: PortsHere, claims: StaffClaims, patient_id: UUID, voice_id: UUID) -> PictureLink:
    """A link to it as AAC in MP4, good for five minutes. That it was opened stays in the patient's events."""
    now, scope = clock.now(), scope_of(claims)
    async with ports.database.writing(scope) as writing:
        staff = await _standing(writing, claims, patient_id)
        file = await voice_to_link(writing, patient_id, voice_id, Holder.STAFF, staff.staff_id)
        await note_look_at_chat(StaffWrites(writing, claims.clinic_id, staff, now), patient_id)
    return await linked(ports, claims.clinic_id, voice_id, Variant.DOWNLOAD, file, to_staff(claims), now)
