"""`/v1/staff/patients/{patient_id}/pictures`: staff adds X-rays and photos and sees what is kept."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.pictures import LARGEST_FORM, PictureUpload, take_picture
from api.ports import PortsHere
from api.staff.uploads import admitting, standing
from api.strict import StrictRoute
from api.teeth import FdiTooth
from api.transaction import StaffWrites, scope_of, staff_writes
from clinic.queries import home_branch
from core.errors import NotFound
from core.values import Value
from identity.permissions import Permission
from media.kinds import PictureKind, PictureState
from media.queries import KeptPicture, PictureFile, Which, picture_files

router = APIRouter(prefix="/v1/staff", tags=["media"], route_class=StrictRoute)


class PictureFilePage(Value):
    items: list[KeptPicture] = Field(max_length=200)
    next_cursor: str | None


@router.post(
    "/patients/{patient_id}/pictures",
    status_code=201,
    summary="Add a picture",
    operation_id="uploadPicture",
    max_body_size=LARGEST_FORM,
)
async def upload(ports: PortsHere, claims: StaffClaims, patient_id: UUID, form: PictureUpload) -> PictureFile:
    """Keep a picture of this patient. It is shown once it was looked into and is released."""
    admit = admitting(claims, patient_id)
    _, picture = await take_picture(ports, scope_of(claims), admit, standing(claims), form)
    return picture


@router.get("/patients/{patient_id}/pictures", summary="A patient's pictures", operation_id="listPictures")
async def list_all(
    ports: PortsHere,
    call: Annotated[StaffWrites, staff_writes(Permission.READ_MEDIA)],
    patient_id: UUID,
    kind: PictureKind | None = None,
    tooth: Annotated[FdiTooth | None, Query(description="Only those that show this tooth, FDI.")] = None,
    state: PictureState | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PictureFilePage:
    """All of them, latest upload first: also those that wait, stand in quarantine or are not released.

    That they were looked up, by whom and when, stays in the patient's events.
    """
    if await home_branch(call.writing, patient_id) is None:
        raise NotFound
    which = Which(kind, tooth, state)
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"kept pictures {which.name}", patient_id), cursor, limit,
        lambda place, most: picture_files(
            call.writing, patient_id, before=id_of(place), limit=most, which=which
        ),
        lambda picture: [str(picture.picture_id)],
    )  # fmt: skip
    await call.note_read("pictures", patient_id)
    return PictureFilePage(items=items, next_cursor=following)
