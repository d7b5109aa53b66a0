"""`…/pictures/{picture_external_id}/dicomweb`: a clinic's own system names a picture that stays in its archive."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from api.caller import PartnerClaims
from api.partner.uploads import PictureReceipt, admitted
from api.ports import PortsHere
from api.strict import StrictRoute
from api.teeth import FdiTooth, fdi_codes
from api.transaction import scope_of
from clinic.facts import ExternalId, HappenedOn
from core.clock import now
from core.values import Int32, ShortText, Value
from media.commands.elsewhere import ToldElsewhere, tell_elsewhere
from media.dicomweb import Instance, Uid
from media.kinds import PictureKind
from media.queries.pictures import MOST_TEETH

router = APIRouter(prefix="/v1/partner", tags=["media"], route_class=StrictRoute)


class PictureThere(Value):
    """A DICOM instance in one of the clinic's archives. The archive is asked once, and by staff for the original."""

    source: ShortText = Field(
        description="The archive's name, as the clinic's managers gave it.", examples=["radiology"]
    )
    study_uid: Uid = Field(examples=["1.2.840.113619.2.55.3.1"])
    series_uid: Uid = Field(examples=["1.2.840.113619.2.55.3.1.2"])
    instance_uid: Uid = Field(examples=["1.2.840.113619.2.55.3.1.2.3"])
    frame: Int32 | None = Field(
        default=None, ge=1, le=20_000, description="Which one is shown, from 1; null: the one that stands for all."
    )
    kind: PictureKind = PictureKind.XRAY
    taken_on: HappenedOn | None = None
    teeth: list[FdiTooth] = Field(
        default=[], max_length=MOST_TEETH, description="Which teeth it shows.", examples=[["11"]]
    )
    released: bool = Field(default=False, description="Whether the patient may see it as soon as it is ready.")
    private: bool = Field(default=False, description="Hidden from those who may open a ward's record.")

    def told(self) -> ToldElsewhere:
        instance = Instance(self.study_uid, self.series_uid, self.instance_uid, self.frame)
        teeth = fdi_codes(self.teeth)
        return ToldElsewhere(self.source, instance, self.kind, self.taken_on, self.released, self.private, teeth)


@router.put(
    "/patients/{external_id}/pictures/{picture_external_id}/dicomweb",
    summary="Name a picture in an archive",
    operation_id="putPictureElsewhere",
)
async def put(
    ports: PortsHere,
    claims: PartnerClaims,
    external_id: Annotated[ExternalId, Path(description="Your id of the patient.")],
    picture_external_id: Annotated[ExternalId, Path(description="Your id of the picture.")],
    body: PictureThere,
) -> PictureReceipt:
    """Instead of its bytes, say where it is. It is ready once it was fetched and looked into. Again changes nothing."""
    async with ports.database.writing(scope_of(claims)) as writing:
        who = await admitted(writing, claims, external_id, picture_external_id)
        assert who.name is not None
        outcome, picture = await tell_elsewhere(
            writing, claims.clinic_id, who.patient_id, body.told(), who.name, who.sender, ports.quota, now()
        )
    return PictureReceipt(picture_id=picture.picture_id, outcome=outcome, state=picture.state)
