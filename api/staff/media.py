"""`/v1/staff/patients/{patient_id}/pictures`: staff adds X-rays and photos and sees what is kept."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.pictures import LARGEST_UPLOAD, PictureUpload, Sender, take_picture
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffWrites, scope_of, staff_writes, standing_staff
from clinic.queries import home_branch
from core.database import Reading
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.values import Value
from identity.permissions import Permission
from media.queries import PictureFile, picture_files

router = APIRouter(prefix="/v1/staff", tags=["media"], route_class=StrictRoute)


class PictureFilePage(Value):
    items: list[PictureFile] = Field(max_length=200)
    next_cursor: str | None


@router.post(
    "/patients/{patient_id}/pictures",
    status_code=201,
    summary="Add a picture",
    operation_id="uploadPicture",
    max_body_size=LARGEST_UPLOAD,
)
async def upload(ports: PortsHere, claims: StaffClaims, patient_id: UUID, form: PictureUpload) -> PictureFile:
    """Keep a picture of this patient. It is shown once it was looked into and is released."""

    async def admit(reading: Reading) -> Sender:
        staff = await standing_staff(reading, claims, Permission.WRITE_MEDIA)
        if await home_branch(reading, patient_id) is None:
            raise NotFound
        return Sender(patient_id, Actor(ActorKind.STAFF, staff.staff_id))

    _, picture = await take_picture(ports, scope_of(claims), admit, form)
    return picture


@router.get("/patients/{patient_id}/pictures", summary="A patient's pictures", operation_id="listPictures")
async def list_all(
    ports: PortsHere,
    call: Annotated[StaffWrites, staff_writes(Permission.READ_MEDIA)],
    patient_id: UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PictureFilePage:
    """All of them, latest upload first: also those that wait, were rejected or are not released.

    That they were looked up, by whom and when, stays in the patient's events.
    """
    if await home_branch(call.writing, patient_id) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "kept pictures", patient_id), cursor, limit,
        lambda place, most: picture_files(call.writing, patient_id, before=id_of(place), limit=most),
        lambda picture: [str(picture.picture_id)],
    )  # fmt: skip
    await call.note_read("pictures", patient_id)
    return PictureFilePage(items=items, next_cursor=following)
