"""`/v1/partner/patients/{external_id}/pictures`: a clinic's own system sends X-rays and photos in one request."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.caller import PartnerClaims
from api.partner.uploads import PictureReceipt, admitted, standing
from api.pictures import LARGEST_FORM, PictureUpload, take_picture
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import scope_of
from api.uploads import Admitted
from clinic.facts import ExternalId
from core.database import Reading

router = APIRouter(prefix="/v1/partner", tags=["media"], route_class=StrictRoute)


@router.put(
    "/patients/{external_id}/pictures/{picture_external_id}",
    summary="Send a picture",
    operation_id="putPicture",
    max_body_size=LARGEST_FORM,
)
async def put(
    ports: PortsHere,
    claims: PartnerClaims,
    external_id: Annotated[ExternalId, Path(description="Your id of the patient.")],
    picture_external_id: Annotated[ExternalId, Path(description="Your id of the picture.")],
    form: PictureUpload,
) -> PictureReceipt:
    """Keep a picture under your own id. Sending it again changes nothing; other bytes under the same id are refused."""

    async def admit(reading: Reading) -> Admitted:
        return await admitted(reading, claims, external_id, picture_external_id)

    outcome, picture = await take_picture(ports, scope_of(claims), admit, standing(claims), form)
    return PictureReceipt(picture_id=picture.picture_id, outcome=outcome, state=picture.state)
