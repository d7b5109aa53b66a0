"""`/v1/me/contact-preferences`, `/v1/me/messengers`: how a patient wishes to be reached, and by which chat too."""

import secrets
from typing import Annotated

from fastapi import Response

from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from clinic.household import AccessScope
from core.moments import Moment
from core.values import ShortText, Value
from push.channel import Way
from push.commands.addresses import end_messenger, start_messenger
from push.commands.contacts import set_contact_preferences
from push.queries.contacts import ContactPreferences, contact_preferences

routes = RecordRoutes("consents")


class MessengerStart(Value):
    """Goes behind `https://t.me/<the clinic's bot>?start=`; good once, and for a quarter of an hour."""

    start_token: ShortText
    expires_at: Moment


@routes.get("/contact-preferences", summary="My contact preferences", operation_id="getMyContactPreferences")
async def preferences(call: Annotated[PatientReads, record_reads(AccessScope.CHAT)]) -> ContactPreferences:
    """When and by which ways the clinic may reach me; empty where nothing was said yet."""
    return await contact_preferences(call.reading, call.clinic_id, call.patient_id)


@routes.put("/contact-preferences", summary="Set my contact preferences", operation_id="setMyContactPreferences")
async def prefer(
    call: Annotated[PatientWrites, record_writes(AccessScope.CHAT)], body: ContactPreferences
) -> ContactPreferences:
    """All of them at once. They hold from now on, also for what is queued. What one agrees to stands under consents."""
    await set_contact_preferences(call.writing, call.clinic_id, call.patient_id, body, call.actor, call.now)
    return await contact_preferences(call.writing, call.clinic_id, call.patient_id)


@routes.post(
    "/messengers/telegram", status_code=201, summary="Open my chat in Telegram", operation_id="startMyTelegram"
)
async def start(ports: PortsHere, call: Annotated[PatientWrites, record_writes(AccessScope.CHAT)]) -> MessengerStart:
    """A start for the clinic's bot: whoever opens it links their chat to this record. An earlier one is void."""
    token = secrets.token_urlsafe(24)
    digest = ports.keys.secrets.keyed_hash(f"telegram {call.clinic_id}", token)
    account_id = call.claims.subject_id
    until = await start_messenger(
        call.writing, call.clinic_id, call.patient_id, account_id, Way.TELEGRAM, digest, call.now
    )
    return MessengerStart(start_token=token, expires_at=until)


@routes.delete("/messengers/telegram", status_code=204, summary="End my chat in Telegram", operation_id="endMyTelegram")
async def end(call: Annotated[PatientWrites, record_writes(AccessScope.CHAT)]) -> Response:
    """Nothing of this record is told there any more. What was written stays in Telegram."""
    await end_messenger(call.writing, call.clinic_id, call.patient_id, Way.TELEGRAM, call.actor, call.now)
    return Response(status_code=204)
