"""`/v1/staff/dicomweb-sources`: the clinic's managers say which picture archives there are, and which no longer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api.caller import StaffClaims
from api.elsewhere import archives_of
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from core import clock
from core.events import Actor, ActorKind
from core.outside import LONGEST_ADDRESS
from core.values import ShortText, Value
from identity.permissions import Permission
from media.commands.sources import end_source, name_source
from media.dicomweb import Server, SignIn, checked_address
from media.queries import SourceView, sources

router = APIRouter(prefix="/v1/staff", tags=["media"], route_class=StrictRoute)

Knows = Annotated[StaffReads, staff_reads(Permission.MANAGE_CLINIC)]
Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)]
# What a header may hold as it is.
Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x20-\x7e]*$")]
Secret = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[\x21-\x7e]*$")]


class SourceName(Value):
    """An archive that answers WADO-RS."""

    name: ShortText = Field(examples=["radiology"])
    address: str = Field(
        min_length=1, max_length=LONGEST_ADDRESS, description="What stands before /studies.",
        examples=["https://pacs.clinic.example/dicom-web"],
    )  # fmt: skip
    sign_in: SignIn = Field(default=SignIn.NONE, examples=["basic"])
    user_name: Word = Field(default="", description="Of basic.", examples=["enamel"])
    secret: Secret = Field(
        default="", description="The password of basic, the token of bearer. Kept sealed and never told again."
    )


class Sources(Value):
    items: list[SourceView] = Field(max_length=200)
    next_cursor: str | None


@router.post("/dicomweb-sources", status_code=201, summary="Name an archive", operation_id="nameDicomwebSource")
async def name(ports: PortsHere, claims: StaffClaims, body: SourceName) -> SourceView:
    """From now on pictures may be told of that this archive keeps. To change one, end it and name it anew."""
    archives = archives_of(ports)
    async with ports.database.reading(scope_of(claims)) as reading:
        await standing_staff(reading, claims, Permission.MANAGE_CLINIC)
    server = Server(body.address, body.sign_in, body.user_name, body.secret)
    checked_address(body.address, plain_http=archives.plain_http)
    await archives.archive.check(body.address)
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.MANAGE_CLINIC)
        actor = Actor(ActorKind.STAFF, staff.staff_id)
        return await name_source(writing, archives, claims.clinic_id, body.name, server, actor, clock.now())


@router.get("/dicomweb-sources", summary="The clinic's archives", operation_id="listDicomwebSources")
async def list_all(ports: PortsHere, call: Knows, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Sources:
    """Those that ended too, with what troubles them, in the order in which they came. No secret is told."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "dicomweb sources", call.clinic_id), cursor, limit,
        lambda place, most: sources(call.reading, after=id_of(place), limit=most),
        lambda source: [str(source.source_id)],
    )  # fmt: skip
    return Sources(items=items, next_cursor=following)


@router.delete(
    "/dicomweb-sources/{source_id}", status_code=204, summary="End an archive", operation_id="endDicomwebSource"
)
async def end(call: Manages, source_id: UUID) -> Response:
    """Nothing is fetched there any more, and its secret is forgotten. Pictures keep previews and downloads."""
    await end_source(call.writing, call.clinic_id, source_id, call.actor, call.now)
    return Response(status_code=204)
