"""`/v1/media/series`: short-lived links to the contact sheet of a series, for patients and staff alike.

A sheet is drawn when its link is asked for, from our own previews, and kept under the name of what it shows: who sees
the same of a series shares one file. When the link is opened, what its holder may see is asked again, and what changed
meanwhile is drawn anew.
"""

import asyncio
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.downloads import kept_bytes
from api.etags import holds
from api.holders import still_may
from api.media import FILE_ANSWERS, PictureLink, Signature
from api.ports import Ports, PortsHere
from api.strict import StrictRoute
from core.clock import now
from core.database import Scope
from core.errors import NotFound
from media.kinds import MediaType
from media.links import LINK_LIFE, GivenTo, Holder, opened_link, patient_mark, signature
from media.queries.series import sheet_content
from media.sheet import contact_sheet
from media.sheet_content import SheetContent, SheetPlace, fingerprint
from media.storage import Missing, file_key, sheet_key

router = APIRouter(tags=["series"], route_class=StrictRoute)


class SheetLanguage(StrEnum):
    """In which a sheet's names are written."""

    EN = "en"
    RU = "ru"
    IT = "it"
    ZH = "zh"


async def linked_sheet(
    ports: Ports, clinic_id: UUID, patient_id: UUID, series_id: UUID, language: str, given_to: GivenTo, at: datetime
) -> PictureLink:
    """Draws what is not drawn yet: outside of any transaction. Raises `NotFound`."""
    content = await _content(ports, clinic_id, series_id, given_to, at)
    if content.patient_id != patient_id:
        raise NotFound
    await _drawn(ports, clinic_id, content, language)
    expires_at = at.replace(microsecond=0) + LINK_LIFE
    in_language = SheetLanguage(language)
    signed = signature(_link_key(ports), clinic_id, patient_id, series_id, in_language, given_to, expires_at)
    url = f"{ports.public_url}/v1/media/series/{series_id}/{language}?signature={signed}"
    return PictureLink(url=url, expires_at=expires_at)


@router.get(
    "/v1/media/series/{series_id}/{language}", summary="Fetch a contact sheet by link", operation_id="fetchSeriesSheet",
    response_class=Response, responses={status: FILE_ANSWERS[status] for status in (200, 304, 403, 410)},
)  # fmt: skip
async def fetch(
    ports: PortsHere, request: Request, series_id: UUID, language: SheetLanguage, signature: Signature
) -> Response:
    """The contact sheet behind a link, as WebP (If-None-Match)."""
    return await _served(ports, request, series_id, language, signature)


@router.head(  # follows from GET (RFC 9110 §9.3.2), so the document does not name it
    "/v1/media/series/{series_id}/{language}", include_in_schema=False, operation_id="lookAtSeriesSheet",
)  # fmt: skip
async def look(
    ports: PortsHere, request: Request, series_id: UUID, language: SheetLanguage, signature: Signature
) -> Response:
    """What `GET` would answer, without the file."""
    answer = await _served(ports, request, series_id, language, signature)
    return Response(status_code=answer.status_code, headers=dict(answer.headers))


async def _served(ports: Ports, request: Request, series_id: UUID, language: SheetLanguage, signature: str) -> Response:
    at = now()
    link = opened_link(_link_key(ports), series_id, language, signature, at)
    content = await _content(ports, link.clinic_id, series_id, link.given_to, at)
    if patient_mark(_link_key(ports), content.patient_id, series_id) != link.mark:
        raise NotFound
    headers = {"etag": f'"{fingerprint(content, language)}"', "content-disposition": 'inline; filename="series.webp"'}
    if holds(request.headers, headers["etag"]):
        return Response(status_code=304, headers={"etag": headers["etag"]})
    key = await _drawn(ports, link.clinic_id, content, language)
    return Response(await kept_bytes(ports.storage, key), headers=headers, media_type=MediaType.WEBP)


async def _content(ports: Ports, clinic_id: UUID, series_id: UUID, given_to: GivenTo, at: datetime) -> SheetContent:
    """What this holder sees of it: a patient what is released, a guardian nothing private. Raises `NotFound`."""
    scope = Scope(clinic_id, guarded=given_to.holder is Holder.GUARDIAN)
    async with ports.database.reading(scope) as reading:
        content = await sheet_content(reading, series_id, shown=given_to.holder is not Holder.STAFF)
        if content is None:
            raise NotFound
        await still_may(reading, given_to, content.patient_id, at)
    return content


async def _drawn(ports: Ports, clinic_id: UUID, content: SheetContent, language: str) -> str:
    """Where this sheet lies, made where it is not. Who asks at the same moment makes it twice, and one replaces the
    other."""
    key = sheet_key(clinic_id, content.series_id, fingerprint(content, language))
    if await ports.storage.size(key) is None:
        pictures = await asyncio.gather(*(_preview(ports, clinic_id, content, place) for place in content.places))
        drawn = await asyncio.to_thread(contact_sheet, content, pictures, language)
        await ports.storage.put(key, drawn, MediaType.WEBP)
    return key


async def _preview(ports: Ports, clinic_id: UUID, content: SheetContent, place: SheetPlace) -> bytes | None:
    if place.sha256 is None:
        return None
    try:
        return await ports.storage.get(file_key(clinic_id, place.sha256, content.variant))
    except Missing:
        return None


def _link_key(ports: Ports) -> bytes:
    return ports.keys.secrets.keyed_hash("sheet links", "")
