"""`/v1/partner/patients/{external_id}/pictures`: a clinic's own system sends X-rays and photos."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from api.caller import PartnerClaims
from api.pictures import LARGEST_UPLOAD, PictureUpload, Sender, take_picture
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import scope_of, standing_partner
from clinic.facts import ExternalId
from clinic.queries import named_patients
from core.database import Reading
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.values import Value
from identity.permissions import PartnerScope
from media.commands import ExternalName, Kept
from media.kinds import PictureState

router = APIRouter(prefix="/v1/partner", tags=["media"], route_class=StrictRoute)


class PictureReceipt(Value):
    """What became of a picture that was sent; it is looked into a moment later."""

    picture_id: UUID
    outcome: Kept
    state: PictureState


@router.put(
    "/patients/{external_id}/pictures/{picture_external_id}",
    summary="Send a picture",
    operation_id="putPicture",
    max_body_size=LARGEST_UPLOAD,
)
async def put(
    ports: PortsHere,
    claims: PartnerClaims,
    external_id: Annotated[ExternalId, Path(description="Your id of the patient.")],
    picture_external_id: Annotated[ExternalId, Path(description="Your id of the picture.")],
    form: PictureUpload,
) -> PictureReceipt:
    """Keep a picture under your own id. Sending it again changes nothing; other bytes under the same id are refused."""

    async def admit(reading: Reading) -> Sender:
        app = await standing_partner(reading, claims, PartnerScope.WRITE)
        patient = (await named_patients(reading, app.system, {external_id})).get(external_id)
        if patient is None:
            raise NotFound
        name = ExternalName(app.system, picture_external_id)
        return Sender(patient.id, Actor(ActorKind.PARTNER, app.app_id), name)

    outcome, picture = await take_picture(ports, scope_of(claims), admit, form)
    return PictureReceipt(picture_id=picture.picture_id, outcome=outcome, state=picture.state)
