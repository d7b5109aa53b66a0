"""`/v1/partner/messages`: what patients wrote by SMS, e-mail or messenger comes into their one conversation."""

from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.caller import PartnerClaims
from api.ports import PortsHere
from api.saying import tell
from api.strict import StrictRoute
from api.transaction import scope_of, standing_partner
from chat.commands.inbound import Arrived, take_message
from chat.conversation import Body, Via
from clinic.facts import ExternalId
from core.clock import now
from core.values import PLAIN, Int32, Value
from identity.permissions import PartnerScope
from identity.phone import e164

router = APIRouter(prefix="/v1/partner", tags=["messages"], route_class=StrictRoute)


class Channel(StrEnum):
    """The channels that are not our own."""

    SMS = "sms"
    EMAIL = "email"
    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    WEB = "web"


def _one_form(address: str) -> str:
    """Phones as E.164, everything else in small letters: two spellings of one address are equal."""
    return e164(address) if address.startswith("+") else address.strip().lower()


Address = Annotated[str, StringConstraints(min_length=1, max_length=320, pattern=PLAIN), AfterValidator(_one_form)]


class InboundMessage(Value):
    """One message. Name the patient, or the address it came from, or both: then the address is known from now on."""

    channel: Channel = Field(examples=["whatsapp"])
    external_id: ExternalId = Field(description="The channel's id of the message: the same again changes nothing.")
    body: Body = Field(examples=["Can I come on Friday?"])
    patient: ExternalId | None = Field(default=None, description="Your id of the patient.", examples=["p-17"])
    address: Address | None = Field(
        default=None,
        description="A phone with its country code, an e-mail address, a name.",
        examples=["+390255501234"],
    )

    @model_validator(mode="after")
    def _says_from_whom(self) -> Self:
        if self.patient is None and self.address is None:
            raise ValueError("patient or address")
        return self


class InboundKept(Value):
    """Where it stands. `duplicate`: it had come before, and stands there once."""

    conversation_id: UUID
    patient_id: UUID
    seq: Int32
    duplicate: bool


_CAME_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": InboundKept, "description": "It had come before: the same answer again."}
}


@router.post(
    "/messages", status_code=201, responses=_CAME_BEFORE, summary="Bring a message in", operation_id="bringMessage"
)
async def bring(ports: PortsHere, claims: PartnerClaims, body: InboundMessage, response: Response) -> InboundKept:
    """A message by another channel, as the patient's. Found by `patient`, else by an address that was told before, else
    by the phone in the patient's record; `sender-ambiguous` where a family shares it: name the patient.
    """
    at = now()
    arrived = Arrived(Via(body.channel.value), body.external_id, body.address, body.patient, body.body)
    async with ports.database.writing(scope_of(claims)) as writing:
        app = await standing_partner(writing, claims, PartnerScope.WRITE)
        sent = await take_message(writing, app.clinic_id, app.app_id, app.system, arrived, at)
    tell(ports, sent)
    response.status_code = 200 if sent.dup else 201
    return InboundKept(
        conversation_id=sent.event.conversation_id, patient_id=sent.thread.patient_id, seq=sent.seq, duplicate=sent.dup
    )
